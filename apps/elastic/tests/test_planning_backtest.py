"""Recorded samples replayed through a policy: breaches, cost, flaps."""

from __future__ import annotations

import math

import pytest

from apps.elastic.planning import MetricPolicy, Mode, Policy, Rule, Sample, backtest, limits_of
from apps.elastic.tests.driving import NOON_S, qps_policy

SLIDE = Policy(
    metrics=(MetricPolicy("cpu", mode=Mode.THRESHOLD, out=Rule(3, 80), in_=Rule(3, 60)),), min=2, max=50
)


def recorded(load: list[float], *, instances: int = 10, step_s: float = 10.0) -> dict[str, list[Sample]]:
    """CPU and request rate of `instances` under a load in instances' worth of work."""
    times = [NOON_S + step_s * at for at in range(len(load))]
    return {
        "cpu": [Sample(at, 100 * each / instances, instances) for at, each in zip(times, load, strict=True)],
        "qps": [Sample(at, 100 * each / instances, instances) for at, each in zip(times, load, strict=True)],
    }


def test_a_steady_load_costs_what_it_needs() -> None:
    result = backtest(qps_policy(), recorded([6.0] * 360), limits={"qps": 84})
    assert (result.seconds, result.breach_s, result.changes, result.flaps) == (3600, 0, 0, 0)
    assert result.instance_hours == pytest.approx(10)
    assert result.sizes == ((NOON_S, 10),)


def test_a_step_is_a_breach_until_new_instances_serve() -> None:
    result = backtest(qps_policy(), recorded([6.0] * 180 + [18.0] * 180), limits={"qps": 84})
    assert 30 <= result.breach_s <= 40
    assert result.breach_share == pytest.approx(result.breach_s / 3600)
    assert result.most >= 30


def test_todays_policy_and_a_changed_one_side_by_side() -> None:
    load = [6.0 + 5.0 * math.sin(at / 90) for at in range(2160)]
    limits = limits_of(SLIDE)
    today = backtest(SLIDE, recorded(load), limits=limits)
    changed = backtest(
        Policy(metrics=(MetricPolicy("cpu", target=65),), min=2, max=50), recorded(load), limits=limits
    )
    assert limits == {"cpu": 80}
    assert changed.breach_s < today.breach_s
    assert changed.most > today.least


def test_flaps_are_changes_back_within_ten_minutes() -> None:
    load = ([6.0] * 12 + [2.0] * 12) * 8
    assert backtest(SLIDE, recorded(load), limits={}).flaps >= 4
    assert backtest(qps_policy(), recorded(load), limits={}).flaps <= 1


def test_samples_of_a_minute_do_too() -> None:
    load = [6.0] * 60 + [12.0] * 60 + [6.0] * 60
    result = backtest(qps_policy(), recorded(load, step_s=60), limits={"qps": 84})
    assert result.seconds == 180 * 60
    assert result.breach_s <= 60
    assert (result.most >= 20, result.sizes[-1][1]) == (True, 10)


def test_gaps_in_the_past_cost_nothing_and_are_no_breach() -> None:
    history = recorded([6.0] * 60)
    late = [Sample(sample.time_s + 7200, sample.value, 10) for sample in history["qps"]]
    result = backtest(qps_policy(), {"qps": [*history["qps"], *late]}, limits={"qps": 84})
    assert result.seconds == pytest.approx(1200 + 50)
    assert result.breach_s == 0


def test_without_samples_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="no samples"):
        backtest(qps_policy(), {"qps": []}, limits={})


def test_limits_are_the_threshold_or_a_fifth_above_the_target() -> None:
    both = Policy(metrics=(MetricPolicy("cpu", target=90), MetricPolicy("qps", target=50)), min=1, max=5)
    assert limits_of(both) == {"cpu": 99, "qps": 60}
