"""Chronos' schedules: `R[n]/start/period`. Source: Iso8601Expressions.scala."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SCHEDULE = re.compile(r"(R[0-9]*)/(.*)/(P.*)")
_PERIOD = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", re.ASCII)


class ScheduleError(ValueError):
    """Not a schedule, in Chronos' own words."""


def check_schedule(schedule: str) -> None:
    """Raises ScheduleError unless `schedule` can be read. An empty start is allowed and means now."""
    found = _SCHEDULE.fullmatch(schedule)
    if found is None or _PERIOD.fullmatch(found[3]) is None:
        raise ScheduleError(f"Cannot parse schedule '{schedule}' (wtf bro)")
    if not found[2]:
        return
    try:
        start = datetime.fromisoformat(found[2])
    except ValueError:
        raise ScheduleError(f"Cannot parse schedule '{schedule}' (wtf bro)") from None
    if start.replace(tzinfo=start.tzinfo or UTC).timestamp() < 0:
        raise ScheduleError(f"The schedule '{schedule}' is before 1970!")
