"""What Chronos runs: attempts that wait, and runs with how they ended. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sandbox.model import Task


class Outcome(StrEnum):
    """How a run ended."""

    SUCCESS = "Success"
    FAIL = "Fail"
    KILLED = "Killed"  # somebody asked for it: it counts as neither


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run that is to be: `due` is the slot's time, `number` counts its tries from 0."""

    job: str
    due: datetime
    number: int = 0
    arguments: str = ""
    not_before: datetime | None = None  # a retry waits

    @property
    def task_id(self) -> str:
        """`ct:<due ms>:<attempt>:<job>:<arguments>`, without what no folder may be called."""
        milliseconds = round(self.due.timestamp() * 1000)
        arguments = self.arguments.replace("/", "_").replace("\0", "")[:100]
        return f"ct:{milliseconds}:{self.number}:{self.job}:{arguments}"


@dataclass(slots=True)
class Run:
    """A task of Chronos, from its launch on; `ended` None while it runs."""

    attempt: Attempt
    task: Task
    started: datetime
    ended: datetime | None = None
    outcome: Outcome | None = None
    killed: bool = False  # somebody asked for its end

    @property
    def job(self) -> str:
        return self.attempt.job
