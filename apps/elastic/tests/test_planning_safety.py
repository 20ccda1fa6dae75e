"""Bad data can hold or grow, never shrink; bounds hold whatever happens."""

from __future__ import annotations

import random
from typing import Any

import pytest

from apps.elastic.planning import (
    Memory,
    MetricPolicy,
    Mode,
    Observation,
    Policy,
    Rule,
    Sample,
    Shrinking,
    decide,
)
from apps.elastic.tests.driving import Job, cpu_policy, qps_policy

LOW = 60.0


def settled(policy: Policy | None = None, wanted: int = 10) -> Job:
    job = Job(policy or qps_policy(), wanted=wanted)
    job.run(1200, wanted * 60)
    return job


def test_ten_minutes_without_metrics_do_not_shrink_and_raise_an_alarm() -> None:
    job = settled()
    job.run(640, LOW, samples=False)
    assert {decision.wanted for decision in job.decisions[-128:]} == {10}
    assert job.decisions[-1].alarm
    assert not job.decisions[-10].alarm
    assert job.decisions[-1].verdict.code == "stale"


def test_after_a_gap_nothing_shrinks_before_a_window_was_seen() -> None:
    job = settled()
    job.run(600, LOW, samples=False)
    job.run(150, LOW)
    assert job.wanted == 10
    assert job.decisions[-1].verdict.code == "young"
    job.run(700, LOW)
    assert job.wanted < 10


def test_a_source_that_sends_every_minute_is_not_stale_between_two_samples() -> None:
    """Stock Falcon. Five-second ticks, of which one in twelve brings a sample."""
    job = Job(qps_policy(), wanted=10)
    for tick in range(720):
        job.tick(600 if tick < 480 else 300, samples=tick % 12 == 0)
    assert "stale" not in {decision.verdict.code for decision in job.decisions[60:]}
    assert job.wanted == 5


def test_a_new_memory_holds() -> None:
    assert Job(qps_policy(), wanted=10).run(150, LOW).wanted == 10


def test_a_source_that_is_away_holds_and_says_so() -> None:
    job = settled()
    job.run(600, LOW, samples=False, source_away=True)
    assert job.wanted == 10
    assert job.decisions[-1].verdict.code == "source_away"


def test_half_of_the_instances_silent_count_as_loaded() -> None:
    job = settled(cpu_policy(), wanted=10)
    before = job.wanted
    decision = job.run(30, 600, silent=5)
    assert decision.wishes[0].wanted is not None
    assert decision.wanted >= 13
    assert before == 10


def test_what_is_assumed_of_a_silent_instance_is_no_rise() -> None:
    """It begins to count when it should have reported by now: a step in the sum that no load made."""
    job = Job(qps_policy(), wanted=10)
    job.run(120, 570, silent=1)
    assert {decision.wanted for decision in job.decisions} == {10}


def test_a_silent_instance_keeps_from_shrinking() -> None:
    job = settled()
    job.run(1200, LOW * 3, silent=1)
    assert job.wanted == 10
    assert job.decisions[-1].verdict.code == "partial"


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        ({"publishing": True}, "publishing"),
        ({"starting": 2, "healthy": 8}, "starting"),
        ({"running": 8, "healthy": 8}, "starting"),
        ({"healthy": 9}, "unhealthy"),
    ],
)
def test_what_is_not_well_keeps_from_shrinking(seen: dict[str, Any], code: str) -> None:
    job = settled()
    job.run(1200, 300, **seen)
    assert job.wanted == 10
    assert job.decisions[-1].verdict.code == code


def test_a_publish_does_not_keep_from_growing() -> None:
    job = settled()
    assert job.tick(1800, publishing=True).wanted >= 30


def test_one_metric_without_samples_keeps_from_shrinking_but_not_from_growing() -> None:
    policy = Policy(
        metrics=(MetricPolicy("qps", target=60), MetricPolicy("latency", target=100)), min=2, max=100
    )
    job = Job(policy, wanted=10)
    job.run(1200, 200)
    assert job.wanted == 10
    assert job.decisions[-1].verdict.code == "unknown"
    assert job.decisions[-1].verdict.values["metric"] == "latency"
    assert job.tick(1800).wanted >= 30


def test_scryers_outage_a_dip_and_then_everybody_at_once() -> None:
    """Traffic falls to a tenth for five minutes and returns half as large again: what ran is still there."""
    job = settled(wanted=20)
    job.run(3600, 1200)
    job.run(300, 120)
    assert job.wanted == 20
    job.tick(1800)
    assert job.wanted >= 30
    violated = 0
    for _ in range(120):
        job.tick(1800)
        serving = job.wanted - sum(count for _, count in job.orders)
        violated += 5 * (84 * serving < 1800)
    assert violated <= job.startup_s


