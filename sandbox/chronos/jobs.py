"""Chronos' job object: what is read from a request, and what is shown. Pure.

Source: JobDeserializer.scala, JobSerializer.scala, Jobs.scala.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.chronos.schedule import read_schedule
from sandbox.timestamps import format_timestamp, now

Job = dict[str, Any]
"""A job as it is shown, all fields in output order; with `schedule` or `parents`, never both."""


class JobError(Exception):
    """Chronos does not take this job; `status` is the answer's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Line:
    """What differs between the two lines of Chronos."""

    major: int
    prefix: str
    names: re.Pattern[str]
    extra_fields: tuple[tuple[str, Any], ...]
    default_schedule: Callable[[], str]


LINE_2 = Line(
    major=2,
    prefix="/scheduler",
    names=re.compile(r"[\w\s#_.-]+"),
    extra_fields=(("epsilon", "PT60S"), ("async", False)),
    default_schedule=lambda: "R1//PT24H",
)
LINE_3 = Line(
    major=3,
    prefix="/v1/scheduler",
    names=re.compile(r"[\w.-]+"),
    extra_fields=(("concurrent", False),),
    default_schedule=lambda: f"R1/{format_timestamp(now())}/PT24H",
)

_DEFAULTS: tuple[tuple[str, Any], ...] = (
    ("command", ""),
    ("shell", True),
    ("executor", ""),
    ("executorFlags", ""),
    ("taskInfoData", ""),
    ("retries", 2),
    ("owner", ""),
    ("ownerName", ""),
    ("description", ""),
    ("successCount", 0),
    ("errorCount", 0),
    ("lastSuccess", ""),
    ("lastError", ""),
    ("cpus", 0.1),
    ("disk", 256.0),
    ("mem", 128.0),
    ("disabled", False),
    ("softError", False),
    ("dataProcessingJobType", False),
    ("errorsSinceLastSuccess", 0),
    ("fetch", []),
    ("uris", []),
    ("environmentVariables", []),
    ("arguments", []),
    ("highPriority", False),
    ("runAsUser", "root"),
)
_NOT_INHERITED = frozenset(
    {
        "arguments",
        "concurrent",
        "constraints",
        "container",
        "description",
        "environmentVariables",
        "ownerName",
        "parents",
        "runAsUser",
        "shell",
    }
)
_OPERATORS = ("EQUALS", "LIKE", "UNLIKE")


def read_job(body: Any, line: Line, *, dependent: bool) -> Job:
    """A request's job with every default filled in. Raises JobError, or ScheduleError.

    Unknown keys are ignored and an unknown constraint operator is dropped without a word, as upstream does."""
    if not isinstance(body, dict):
        raise JobError("The job is not a JSON object")
    name = str(body.get("name", ""))
    if line.names.fullmatch(name) is None:
        raise JobError(
            f"requirement failed: the job's name is invalid. Allowed names: '{line.names.pattern}'"
        )
    job: Job = {"name": name}
    for field, default in (*_DEFAULTS, *line.extra_fields):
        job[field] = _value(field, body.get(field, default), default)
    for field, standard in (("cpus", 0.1), ("disk", 256.0), ("mem", 128.0)):
        job[field] = job[field] or standard
    if "container" in body:
        job["container"] = body["container"]
    job["constraints"] = [
        constraint for constraint in body.get("constraints", []) if str(constraint[1]).upper() in _OPERATORS
    ]
    if dependent:
        job["parents"] = list(body.get("parents", []))
    else:
        job["schedule"] = body.get("schedule") or line.default_schedule()
        job["scheduleTimeZone"] = str(body.get("scheduleTimeZone", ""))
        read_schedule(job["schedule"], job["scheduleTimeZone"])
    return job


def inherit_schedule(child: Job, parent: Job) -> Job:
    """A dependent job whose scheduled parent was deleted: it takes over the schedule and loses what
    upstream forgets to copy."""
    kept = {field: value for field, value in child.items() if field not in _NOT_INHERITED}
    defaults = {field: value for field, value in _DEFAULTS if field in _NOT_INHERITED}
    return {
        **kept,
        **defaults,
        "constraints": [],
        "schedule": parent["schedule"],
        "scheduleTimeZone": parent["scheduleTimeZone"],
    }


def _value(field: str, value: Any, default: Any) -> Any:
    """A field in its default's type; numbers and booleans may come as texts."""
    try:
        if isinstance(default, bool):
            return value.lower() == "true" if isinstance(value, str) else bool(value)
        if isinstance(default, int | float):
            return type(default)(value)
    except (TypeError, ValueError):
        raise JobError(f"Cannot read '{field}': {value!r}") from None
    return str(value) if isinstance(default, str) else list(value)
