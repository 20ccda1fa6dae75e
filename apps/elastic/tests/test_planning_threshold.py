"""Mode `threshold` does what the slide says (seed 001), action for action."""

from __future__ import annotations

import random

from apps.elastic.planning import Memory, MetricPolicy, Mode, Observation, Policy, Rule, Sample, decide

SLIDE = Policy(
    metrics=(MetricPolicy("cpu", mode=Mode.THRESHOLD, out=Rule(3, 80), in_=Rule(3, 60)),),
    min=1,
    max=5,
    step=1,
)


def run(policy: Policy, values: list[float], wanted: int, step_s: float = 10.0) -> list[int]:
    memory = Memory()
    out = []
    for index, value in enumerate(values):
        now = index * step_s
        seen = Observation(
            now_s=now,
            wanted=wanted,
            running=wanted,
            healthy=wanted,
            samples={"cpu": [Sample(now, value, wanted)]},
        )
        wanted = decide(policy, memory, seen).wanted
        out.append(wanted)
    return out


def slide_rule(values: list[float], wanted: int) -> list[int]:
    """The rule, written down from the slide alone."""
    high = low = 0
    out = []
    for value in values:
        high = high + 1 if value > 80 else 0
        low = low + 1 if value < 60 else 0
        asked = wanted + 1 if high >= 3 else wanted - 1 if low >= 3 else wanted
        asked = max(1, min(5, asked))
        if asked != wanted:
            high = low = 0
        wanted = asked
        out.append(wanted)
    return out


def test_three_samples_above_add_a_step_and_the_counter_restarts() -> None:
    assert run(SLIDE, [81, 81, 81, 81, 81, 81], wanted=2) == [2, 2, 3, 3, 3, 4]


def test_three_samples_below_take_a_step() -> None:
    assert run(SLIDE, [59, 59, 59, 59], wanted=3) == [3, 3, 2, 2]


def test_a_sample_between_interrupts_the_count_and_the_limits_themselves_do_not_count() -> None:
    assert run(SLIDE, [81, 81, 80, 81, 81, 60, 59, 59, 60], wanted=3) == [3] * 9


def test_what_lies_before_a_gap_is_not_consecutive_with_what_comes() -> None:
    """A loop that takes over goes by what was remembered up to a minute ago, and sees the newest sample at once."""
    memory = Memory()
    wanted = []
    for now in (0, 10, 45, 55, 65):
        sample = Sample(now, 50, 3)
        seen = Observation(now_s=now, wanted=3, running=3, healthy=3, samples={"cpu": [sample]})
        wanted.append(decide(SLIDE, memory, seen).wanted)
    assert wanted == [3, 3, 3, 3, 2]


def test_min_and_max_hold() -> None:
    assert run(SLIDE, [99] * 12, wanted=4)[-1] == 5
    assert run(SLIDE, [1] * 12, wanted=2)[-1] == 1


def test_random_samples_action_for_action() -> None:
    for seed in range(50):
        draw = random.Random(seed)
        level, values = 70.0, []
        for _ in range(400):
            level = min(100.0, max(0.0, level + draw.gauss(0, 8)))
            values.append(level)
        assert run(SLIDE, values, wanted=3) == slide_rule(values, wanted=3)