def test_a_person_is_asked_where_the_policy_wants_it() -> None:
    job = Job(qps_policy(shrinking=Shrinking.ASK), wanted=40)
    job.run(1200, 2400)
    job.run(1200, 1200)
    decision = job.decisions[-1]
    assert (decision.wanted, decision.needs_approval, decision.asks) == (40, True, 20)
    assert decision.verdict.code == "approval"
    assert job.tick(1200, approved_down_to=20).wanted == 20


def test_an_approval_for_less_does_not_cover_more() -> None:
    job = Job(qps_policy(shrinking=Shrinking.ASK), wanted=40)
    job.run(1200, 2400)
    job.run(1200, 600)
    assert job.tick(600, approved_down_to=20).wanted == 40


def test_cooldowns_hold() -> None:
    job = settled(qps_policy(cooldown_out_s=60))
    first = job.tick(900).wanted
    assert first > 10
    assert job.run(40, 3000).wanted == first
    assert job.decisions[-1].verdict.code == "cooldown_out"
    assert job.run(30, 3000).wanted > first


@pytest.mark.parametrize(
    ("seen", "wanted", "clamp"),
    [
        ({"quota_max": 14}, 14, "quota"),
        ({"capacity_max": 12}, 12, "capacity"),
        ({"quota_max": 4}, 10, "quota"),
    ],
)
def test_quota_room_and_schedules_bound(seen: dict[str, Any], wanted: int, clamp: str) -> None:
    decision = settled().tick(1800, **seen)
    assert decision.wanted == wanted
    assert clamp in [reason.code for reason in decision.clamps]


def test_a_schedules_floor_is_a_least_number_beside_the_metrics() -> None:
    decision = settled().tick(600, floor=15)
    assert (decision.wanted, [reason.code for reason in decision.clamps]) == (15, ["floor"])
    assert settled().tick(1800, floor=15).wanted >= 30


def test_a_schedules_exact_number_counts_whatever_the_metrics_say() -> None:
    job = settled()
    decision = job.tick(1800, exact=4)
    assert (decision.wanted, decision.verdict.code) == (4, "exact")
    assert job.tick(1800, exact=4, publishing=True).wanted == 4


def test_an_exact_number_stays_within_bounds_and_waits_for_a_publish_to_end() -> None:
    assert settled(qps_policy(least=3, most=12)).tick(600, exact=1).wanted == 3
    assert settled(qps_policy(least=3, most=12)).tick(600, exact=99).wanted == 12
    assert settled().tick(600, exact=4, publishing=True).wanted == 10


POLICIES = (
    qps_policy(least=3, most=30),
    qps_policy(least=1, most=30, shrinking=Shrinking.ASK, predict=True),
    cpu_policy(least=2, most=25, grow_max=4),
    Policy(
        metrics=(
            MetricPolicy("cpu", mode=Mode.THRESHOLD, out=Rule(3, 80), in_=Rule(3, 60)),
            MetricPolicy("qps", target=60),
        ),
        min=2,
        max=40,
        step=2,
    ),
)


@pytest.mark.parametrize("policy", POLICIES)
def test_bounds_and_steps_hold_under_anything(policy: Policy) -> None:
    """Random loads, gaps, silent and ill instances, publishes, floors: 20 seeds of an hour each."""
    for seed in range(20):
        draw = random.Random(seed)
        memory, wanted, load = Memory(), draw.randint(policy.min, policy.max), 500.0
        for tick in range(720):
            load = max(0.0, load * draw.choice((0.2, 0.9, 0.97, 1.0, 1.03, 1.1, 4.0)) + draw.gauss(0, 20) + 5)
            load = min(load, 4000.0)
            healthy = max(1, wanted - draw.choice((0, 0, 0, 0, 1, wanted // 2)))
            reporting = draw.choice((healthy, healthy, healthy, healthy // 2, 0))
            rate = load / healthy
            now = 1000.0 + 5 * tick
            samples = {
                "qps": (Sample(now, rate, reporting),),
                "cpu": (Sample(now, min(100.0, rate), reporting),),
            }
            seen = Observation(
                now_s=now,
                wanted=wanted,
                running=wanted,
                healthy=healthy,
                publishing=draw.random() < 0.1,
                samples=samples if draw.random() < 0.9 else {},
                floor=draw.choice((None, None, policy.min + 2)),
                source_away=draw.random() < 0.05,
            )
            asked = decide(policy, memory, seen).wanted
            assert policy.min <= asked <= policy.max
            if asked < wanted:
                assert wanted - asked <= max(1, min(10, int(0.3 * wanted)))
                assert healthy == wanted
                assert not seen.publishing
                assert not seen.source_away
                assert reporting in {healthy, 0} or not seen.samples
            if policy.grow_max is not None and seen.floor is None:
                assert asked - wanted <= policy.grow_max
            wanted = asked
