"""What Ocean promises of its scaling, at small sizes and on seeds that nothing was tuned on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apps.elastic.planning import Memory, MetricPolicy, Mode, Observation, Policy, Rule, Sample, decide
from bench.elastic.baselines import Slides, hpa_rate
from bench.elastic.compare import Comparison, compare
from bench.elastic.model import MAX, MIN, View, simulate
from bench.elastic.ocean import Ocean
from bench.elastic.synthetic import bursty, matches, on_off
from bench.elastic.traces import BIN_S, Trace, step3, trace_of_file

TRACES = Path(__file__).parents[2] / "bench" / "elastic" / "traces"
RIVALS = ("ocean", "hpa_rate", "hpa_rate_5s", "slides")


def nasa(*days: int) -> Trace:
    path = TRACES / "nasa_http_per_min.csv"
    return trace_of_file(path, bin_s=60, scale=1000, days=(days[0], days[1]), resample_s=300)


def azure() -> Trace:
    return trace_of_file(TRACES / "azure_llm_code_10s.csv", bin_s=10, scale=40)


def compared(trace: Trace, *policies: str) -> Comparison:
    """At set-points enough for the costs that are looked at."""
    set_points = (0.40, 0.50, 0.60, 0.70, 0.75, 0.80)
    return compare(trace, startup_s=30, policies=policies or RIVALS, set_points=set_points, processes=1)


def ratio(comparison: Comparison, over_cost: float, *, to: str = "hpa_rate") -> float:
    value = comparison.ratio("ocean", over_cost, to=to)
    assert value is not None
    return value


def test_bursts_violate_at_most_two_fifths_of_what_hpa_does_for_the_same_money() -> None:
    comparison = compared(bursty(seed=31, hours=5))
    assert ratio(comparison, 40) <= 0.42
    assert ratio(comparison, 60) <= 0.36
    assert ratio(comparison, 40, to="hpa_rate_5s") <= 0.5


def test_a_plain_step_up_and_down_is_never_reversed() -> None:
    assert simulate(step3(), Ocean(0.6), startup_s=30).reversals_per_hour == 0


@pytest.mark.parametrize("startup_s", [5, 30, 60, 120])
def test_a_step_is_recovered_ten_seconds_after_the_first_start(startup_s: int) -> None:
    outcome = simulate(step3(), Ocean(0.6), startup_s=startup_s)
    assert outcome.recovery_s is not None
    assert outcome.recovery_s <= startup_s + 10
    if startup_s == 30:
        assert outcome.dropped <= 0.25


def test_a_daily_curve_needs_a_fifth_more_than_the_oracle() -> None:
    violated = compared(nasa(2, 4), "ocean").at_cost("ocean", 22)
    assert violated is not None
    assert violated <= 0.05


def test_load_that_goes_on_and_off() -> None:
    comparison = compared(azure())
    assert ratio(comparison, 250) <= 0.6
    assert comparison.usual("ocean").reversals_per_hour <= comparison.usual("hpa_rate").reversals_per_hour


@pytest.mark.parametrize(
    ("trace", "costs"),
    [
        (lambda: bursty(seed=32, hours=3), (40, 60, 80)),
        (lambda: matches(seed=32, hours=6), (15, 25)),
        (lambda: on_off(seed=32, hours=1), (500, 600)),
        (step3, (15, 25, 40)),
        (azure, (170, 250)),
    ],
    ids=["bursty", "matches", "on_off", "step3", "azure"],
)
def test_never_worse_than_the_slides_rule_for_the_same_money(
    trace: Callable[[], Trace], costs: tuple[float, ...]
) -> None:
    comparison = compared(trace(), "ocean", "slides")
    for cost in costs:
        mine, theirs = comparison.at_cost("ocean", cost), comparison.at_cost("slides", cost)
        assert mine is not None
        assert theirs is not None
        assert mine <= theirs


class Threshold:
    """Mode `threshold` in the simulator, with the slide's numbers."""

    every = 2

    def __init__(self) -> None:
        metric = MetricPolicy("cpu", mode=Mode.THRESHOLD, out=Rule(3, 80), in_=Rule(3, 60))
        self.policy, self.memory = Policy(metrics=(metric,), min=MIN, max=MAX), Memory()
        self.asked: list[int] = []

    def wanted(self, view: View) -> int:
        now = float(view.now * BIN_S)
        seen = Observation(
            now_s=now,
            wanted=view.wanted,
            running=view.wanted,
            healthy=view.serving,
            starting=view.wanted - view.serving,
            samples={"cpu": (Sample(now, 100 * view.cpu_mean(2), view.serving),)},
        )
        self.asked.append(decide(self.policy, self.memory, seen).wanted)
        return self.asked[-1]


class Recorded(Slides):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def wanted(self, view: View) -> int:
        self.asked.append(min(MAX, max(MIN, super().wanted(view))))
        return self.asked[-1]


@pytest.mark.parametrize("trace", [azure, step3, lambda: nasa(12, 13)], ids=["azure", "step3", "nasa"])
def test_threshold_mode_is_the_slides_rule_action_for_action(trace: Callable[[], Trace]) -> None:
    """With instances that serve at once: while some start, Ocean does not shrink, and the slide's rule does."""
    ours, theirs = Threshold(), Recorded()
    simulate(trace(), ours, startup_s=0)
    simulate(trace(), theirs, startup_s=0)
    assert ours.asked == theirs.asked


def test_the_reference_is_what_it_is_compared_with() -> None:
    assert compared(step3()).outcome("hpa_rate", 0.6) == simulate(step3(), hpa_rate(0.6), startup_s=30)
