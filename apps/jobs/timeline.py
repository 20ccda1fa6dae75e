"""A job's time line: what people did and what the scheduler reported, as lines, the like of which fold into one.

Pure: rows come in as `Line`s, the newest first, and go out as `Entry`s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple, Self

Source = Literal["operation", "event"]
_LETTERS: dict[str, Source] = {"o": "operation", "e": "event"}
YEARS = range(1970, 9000)
"""Those that a database, a browser and every time zone can count with."""


class Place(NamedTuple):
    """Where a line stands: time, then source, then number, so that the order is total and no line is lost between two
    pages. Text: `2026-11-20T08:00:00.123456Z_e42`; a time alone stands before all lines of that moment."""

    at: datetime
    source: Source = "event"
    pk: int = 0

    def __str__(self) -> str:
        at = self.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return f"{at}_{self.source[0]}{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is no place, or lies in a year out of `YEARS`."""
        time, mark, rest = text.partition("_")
        at = datetime.fromisoformat(time)
        if at.tzinfo is None or at.year not in YEARS:
            raise ValueError(text)
        if not mark:
            return cls(at)
        if rest[:1] not in _LETTERS or not rest[1:].isascii() or not rest[1:].isdigit() or len(rest) > 19:
            raise ValueError(text)
        return cls(at, _LETTERS[rest[0]], int(rest[1:]))


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened, in words. `who` is the person who did it, empty for what the scheduler reported;
    `folds_by` is what it has in common with its like, empty for what is worth a line of its own each time."""

    place: Place
    kind: str
    level: str
    text: str
    who: str = ""
    reason: str = ""
    operation: int | None = None
    operation_kind: str = ""
    operation_state: str = ""
    version: int | None = None
    task_id: str = ""
    folds_by: str = ""

    @property
    def at(self) -> datetime:
        return self.place.at

    @property
    def by_people(self) -> bool:
        return bool(self.who) or self.operation is not None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line, or `count` of its like: `line` is the newest of them, `first_at` the time of the oldest."""

    line: Line
    count: int
    first_at: datetime


@dataclass(slots=True)
class _Stretch:
    """What the scheduler reported between two things that people did, within a day."""

    day: date | None = None
    open: dict[tuple[str, str], int] = field(default_factory=dict)


def fold(lines: Iterable[Line], *, day: Callable[[datetime], date]) -> list[Entry]:
    """Lines of one kind that say the same stand as one with their number, as long as nobody did anything in between
    and it was the same day: a crash loop is one line, and what a person did stays between what was before and after.

    `day` says on which day of the reader's a moment is.
    """
    entries: list[Entry] = []
    stretch = _Stretch()
    for line in lines:
        today = day(line.at)
        if line.by_people or today != stretch.day:
            stretch = _Stretch(today)
        key = (line.kind, line.folds_by)
        at = stretch.open.get(key) if line.folds_by and not line.by_people else None
        if at is None:
            if line.folds_by and not line.by_people:
                stretch.open[key] = len(entries)
            entries.append(Entry(line, 1, line.at))
        else:
            entries[at] = replace(entries[at], count=entries[at].count + 1, first_at=line.at)
    return entries
