"""What the loop remembers of one job between two ticks.

`decide` brings it up to date in place: a copy a tick of 10,000 jobs would cost more than the decisions. Who asks "what
if" passes `memory.copy()`. `to_json` is what a checkpoint keeps: small, of JSON's own types.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self, TypeVar

Kept = TypeVar("Kept")


@dataclass(slots=True)
class ThresholdMemory:
    """Consecutive samples beyond the limits, since the last action. `last_s`, `step_s`: what lay between the last two
    samples, and the shorter of the last two such times."""

    sampled_s: float | None = None
    last_s: float = 0.0
    step_s: float = 0.0
    high: int = 0
    low: int = 0
    reporting: int = 0
    value: float = 0.0


@dataclass(slots=True)
class LoadMemory:
    """A total load as `forecast` follows it. Negative: not known yet.

    `level` (`room` for slow noise included) and the `slope` per second are what counts; `mean`, `short`, `long`,
    `middle` and `usual` are moving means, from seconds to an hour; `variance` is the noise's, `slow` that of the
    `parts` (means of whole minutes; `part_…`: the one under way), `swing` says how far it goes on and off; `recent`
    are the last samples; `claims` the forecasts that are not due yet (when, level then, rise), and `came` over
    `claimed` how much of the earlier ones did come.
    """

    time_s: float = 0.0
    level: float = 0.0
    room: float = 0.0
    slope: float = 0.0
    mean: float = 0.0
    short: float = 0.0
    long: float = 0.0
    middle: float = 0.0
    usual: float = -1.0
    variance: float = -1.0
    slow: float = -1.0
    part_s: float = 0.0
    part_sum: float = 0.0
    part_count: int = 0
    parts: list[float] = field(default_factory=list)
    swing: float = 0.0
    came: float = 0.0
    claimed: float = 0.0
    recent: list[float] = field(default_factory=list)
    claims: deque[tuple[float, float, float]] = field(default_factory=deque)


@dataclass(slots=True)
class ProfileMemory:
    """The learned week (`profile`), and what is gathered for the half hour under way."""

    slots: list[float] = field(default_factory=list)
    slot: int = -1
    slot_max: float = 0.0
    part_s: float = -1.0
    part_sum: float = 0.0
    part_count: int = 0


@dataclass(slots=True)
class TargetMemory:
    """The newest sample, and since when they come without a gap; the largest loads of a past window, those that no
    later one exceeded, oldest (and largest) first: what was there (`peaks`), and what was forecast (`ahead`); what an
    instance was seen to do. Until `drained_s` queued work hides the load;
    `full` samples in a row had CPU at 100 %."""

    sampled_s: float | None = None
    last_s: float = 0.0
    step_s: float = 0.0
    since_s: float = 0.0
    drained_s: float = 0.0
    full: int = 0
    value: float = 0.0
    reporting: int = 0
    silent: int = 0
    rate_mean: float = 0.0
    cpu_mean: float = 0.0
    capacity_samples: int = 0
    load: LoadMemory = field(default_factory=LoadMemory)
    profile: ProfileMemory = field(default_factory=ProfileMemory)
    peaks: deque[tuple[float, float]] = field(default_factory=deque)
    ahead: deque[tuple[float, float]] = field(default_factory=deque)


@dataclass(slots=True)
class FleetMemory:
    """Instances as they were seen. `settled`: healthy long enough that their samples must have come. `ordered`: asked
    for at `ordered_s`, while that is timed. `startup_s`: learned; negative: not yet."""

    settled: int = 0
    more_since_s: float | None = None
    ordered: int = 0
    ordered_s: float | None = None
    startup_s: float = -1.0


class Waiting(NamedTuple):
    """Growth from one number to another that could not be asked for, since a time."""

    wanted: int
    before: int
    since_s: float


@dataclass(slots=True)
class Memory:
    """Empty for a job that was never seen: what is not known can only hold or grow. `out_s`, `in_s`: last growth and
    shrink. `turns`, as of `turned_s`: how often shrinking was taken back. `waiting`: see the module of that name."""

    thresholds: dict[str, ThresholdMemory] = field(default_factory=dict)
    targets: dict[str, TargetMemory] = field(default_factory=dict)
    fleet: FleetMemory = field(default_factory=FleetMemory)
    began_s: float | None = None
    seen_s: float | None = None
    out_s: float | None = None
    in_s: float | None = None
    turns: float = 0.0
    turned_s: float = 0.0
    waiting: Waiting | None = None

    def copy(self) -> Memory:
        return Memory.from_json(self.to_json())

    def to_json(self) -> dict[str, Any]:
        kept: dict[str, Any] = _kept(self)
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """The memory that was kept. What an earlier release did not keep has its default, what it kept besides is
        left out."""
        memory = _restored(cls, kept)
        memory.thresholds = {
            name: _restored(ThresholdMemory, of) for name, of in kept.get("thresholds", {}).items()
        }
        memory.targets = {name: _target(of) for name, of in kept.get("targets", {}).items()}
        memory.fleet = _restored(FleetMemory, kept.get("fleet", {}))
        memory.waiting = Waiting(*kept["waiting"]) if kept.get("waiting") else None
        return memory


def _target(kept: Mapping[str, Any]) -> TargetMemory:
    target = _restored(TargetMemory, kept)
    target.load = _restored(LoadMemory, kept.get("load", {}))
    target.profile = _restored(ProfileMemory, kept.get("profile", {}))
    target.load.claims = deque((due, level, rise) for due, level, rise in target.load.claims)
    target.peaks = deque((at, load) for at, load in target.peaks)
    target.ahead = deque((at, load) for at, load in target.ahead)
    return target


def _kept(value: Any) -> Any:
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, (int, str)) or value is None:
        return value
    if isinstance(value, dict):
        return {name: _kept(of) for name, of in value.items()}
    if isinstance(value, (list, deque, tuple)):
        return [_kept(of) for of in value]
    empty = _EMPTY[type(value)]
    return {
        name: _kept(of) for name in value.__slots__ if (of := getattr(value, name)) != getattr(empty, name)
    }


def _short(value: float) -> float:
    """Seven figures of a load, milliseconds of a time: what lies beyond decides nothing and is most of the text."""
    return round(value, 3) if abs(value) >= 10_000 else float(f"{value:.7g}")


_EMPTY = {
    cls: cls() for cls in (ThresholdMemory, LoadMemory, ProfileMemory, TargetMemory, FleetMemory, Memory)
}
"""What is as it began is not kept."""


def _restored(cls: type[Kept], kept: Mapping[str, Any]) -> Kept:
    """Lists are copied: a memory shares nothing with what it was restored from."""
    known = (field.name for field in fields(cls) if field.name in kept)  # type: ignore[arg-type]
    return cls(**{name: list(kept[name]) if isinstance(kept[name], list) else kept[name] for name in known})
