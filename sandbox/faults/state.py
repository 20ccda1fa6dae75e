"""The faults in force in one cluster. Written by the admin door, looked at where they bite.

Randomness comes from a seeded generator, so a run with the same seed and the same events spoils the same
ones.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.events import Event


class ApiFaultKind(StrEnum):
    ERROR = "error"  # answer `status` without doing anything
    DELAY = "delay"  # wait `delay_s` first
    HANG = "hang"  # never answer, do nothing
    LOSE_ANSWER = "lose_answer"  # do it, then drop the connection


@dataclass(slots=True)
class ApiFault:
    """Something wrong with Marathon's API, until a number of calls or a time is used up (None: no limit)."""

    id: str
    kind: ApiFaultKind
    status: int = 503
    delay_s: float = 0.0
    method: str | None = None  # only these calls
    path: str | None = None  # a regular expression that the path must contain
    calls: int | None = None
    until: float | None = None  # loop time
    cleared: asyncio.Event = field(default_factory=asyncio.Event)

    def used_up(self, loop_time: float) -> bool:
        return self.calls == 0 or (self.until is not None and loop_time >= self.until)


@dataclass(slots=True)
class EventFaults:
    """Probabilities from 0 to 1 for each event; `reorder` holds one back until the next has gone."""

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    silent: bool = False  # streams stay open, but not a byte comes, keep-alives neither
    dropped: int = 0
    duplicated: int = 0
    reordered: int = 0
    _held: Event | None = None
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - repeatable, not secret

    @property
    def holding(self) -> bool:
        """Whether an event is held back, to go after the next one."""
        return self._held is not None

    def mend(self) -> None:
        """Spoil nothing any more; the counts stay."""
        self.drop = self.duplicate = self.reorder = 0.0
        self.silent = False

    def seed(self, seed: int) -> None:
        self._random.seed(seed)

    def spoil(self, event: Event) -> list[Event]:
        """What is really sent when this event should be."""
        if not (self.drop or self.duplicate or self.reorder or self._held):
            return [event]
        held, self._held = self._held, None
        sent: list[Event] = []
        if self._random.random() < self.drop:
            self.dropped += 1
        elif held is None and self._random.random() < self.reorder:
            self.reordered += 1
            self._held = event
        else:
            sent.append(event)
            if self._random.random() < self.duplicate:
                self.duplicated += 1
                sent.append(event)
        return sent if held is None else [*sent, held]


@dataclass(slots=True)
class Faults:
    """All faults of one cluster."""

    api: dict[str, ApiFault] = field(default_factory=dict)
    events: EventFaults = field(default_factory=EventFaults)
    launch_delay_s: float = 0.0
    chronos_away: bool = False
    lost_hosts: set[str] = field(default_factory=set)  # by hostname; their processes are dead
    partitioned_hosts: set[str] = field(default_factory=set)  # by hostname; their processes live on

    def api_fault(self, method: str, path: str) -> ApiFault | None:
        """The first fault that concerns this call; it counts as used."""
        loop_time = asyncio.get_running_loop().time()
        for fault in list(self.api.values()):
            if fault.used_up(loop_time):
                del self.api[fault.id]
            elif fault.method in (None, method) and (fault.path is None or re.search(fault.path, path)):
                if fault.calls is not None:
                    fault.calls -= 1
                return fault
        return None
