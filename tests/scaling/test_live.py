"""A10's own arithmetic: what a run in earnest saw, as the simulator counts it."""

from __future__ import annotations

import math

import pytest

from bench.elastic.live import Live, Seen
from bench.elastic.model import recovery_s


@pytest.mark.parametrize(
    ("bad", "bins", "seconds"),
    [
        ([], 24, 0),
        ([3, 12, 13, 14], 40, 15),  # what was before the step does not count
        ([12, 13, 26], 40, 10),  # twelve good bins: a minute
        ([12, 13, 25], 40, 70),  # eleven of them
        ([12, 13, 39], 40, 10),
        ([12, 35], 40, 5),
        ([*range(12, 30)], 40, None),
    ],
)
def test_recovery_is_the_first_minute_without_violation(
    bad: list[int], bins: int, seconds: int | None
) -> None:
    assert recovery_s(step_s=60, bad=bad, bins=bins) == seconds


def test_a_bin_is_bad_when_one_in_a_hundred_waited_too_long_or_was_not_answered() -> None:
    live = Live("", "", rates=[1.0] * 4)
    live.waits = {0: [0.0] * 99 + [9.9], 1: [0.0] * 98 + [9.9] * 2, 2: [math.inf] * 2, 3: [0.25] * 50}
    assert live.bad_bins() == [1, 2]


def test_orders_and_starts_are_timed_from_what_the_mirror_said() -> None:
    live = Live("", "", rates=[])
    live.seen = [
        Seen(59, 3, 3),
        Seen(61, 3, 3),
        Seen(66, 6, 3),
        Seen(71, 9, 4),
        Seen(93, 9, 6),
        Seen(99, 9, 9),
    ]
    assert live.ordered_s(after_s=60) == 6
    assert live.startup_s(after_s=60) == 27
