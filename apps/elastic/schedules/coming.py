"""What will happen by time, and what it will mean beside a policy. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, islice, takewhile

from apps.elastic.schedules.bounds import EXACT, Slot, winner
from apps.elastic.schedules.calendar import Recurrence


@dataclass(frozen=True, slots=True)
class Limits:
    """The policy's, between which it scales by metric."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule."""

    schedule_id: int
    rule: Recurrence
    kind: str
    instances: int


@dataclass(frozen=True, slots=True)
class Coming:
    """A slot that comes. `holds`: whether it is the one that counts at its time; `least` and `most`: how many instances
    the job may have from then until `until`, the next slot that holds (None: none in sight)."""

    schedule_id: int
    at: datetime
    kind: str
    instances: int
    holds: bool
    least: int
    most: int
    until: datetime | None = None


def coming(
    rows: Sequence[Row], *, now: datetime, until: datetime, limits: Limits | None, at_most: int
) -> list[Coming]:
    """The slots of all rows from now to `until`, the earliest first."""
    merged = heapq.merge(*(_slots(row, now=now, until=until) for row in rows), key=_moment)
    found: list[Coming] = []
    for _, group in groupby(islice(merged, at_most), key=_moment):
        slots = list(group)
        wins = winner(slots)
        found += [_coming(slot, holds=slot == wins, limits=limits) for slot in slots]
    return _with_ends(found)


def _slots(row: Row, *, now: datetime, until: datetime) -> Iterator[Slot]:
    times = takewhile(lambda at: at <= until, row.rule.slots(now))
    return (Slot(row.schedule_id, at, row.kind, row.instances) for at in times)


def _moment(slot: Slot) -> datetime:
    return slot.at


def _coming(slot: Slot, *, holds: bool, limits: Limits | None) -> Coming:
    """Without a policy it is simply that number."""
    least = most = slot.instances
    if limits is not None:
        least = min(max(slot.instances, limits.min), limits.max)
        most = least if slot.kind == EXACT else limits.max
    return Coming(slot.schedule_id, slot.at, slot.kind, slot.instances, holds, least, most)


def _with_ends(found: list[Coming]) -> list[Coming]:
    ended: list[Coming] = []
    following: datetime | None = None
    for entry in reversed(found):
        ended.append(replace(entry, until=following) if entry.holds else entry)
        following = entry.at if entry.holds else following
    return ended[::-1]
