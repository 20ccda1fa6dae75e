"""How far a publish is, in numbers: of what is found. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from apps.jobs.planning import RolloutCount
from apps.jobs.rollout.values import Found, Manner, Slot, Wanted


@dataclass(frozen=True, slots=True)
class Progress:
    """Instances: `old` in the job's own place, `new` and of them `well` there, `beside` and of them `beside_well`."""

    wanted: int
    old: int
    new: int
    well: int
    beside: int
    beside_well: int

    @property
    def total_well(self) -> int:
        """New instances that are well, wherever, as far as they are wanted."""
        return min(self.wanted, self.well + self.beside_well)

    @property
    def percent(self) -> int:
        count = RolloutCount(
            wanted=self.wanted, new=self.new + self.beside, new_healthy=self.total_well, old=self.old
        )
        return count.percent


def measure(wanted: Wanted, found: Found) -> Progress:
    main, side = found.main, found.side
    beside = side if wanted.manner in {Manner.CANARY, Manner.BLUE_GREEN} and side and side.ours else None
    return Progress(
        wanted=wanted.instances,
        old=_old(main),
        new=len(main.new) if main else 0,
        well=_well(main),
        beside=len(beside.new) if beside else 0,
        beside_well=_well(beside),
    )


def _well(slot: Slot | None) -> int:
    return sum(copy.well for copy in slot.new) if slot else 0


def _old(slot: Slot | None) -> int:
    """Those that are ending too: none of before must remain."""
    return len(slot.copies) - len(slot.new) if slot else 0
