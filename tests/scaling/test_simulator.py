"""The simulator of `bench/elastic`: its model, its baselines beside the study they were taken from, its determinism."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from bench.elastic import synthetic
from bench.elastic.baselines import (
    AwsTargetTracking,
    FalconSlides,
    PaastaProportional,
    Slides,
    hpa_cpu,
    hpa_rate,
    hpa_rate_5s,
)
from bench.elastic.compare import as_json, at_cost, compare
from bench.elastic.model import UTILISATION_MAX, Outcome, Scaler, View, oracle_cost, simulate
from bench.elastic.poisson import poisson
from bench.elastic.policies import POLICIES
from bench.elastic.traces import Trace, rates_between, step3, trace_of_file

TRACES = Path(__file__).parents[2] / "bench" / "elastic" / "traces"


class Fixed:
    """Always so many."""

    every = 1

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes

    def wanted(self, view: View) -> int:
        return self.sizes[min(view.now - 1, len(self.sizes) - 1)]


@pytest.fixture(scope="module")
def nasa() -> Trace:
    return trace_of_file(TRACES / "nasa_http_per_min.csv", bin_s=60, scale=1000, days=(7, 13), resample_s=300)


@pytest.fixture(scope="module")
def azure() -> Trace:
    return trace_of_file(TRACES / "azure_llm_code_10s.csv", bin_s=10, scale=40)


def test_erlang_c_allows_84_percent() -> None:
    assert round(UTILISATION_MAX, 3) == 0.84


def test_an_order_serves_after_the_startup_time_and_costs_from_the_order() -> None:
    trace = Trace("flat", (3000,) * 12)  # 600 requests/s: 8 instances are enough, 7 are not
    outcome = simulate(trace, Fixed(7, 8), startup_s=30)
    # 10 at first; 7 from the second bin on; 8 ordered at the end of that, which serve from the ninth on
    assert outcome.time_violated == pytest.approx(100 * 7 / 12)
    assert outcome.over_cost == pytest.approx(100 * ((10 + 7 + 10 * 8) / (12 * 8) - 1))


def test_work_that_queues_is_a_violation_until_it_is_done_and_dropped_beyond_ten_seconds() -> None:
    trace = Trace("burst", (1500, 9000, 9000, 1500, 1500, 1500, 1500, 1500, 1500, 1500))
    outcome = simulate(trace, Fixed(5), startup_s=0)
    assert outcome.dropped == pytest.approx(100 * (2 * 6500 - 5000) / trace.requests)
    assert outcome.time_violated == pytest.approx(60)


def test_reversals_are_changes_back_within_ten_minutes() -> None:
    trace = Trace("flat", (1500,) * 720)
    sizes = [5] * 10 + [6] * 10 + [5] * 200 + [6] * 100
    assert simulate(trace, Fixed(*sizes), startup_s=0).reversals_per_hour == pytest.approx(1)


@pytest.mark.parametrize("mean", [0.5, 12.0, 80.0, 3000.0])
def test_poisson_counts_have_the_mean_and_the_variance(mean: float) -> None:
    draw = random.Random(7)
    counts = [poisson(draw, mean) for _ in range(4000)]
    assert statistics.fmean(counts) == pytest.approx(mean, rel=0.05)
    assert statistics.variance(counts) == pytest.approx(mean, rel=0.1)


def test_minutes_are_joined_by_lines_and_shorter_bins_are_steps() -> None:
    assert rates_between([60.0, 120.0], 60)[5:8] == pytest.approx([60.0, 62.5, 67.5])
    assert rates_between([1.0, 3.0], 10) == [1.0, 1.0, 3.0, 3.0]


def test_days_of_a_trace(tmp_path: Path) -> None:
    file = tmp_path / "two_days.csv"
    file.write_text("requests\n" + "60\n" * 1440 + "120\n" * 1440)
    second = trace_of_file(file, bin_s=60, scale=100, days=(1, 2))
    assert (second.hours, second.name) == (24, "two_days")
    assert second.requests == pytest.approx(120 * 1440 * 100, rel=0.001)
    with pytest.raises(ValueError, match="no bins"):
        trace_of_file(file, bin_s=60, scale=1, days=(2, 3))


def near(outcome: Outcome, violated: float, over_cost: float, reversals: float) -> None:
    assert outcome.requests_violated == pytest.approx(violated, rel=0.15, abs=0.1)
    assert outcome.over_cost == pytest.approx(over_cost, abs=6)
    assert outcome.reversals_per_hour == pytest.approx(reversals, rel=0.3, abs=0.5)


@pytest.mark.parametrize(
    ("scaler", "violated", "recovery_s"),
    [
        (Slides(), 11.7, 420),
        (hpa_cpu(0.6), 3.05, 110),
        (hpa_rate(0.6), 1.81, 65),
        (hpa_rate_5s(0.6), 1.25, 45),
        (AwsTargetTracking(0.6), 7.50, 270),
    ],
)
def test_baselines_on_a_step_are_near_the_study(scaler: Scaler, violated: float, recovery_s: int) -> None:
    """The study's table; 15 s either way: it does not say when in its 15 s an HPA looks."""
    outcome = simulate(step3(), scaler, startup_s=30)
    assert outcome.requests_violated == pytest.approx(violated, rel=0.15)
    assert outcome.recovery_s == pytest.approx(recovery_s, abs=15)


