"""What a policy would have done with the samples of past days. Pure: `decide` itself, over recorded samples.

The model is simple on purpose. The load of a moment is what was measured times the instances that sent it; with other
instances each of them has its part of it. Instances start in `startup_s`, stop at once and are never ill. So memory (of
which much belongs to the process, not to its load) and latency (which does not halve with twice the instances) are
guesses; request rate and CPU are good ones, except CPU at 100 %, which hides how much more there was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from apps.elastic.planning.deciding import decide
from apps.elastic.planning.memory import Memory
from apps.elastic.planning.values import Metric, Mode, Observation, Policy, Sample

FLAP_S = 600.0
MARGIN = 1.2
"""The limit of a metric that is held at a target: so much above it."""
PERCENT: tuple[Metric, ...] = ("cpu", "memory")


@dataclass(frozen=True, slots=True)
class Backtest:
    """`breach_s`: seconds in which some metric was above its limit, and `breach_share` of the time (0 to 1). `flaps`:
    changes back within ten minutes. `sizes`: the instances wanted, at the beginning and at each change."""

    seconds: float
    breach_s: float
    breach_share: float
    instance_hours: float
    changes: int
    flaps: int
    least: int
    most: int
    sizes: tuple[tuple[float, int], ...]


def limits_of(policy: Policy) -> dict[str, float]:
    """Above what each metric counts as a breach: the threshold, or 20 % above the target (100 % at most of CPU and
    memory). Give today's policy and its change the same limits, or they cannot be compared."""
    limits: dict[str, float] = {}
    for metric in policy.metrics:
        if metric.mode is Mode.THRESHOLD:
            if metric.out is not None:
                limits[metric.metric] = metric.out.limit
        elif metric.target is not None:
            limit = metric.target * MARGIN
            limits[metric.metric] = min(99.0, limit) if metric.metric in PERCENT else limit
    return limits


def backtest(
    policy: Policy,
    history: Mapping[str, Sequence[Sample]],
    *,
    limits: Mapping[str, float],
    wanted: int | None = None,
) -> Backtest:
    """`history`: by metric, oldest first, of any distance in time. Starts with `wanted` instances, else with as many as
    sent the first samples. Raises ValueError without samples."""
    moments = list(_moments(history))
    if not moments:
        raise ValueError("there are no samples to replay")
    step_s = median([after - before for (before, _), (after, _) in pairwise(moments)] or [60.0])
    policy = replace(policy, stale_s=max(policy.stale_s, 6 * step_s))
    first = max(sample.reporting for sample in moments[0][1].values())
    fleet = _Fleet(min(policy.max, max(policy.min, wanted or first)))
    memory = Memory(began_s=moments[0][0])
    tally = _Tally(limits, sizes=[(moments[0][0], fleet.wanted)])
    for index, (now_s, samples) in enumerate(moments):
        lasted_s = min(moments[index + 1][0] - now_s, policy.stale_s) if index + 1 < len(moments) else step_s
        serving = fleet.serving(now_s)
        seen = {name: (_spread(name, sample, serving),) for name, sample in samples.items()}
        observation = Observation(
            now_s=now_s,
            wanted=fleet.wanted,
            running=fleet.wanted,
            healthy=serving,
            starting=fleet.wanted - serving,
            samples=seen,
        )
        before = fleet.wanted
        fleet.order(decide(policy, memory, observation).wanted, ready_s=now_s + policy.startup_s)
        tally.see(
            now_s, lasted_s, {name: sample.value for name, (sample,) in seen.items()}, before, fleet.wanted
        )
    return tally.result()


def _moments(history: Mapping[str, Sequence[Sample]]) -> Iterator[tuple[float, dict[str, Sample]]]:
    """The samples of all metrics by their time."""
    by_time: dict[float, dict[str, Sample]] = {}
    for name, samples in history.items():
        for sample in samples:
            if sample.reporting > 0:
                by_time.setdefault(sample.time_s, {})[name] = sample
    yield from sorted(by_time.items())


def _spread(name: str, sample: Sample, serving: int) -> Sample:
    """The same load over other instances."""
    value = sample.value * sample.reporting / serving
    return Sample(sample.time_s, min(100.0, value) if name in PERCENT else value, serving)


class _Fleet:
    """Instances that serve some time after they were ordered."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._orders: list[tuple[float, int]] = []

    def serving(self, now_s: float) -> int:
        self._orders = [(ready_s, count) for ready_s, count in self._orders if ready_s > now_s]
        return max(1, self.wanted - sum(count for _, count in self._orders))

    def order(self, wanted: int, *, ready_s: float) -> None:
        if wanted > self.wanted:
            self._orders.append((ready_s, wanted - self.wanted))
        elif wanted < self.wanted:
            self._orders.clear()
        self.wanted = wanted


class _Tally:
    def __init__(self, limits: Mapping[str, float], *, sizes: list[tuple[float, int]]) -> None:
        self.limits, self.sizes = limits, sizes
        self.seconds = self.breach_s = self.instance_s = 0.0
        self.changes = self.flaps = 0
        self._last: tuple[float, bool] | None = None

    def see(
        self, now_s: float, lasted_s: float, values: Mapping[str, float], before: int, after: int
    ) -> None:
        self.seconds += lasted_s
        self.instance_s += lasted_s * after
        if any(value > self.limits[name] for name, value in values.items() if name in self.limits):
            self.breach_s += lasted_s
        if before == after:
            return
        grew = after > before
        self.changes += 1
        if self._last is not None and self._last[1] is not grew and now_s - self._last[0] <= FLAP_S:
            self.flaps += 1
        self._last = (now_s, grew)
        self.sizes.append((now_s, after))

    def result(self) -> Backtest:
        counts = [count for _, count in self.sizes]
        return Backtest(
            seconds=self.seconds,
            breach_s=self.breach_s,
            breach_share=self.breach_s / self.seconds if self.seconds else 0.0,
            instance_hours=self.instance_s / 3600,
            changes=self.changes,
            flaps=self.flaps,
            least=min(counts),
            most=max(counts),
            sizes=tuple(self.sizes),
        )
