"""What a change of a job's number leaves in its memory, and taking that back where the change did not come about."""

from __future__ import annotations

from typing import NamedTuple, Self

from apps.elastic.planning.fleet import fleet_ordered
from apps.elastic.planning.memory import Memory
from apps.elastic.planning.turns import turns_see
from apps.elastic.planning.values import Observation


class Before(NamedTuple):
    """What the change wrote over."""

    out_s: float | None
    in_s: float | None
    turns: float
    turned_s: float
    ordered: int
    ordered_s: float | None

    @classmethod
    def of(cls, memory: Memory) -> Self:
        fleet = memory.fleet
        return cls(memory.out_s, memory.in_s, memory.turns, memory.turned_s, fleet.ordered, fleet.ordered_s)

    def bring_back(self, memory: Memory) -> None:
        memory.out_s, memory.in_s, memory.turns, memory.turned_s = self[:4]
        memory.fleet.ordered, memory.fleet.ordered_s = self.ordered, self.ordered_s


def change(memory: Memory, seen: Observation, wanted: int) -> Before:
    """Note that another number is asked for."""
    before = Before.of(memory)
    turns_see(memory, now_s=seen.now_s, wanted=wanted, before=seen.wanted)
    if wanted > seen.wanted:
        memory.out_s = seen.now_s
        fleet_ordered(memory.fleet, now_s=seen.now_s, wanted=wanted)
    else:
        memory.in_s = seen.now_s
    return before
