"""Which slot counts when several schedules of a job speak, and what it holds the job to. Pure.

The newest slot wins. Among slots of the same moment an exact number wins over a floor, the largest floor over smaller
ones, and of exact numbers the row that was added last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

FLOOR = "floor"
EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Slot:
    """One time of one schedule; `schedule_id` grows with the order of adding."""

    schedule_id: int
    at: datetime
    kind: str
    instances: int


@dataclass(frozen=True, slots=True)
class Bound:
    """What the schedules hold a job to now: one of `floor` and `exact`. `why`: since when, by which row."""

    floor: int | None
    exact: int | None
    schedule_id: int
    since: datetime


def winner(slots: Iterable[Slot]) -> Slot:
    """The one of these that holds."""
    return max(slots, key=_rank)


def _rank(slot: Slot) -> tuple[datetime, bool, int]:
    exact = slot.kind == EXACT
    return slot.at, exact, slot.schedule_id if exact else slot.instances


def bound_of(slot: Slot) -> Bound:
    """What the slot means for whoever decides."""
    exact = slot.kind == EXACT
    return Bound(
        floor=None if exact else slot.instances,
        exact=slot.instances if exact else None,
        schedule_id=slot.schedule_id,
        since=slot.at,
    )