def test_by_stock_falcon_events_a_step_is_never_recovered() -> None:
    outcome = simulate(step3(), FalconSlides(), startup_s=30)
    assert outcome.requests_violated == pytest.approx(50.1, abs=0.2)
    assert outcome.recovery_s is not None
    assert outcome.recovery_s >= 1800


def test_baselines_on_nasa_are_near_the_study(nasa: Trace) -> None:
    oracle = oracle_cost(nasa)
    near(simulate(nasa, Slides(), startup_s=30, oracle=oracle), 2.40, 16, 2.9)
    near(simulate(nasa, FalconSlides(), startup_s=30, oracle=oracle), 24.3, 13, 1.2)
    near(simulate(nasa, hpa_rate(0.6), startup_s=30, oracle=oracle), 0.03, 44, 2.3)
    near(simulate(nasa, AwsTargetTracking(0.6), startup_s=30, oracle=oracle), 0.12, 61, 0.9)


def test_baselines_on_azure_are_near_the_study(azure: Trace) -> None:
    near(simulate(azure, Slides(), startup_s=30), 65.6, -4, 22)
    near(simulate(azure, FalconSlides(), startup_s=30), 71.2, -12, 0)
    near(simulate(azure, PaastaProportional(), startup_s=30), 71.2, -12, 0)
    near(simulate(azure, hpa_rate(0.6), startup_s=30), 16.9, 143, 8)


def test_equal_cost_is_read_from_the_lower_envelope() -> None:
    points = [(10.0, 4.0), (20.0, 2.0), (30.0, 3.0), (40.0, 1.0)]
    assert at_cost(points, 15) == 3.0
    assert at_cost(points, 30) == 2.0
    assert at_cost(points, 99) == 1.0
    assert at_cost(points, 9) is None


def test_two_runs_and_any_number_of_processes_give_the_same_bytes() -> None:
    trace = synthetic.bursty(seed=3, hours=1)
    texts = [
        json.dumps(as_json(compare(trace, startup_s=30, set_points=(0.6, 0.8), processes=processes)))
        for processes in (1, 2, 1)
    ]
    assert texts[0] == texts[1] == texts[2]


def test_the_command_compares_every_policy_on_any_trace(tmp_path: Path) -> None:
    file = tmp_path / "load.csv"
    file.write_text("requests_per_min\n" + "\n".join(str(40 + minute % 7) for minute in range(40)) + "\n")
    command = [sys.executable, "-m", "bench.elastic", "--trace", str(file)]
    options = ["--bin-s", "60", "--scale", "1000", "--start-up-s", "30", "--json"]
    done = subprocess.run(
        command + options, capture_output=True, text=True, check=True, cwd=TRACES.parents[2]
    )
    said = json.loads(done.stdout)
    assert said["trace"] == {
        "name": "load",
        "hours": pytest.approx(0.667, abs=0.001),
        "requests": said["trace"]["requests"],
        "start_up_s": 30,
    }
    assert {point["policy"] for point in said["points"]} == set(POLICIES)
    assert len(said["points"]) == 9 * len(POLICIES)
    assert {"set_point", "requests_violated", "over_cost", "reversals_per_hour", "ratio_to_hpa_rate"} <= set(
        said["points"][0]
    )
    assert set(said["equal_cost"][0]["policies"]) == set(POLICIES)
