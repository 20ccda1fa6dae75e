"""The words of a scaling decision: what is wanted (Policy), what was seen (Observation), what follows (Decision).

Frozen values. Times are seconds of one clock (Unix time in production, the simulator's own in `bench/elastic`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from apps.elastic.planning.changes import Before
    from apps.elastic.planning.memory import Memory

Metric = Literal["cpu", "memory", "qps", "latency"]
"""Means over the instances that reported: `cpu` and `memory` in % of what the job asked for, `qps` in requests/s per
instance, `latency` in ms."""


class Mode(StrEnum):
    """How one metric is turned into a number of instances."""

    THRESHOLD = "threshold"  # the slide's form: k samples above → +step, k samples below → −step
    TARGET = "target"  # hold the metric at a value


@dataclass(frozen=True, slots=True)
class Rule:
    """The trigger of threshold mode: so many consecutive samples beyond the limit (seed 001: 3 samples > 80)."""

    samples: int
    limit: float


@dataclass(frozen=True, slots=True)
class MetricPolicy:
    """What one metric asks for.

    Threshold mode reads `out` and `in_`, target mode `target` (in the metric's unit, per instance).
    `share` (of target mode, `qps` only): hold the metric at this share, 0 to 1, of what one instance can do, which is
    learned from `qps` and `cpu` seen together; `target` is then the first guess of that hold.
    """

    metric: Metric
    mode: Mode = Mode.TARGET
    out: Rule | None = None
    in_: Rule | None = None
    target: float | None = None
    share: float | None = None


class Shrinking(StrEnum):
    """What happens with a shrink too large for one step (`Policy.step_count_max`, `Policy.step_share_max`)."""

    STEPS = "steps"  # in steps of the allowed size; a person may approve doing it at once
    ASK = "ask"  # not at all until a person approves


@dataclass(frozen=True, slots=True)
class Policy:
    """All that a person chose for one job.

    `min`, `max`: bounds of what is ever asked for. `step`: instances a threshold fires for.
    `window_s`: target mode shrinks only to the largest load of so many past seconds (JD: only if the metrics stayed
    low over a past period), of 15 % of them where much would be gained (see `target`). `cooldown_out_s`,
    `cooldown_in_s`: least time since the last change before growing or shrinking. `grow_max`: instances added by one
    decision at most, None for any number.

    One step down is one decision. It takes at most `step_count_max` instances and at most `step_share_max` of them
    (always at least one, and the `step` of threshold mode), and the next follows `step_period_s` later: that is the cap
    on how fast to shrink. More than that in one step asks a person: the decision says `needs_approval` and what it
    would do (`asks`); `shrinking` says whether it goes on in small steps meanwhile. By default it does, so that nobody
    is woken for a night's fall; `Shrinking.ASK` is for jobs where any great fall should be looked at.

    `predict`: add the learned daily and weekly shape as a floor. `startup_s`: first guess of the time from the order
    to an instance that serves; it is learned. `stale_s`: a newest sample older than this (or than three steps of a
    source that sends less often) is no sample, and one of half that age is none to shrink by. `alarm_s`: somebody
    is told when no metric has had anything to say for so long.
    """

    metrics: tuple[MetricPolicy, ...]
    min: int
    max: int
    step: int = 1
    window_s: float = 600.0
    cooldown_out_s: float = 0.0
    cooldown_in_s: float = 0.0
    grow_max: int | None = None
    step_count_max: int = 10
    step_share_max: float = 0.30
    step_period_s: float = 15.0
    shrinking: Shrinking = Shrinking.STEPS
    predict: bool = False
    startup_s: float = 30.0
    stale_s: float = 30.0
    alarm_s: float = 600.0


class Sample(NamedTuple):
    """One measurement of one metric: its mean over the `reporting` instances that sent it, at `time_s`."""

    time_s: float
    value: float
    reporting: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What one tick sees of one job.

    `wanted`: instances asked for now (Marathon's own number). `running` ≥ `healthy` of them; `starting`: ordered, or
    running without having been healthy yet. `samples`: those that are new since the last tick, oldest first; a sample
    given twice is ignored by its time. A metric that the policy does not scale by may be given, too (`cpu` teaches what
    an instance can do). `floor`, `exact`: from schedules. `quota_max`, `capacity_max`: instances that the product
    line's quota and the cluster's free room allow in total. `publishing`: an operation holds the job.
    `source_away`: the metric source did not answer. `approved_down_to`: a person approved shrinking to this at once.
    """

    now_s: float
    wanted: int
    running: int
    healthy: int
    starting: int = 0
    publishing: bool = False
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    floor: int | None = None
    exact: int | None = None
    quota_max: int | None = None
    capacity_max: int | None = None
    source_away: bool = False
    approved_down_to: int | None = None


class Reason(NamedTuple):
    """A code and its values: what is said in words elsewhere, in the reader's language."""

    code: str
    values: Mapping[str, float | str] = {}


class Wish(NamedTuple):
    """What one metric asks for. `wanted` None: it has nothing to say (`reason` tells why), so nothing shrinks."""

    metric: str
    wanted: int | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one observation.

    `wanted` is absolute and is to be asked for if it differs from the observation's. `verdict` is the one reason that
    counts, `clamps` what bounded it on the way, `wishes` what each metric asked for. `needs_approval`: `asks` is wanted
    but is too large a shrink for one step without a person. `alarm`: somebody should be told (no metrics for long).
    `memory` is the one given, brought up to date; `before`: what a change wrote over there (`planning.called_off`).
    """

    memory: Memory
    wanted: int
    verdict: Reason
    wishes: tuple[Wish, ...] = ()
    clamps: tuple[Reason, ...] = ()
    needs_approval: bool = False
    asks: int | None = None
    alarm: bool = False
    before: Before | None = None
