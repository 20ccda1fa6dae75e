"""When the slots of a schedule are. Pure.

Slot `n` is the start plus `n` intervals, counted from the start each time, so that nothing adds up: a schedule on the
31st is on the 28th in February and on the 31st again in March. Years to days follow the calendar of the schedule's
zone, hours and shorter are exact time. A clock time that does not exist (clocks go forward) is the moment at which
they do; one that comes twice is taken the first time.
Source: ISO 8601 durations; java.time's ZonedDateTime.plus does the same but for gaps, where it moves by the gap.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

_INTERVAL = re.compile(
    r"P(?=.)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,6})M)?)?",
    re.ASCII,
)
SHORTEST = timedelta(minutes=1)
LONGEST_MONTHS = 1200
_LAST_YEAR = 9000


class NotAnInterval(ValueError):
    """The text is no ISO 8601 duration of whole minutes, or not one that a schedule can have."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Calendar months and days, and exact minutes."""

    months: int = 0
    days: int = 0
    minutes: int = 0

    def __str__(self) -> str:
        """The shortest ISO 8601 text that says it."""
        years, months = divmod(self.months, 12)
        hours, minutes = divmod(self.minutes, 60)
        weeks, days = divmod(self.days, 7) if self.days % 7 == 0 and not self.months else (0, self.days)
        date = "".join(
            f"{n}{unit}" for n, unit in ((years, "Y"), (months, "M"), (weeks, "W"), (days, "D")) if n
        )
        time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
        return f"P{date}{'T' if time else ''}{time}"

    @property
    def at_most(self) -> timedelta:
        """No interval lasts longer than this, whatever the calendar."""
        return timedelta(days=31 * self.months + self.days, minutes=self.minutes)


def read_interval(text: str) -> Interval:
    """`P1D`, `PT2H`, `P1W`, `P1M`, `P1DT12H`. Raises NotAnInterval."""
    found = _INTERVAL.fullmatch(text.strip().upper())
    if found is None:
        raise NotAnInterval(text)
    years, months, weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    interval = Interval(years * 12 + months, weeks * 7 + days, hours * 60 + minutes)
    if interval.at_most < SHORTEST or interval.months > LONGEST_MONTHS:
        raise NotAnInterval(text)
    return interval


@dataclass(frozen=True)
class Recurrence:
    """From `start` on the clock of `zone`, each `interval` again; without one, once."""

    start: datetime  # naive: what the clock of the zone shows
    zone: str
    interval: Interval | None

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def slot(self, number: int) -> datetime:
        """The time of slot `number` (from 0), in UTC. Raises OverflowError beyond the calendar's end."""
        if self.interval is None or not number:
            return moment(self.start, self._zone)
        wall = _months_later(self.start, self.interval.months * number)
        wall += timedelta(days=self.interval.days * number)
        if wall.year > _LAST_YEAR:
            raise OverflowError("beyond the calendar's end")
        return moment(wall, self._zone) + timedelta(minutes=self.interval.minutes * number)

    def next_after(self, after: datetime) -> datetime | None:
        """The first slot that is later than `after`; None where there is none."""
        return next(self.slots(after), None)

    def latest_until(self, until: datetime) -> datetime | None:
        """The last slot that is not later than `until`; None before the first."""
        number = self._first_after(until) - 1
        return None if number < 0 else self.slot(number)

    def slots(self, after: datetime) -> Iterator[datetime]:
        """All slots later than `after`, in order, perhaps without end."""
        number = self._first_after(after)
        last = after
        while self.interval is not None or number == 0:
            try:
                slot = self.slot(number)
            except OverflowError:
                return
            if slot > last:  # two clock times that do not exist are one moment
                yield slot
                last = slot
            number += 1

    def _first_after(self, after: datetime) -> int:
        """The number of the first slot later than `after`."""
        if self.slot(0) > after:
            return 0
        if self.interval is None:
            return 1
        passed = after - self.slot(0)
        # Never past it: months are counted at their longest, and a zone's clocks move by hours at most.
        number = max(0, (passed - timedelta(days=2)) // self.interval.at_most)
        low, step = number, 1
        while self._passed(low + step, after):
            low += step
            step *= 2
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            if self._passed(middle, after):
                low = middle
            else:
                high = middle
        return high

    def _passed(self, number: int, after: datetime) -> bool:
        try:
            return self.slot(number) <= after
        except OverflowError:
            return False


@lru_cache(maxsize=4096)
def recurrence(start: datetime, zone: str, interval: str) -> Recurrence:
    """The rule of a row; `interval` empty: once."""
    return Recurrence(start, zone, read_interval(interval) if interval else None)


def moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the clock of the zone shows `wall` (naive), the first time; in a gap, when the clock leaps over it."""
    found = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == wall:
        return found
    # In a gap the two folds name the offsets of before and after; the leap lies between what they come to.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    low, high = early, found
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _months_later(wall: datetime, months: int) -> datetime:
    """The same day so many months later, or the month's last."""
    if not months:
        return wall
    count = wall.year * 12 + wall.month - 1 + months
    year, month = count // 12, count % 12 + 1
    if year > _LAST_YEAR:
        raise OverflowError("beyond the calendar's end")
    return wall.replace(year=year, month=month, day=min(wall.day, calendar.monthrange(year, month)[1]))
