"""Chronos' schedules, `R[n]/start/period`: reading them, what is due, and how they move. Pure.

The stored schedule moves: after each run `start` is the next one's and n is lower. The two lines differ:

* 3.x runs what is due however late, once, and then leaps over every slot that has passed; n falls by one.
* 2.x runs only what is at most `epsilon` late (60 s unless the job says otherwise), and drops the slots before
  that, each of which costs one of n. A job that has none left is removed.

`scheduleTimeZone` keeps the clock that is written in `start` and replaces its zone; an unknown one means GMT. Days
and longer follow that zone's calendar, hours and shorter are exact; a clock time that does not exist moves on by
the gap, as Joda has it. 3.x moves months and years by approximate seconds, so they drift.
Source: Iso8601Expressions.scala, JobSchedule.scala, JobUtils.scala, JobScheduler.scala.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_SCHEDULE = re.compile(r"(R[0-9]*)/(.*)/(P.*)")
_PERIOD = re.compile(
    r"P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_MONTH_S = 30 * 86400
_YEAR_S = 365 * 86400
DEFAULT_EPSILON = timedelta(seconds=60)
_AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


class ScheduleError(ValueError):
    """Not a schedule, in Chronos' own words."""


@dataclass(frozen=True, slots=True)
class Period:
    """An ISO 8601 duration as its calendar parts and its exact part."""

    months: int
    days: int
    exact: timedelta

    def after(self, start: datetime, times: int) -> datetime:
        """`times` periods after `start`, by the calendar of its zone."""
        months = start.year * 12 + start.month - 1 + self.months * times
        year, month = months // 12, months % 12 + 1
        day = min(start.day, calendar.monthrange(year, month)[1])
        wall = start.replace(year=year, month=month, day=day, fold=0) + timedelta(days=self.days * times)
        # Through UTC: a clock time that a zone skips becomes the one after the gap.
        return (wall.astimezone(UTC) + self.exact * times).astimezone(start.tzinfo)

    def exactly_after(self, start: datetime, times: int) -> datetime:
        """The same with months and years of a fixed length, as 3.x moves them."""
        years, months = divmod(self.months, 12)
        seconds = (years * _YEAR_S + months * _MONTH_S) * times
        moved = (start.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(start.tzinfo)
        return replace(self, months=0).after(moved, times)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`repeat` None: for ever. `start` None: now. Its offset is the one that it was written with, or its zone."""

    repeat: int | None
    start: datetime | None
    period: Period
    period_text: str

    @property
    def exhausted(self) -> bool:
        return self.repeat == 0

    def __str__(self) -> str:
        """As Chronos prints it: milliseconds, and `Z` for UTC."""
        start = "" if self.start is None else self.start.isoformat(timespec="milliseconds")
        if start.endswith("+00:00"):
            start = f"{start.removesuffix('+00:00')}Z"
        return f"R{'' if self.repeat is None else self.repeat}/{start}/{self.period_text}"


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is due, and the schedule from then on."""

    at: datetime
    left: Schedule


def read_schedule(text: str, zone: str = "") -> Schedule:
    """Raises ScheduleError unless `text` can be read. An empty start is allowed and means now."""
    found = _SCHEDULE.fullmatch(text)
    period = None if found is None else _PERIOD.fullmatch(found[3])
    if found is None or period is None:
        raise ScheduleError(f"Cannot parse schedule '{text}' (wtf bro)")
    start = _read_start(text, found[2], zone) if found[2] else None
    years, months, weeks, days, hours, minutes = (int(period[n] or 0) for n in range(1, 7))
    exact = timedelta(hours=hours, minutes=minutes, seconds=float(period[7] or 0))
    if not (years or months or weeks or days or exact):
        # Upstream loops for ever on it.
        raise ScheduleError(f"Cannot parse schedule '{text}' (wtf bro)")
    repeat = int(found[1][1:]) if len(found[1]) > 1 else None
    return Schedule(repeat, start, Period(years * 12 + months, weeks * 7 + days, exact), found[3])


def _read_start(text: str, written: str, zone: str) -> datetime:
    try:
        start = datetime.fromisoformat(written)
    except ValueError:
        raise ScheduleError(f"Cannot parse schedule '{text}' (wtf bro)") from None
    start = start.replace(tzinfo=_zone(zone) if zone else start.tzinfo or UTC)
    if start.timestamp() < 0:
        raise ScheduleError(f"The schedule '{text}' is before 1970!")
    return start


def _zone(name: str) -> tzinfo:
    """`TimeZone.getTimeZone` says GMT for what it does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def read_duration(text: str) -> timedelta | None:
    """An exact duration, as `epsilon` is; None for one that cannot be read, or that is a matter of the calendar."""
    try:
        period = read_schedule(f"R//{text}").period
    except ScheduleError:
        return None
    return None if period.months else period.exact + timedelta(days=period.days)


def next_start(schedule: Schedule) -> datetime | None:
    """When it is to be looked at next; None: never again."""
    if schedule.exhausted:
        return None
    return _AT_ONCE if schedule.start is None else schedule.start.astimezone(UTC)


def due_in_3(schedule: Schedule, *, now: datetime) -> Due | None:
    """The run that is due now, however late."""
    if schedule.exhausted:
        return None
    start = schedule.start or now - timedelta(seconds=1)
    if start > now:
        return None
    return Due(start, replace(_fewer(schedule, 1), start=_beyond(start, schedule.period, now)))


def due_in_2(schedule: Schedule, *, now: datetime, epsilon: timedelta) -> tuple[Due | None, Schedule]:
    """The run that is due now and not later than `epsilon`, and the schedule without the slots that were dropped."""
    start = schedule.start or now - timedelta(seconds=1)
    passed = _periods_until(start, schedule.period, now - epsilon, schedule.period.after)
    at = schedule.period.after(start, passed)
    left = replace(_fewer(schedule, passed), start=at)
    if left.exhausted or at > now:
        return None, left
    return Due(at, replace(_fewer(left, 1), start=schedule.period.after(start, passed + 1))), left


def _fewer(schedule: Schedule, runs: int) -> Schedule:
    return schedule if schedule.repeat is None else replace(schedule, repeat=max(0, schedule.repeat - runs))


def _beyond(start: datetime, period: Period, now: datetime) -> datetime:
    """`start` moved by as many periods as bring it after `now`."""
    times = _periods_until(start, period, now, period.exactly_after)
    moved = period.exactly_after(start, max(1, times))
    return moved if moved > now else period.exactly_after(start, times + 1)


def _periods_until(
    start: datetime, period: Period, moment: datetime, after: Callable[[datetime, int], datetime]
) -> int:
    """How many periods bring `start` to `moment` or past it; none where it is there already."""
    if start >= moment:
        return 0
    length_s = (after(start, 1) - start).total_seconds()
    # A little short of it, since months differ; the rest is counted.
    times = max(0, int((moment - start).total_seconds() / length_s * 0.98) - 1)
    while after(start, times) < moment:
        times += 1
    return times
