"""What the loop remembers of one job between two ticks.

`decide` brings it up to date in place: a copy a tick of 10,000 jobs would cost more than the decisions. Who asks "what
if" passes `memory.copy()`. `to_json` is what a checkpoint keeps: small, of JSON's own types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(slots=True)
class ThresholdMemory:
    """Consecutive samples beyond the limits, since the last action."""

    sampled_s: float | None = None
    high: int = 0
    low: int = 0
    silent: int = 0
    value: float = 0.0


@dataclass(slots=True)
class TargetMemory:
    """The newest sample, and the wishes of the past window that no later one exceeded, oldest (and largest) first."""

    sampled_s: float | None = None
    value: float = 0.0
    silent: int = 0
    peaks: list[tuple[float, int]] = field(default_factory=list)


@dataclass(slots=True)
class FleetMemory:
    """Instances as they were seen. `settled`: healthy long enough that their samples must have come."""

    settled: int = 0
    more_since_s: float | None = None


@dataclass(slots=True)
class Memory:
    """Empty for a job that was never seen: what is not known can only hold or grow."""

    thresholds: dict[str, ThresholdMemory] = field(default_factory=dict)
    targets: dict[str, TargetMemory] = field(default_factory=dict)
    fleet: FleetMemory = field(default_factory=FleetMemory)
    began_s: float | None = None
    seen_s: float | None = None
    out_s: float | None = None
    in_s: float | None = None

    def copy(self) -> Memory:
        return Memory.from_json(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """The memory that was kept. What an earlier release did not keep has its default."""
        return cls(
            thresholds={
                name: ThresholdMemory(**values) for name, values in kept.get("thresholds", {}).items()
            },
            targets={name: TargetMemory(**values) for name, values in kept.get("targets", {}).items()},
            fleet=FleetMemory(**kept.get("fleet", {})),
            **{name: kept.get(name) for name in ("began_s", "seen_s", "out_s", "in_s")},
        )
