import math

import pytest

from engines.metrics.base import Point
from engines.metrics.gathering import Gathering, resampled


def gathering(**reported: list[tuple[int, float]]) -> Gathering:
    found = Gathering(step_s=5, handed_s=0)
    add(found, **reported)
    return found


def add(found: Gathering, **reported: list[tuple[int, float]]) -> None:
    for endpoint, samples in reported.items():
        for time_s, value in samples:
            found.add(endpoint, time_s, value)


def test_a_moment_is_complete_when_all_who_report_have() -> None:
    found = gathering(a=[(95, 1)], b=[(95, 3)])
    assert found.ready(["a", "b"], now_s=96) == [Point(95, 2, 4, 2)]

    add(found, a=[(100, 5)])
    assert found.ready(["a", "b"], now_s=101) == []
    add(found, b=[(100, 7)])
    assert found.ready(["a", "b"], now_s=102) == [Point(100, 6, 12, 2)]


def test_a_moment_is_handed_out_once() -> None:
    found = gathering(a=[(95, 1)])
    assert len(found.ready(["a"], now_s=96)) == 1

    add(found, a=[(95, 1)])
    assert found.ready(["a"], now_s=97) == []


def test_one_that_is_late_is_waited_for_a_step_and_a_half() -> None:
    found = gathering(a=[(90, 1), (95, 1)], b=[(90, 3)])
    assert found.ready(["a", "b"], now_s=96) == [Point(90, 2, 4, 2)]

    assert found.ready(["a", "b"], now_s=102.4) == []
    assert found.ready(["a", "b"], now_s=102.5) == [Point(95, 1, 1, 1)]


def test_one_that_fell_silent_is_not_waited_for_any_more() -> None:
    found = gathering(a=[(80, 1), (95, 1)], b=[(80, 3)])

    assert found.ready(["a", "b"], now_s=95) == [Point(80, 2, 4, 2), Point(95, 1, 1, 1)]


def test_one_that_has_never_reported_is_not_waited_for() -> None:
    assert gathering(a=[(95, 1)]).ready(["a", "new"], now_s=95) == [Point(95, 1, 1, 1)]


def test_one_that_is_gone_is_not_waited_for_and_its_samples_count() -> None:
    found = gathering(a=[(90, 1), (95, 1)], b=[(90, 3)])

    assert found.ready(["a"], now_s=95) == [Point(90, 2, 4, 2), Point(95, 1, 1, 1)]


def test_what_is_older_than_asked_for_is_left_out() -> None:
    found = Gathering(step_s=5, handed_s=92)
    add(found, a=[(90, 1), (95, 2)])

    assert found.ready(["a"], now_s=96) == [Point(95, 2, 2, 1)]


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, 1e200, -1.0])
def test_an_instance_that_sends_nonsense_is_as_one_that_sends_nothing(nonsense: float) -> None:
    assert gathering(a=[(95, nonsense)], b=[(95, 3)]).ready(["a", "b"], now_s=95) == [Point(95, 3, 3, 1)]
    assert resampled([[(5, nonsense)], [(5, 3.0)]], step_s=5) == [Point(5, 3, 3, 1)]


def test_histories_are_averaged_to_the_step_and_put_together() -> None:
    first = [(5, 1.0), (10, 3.0), (15, 5.0)]
    second = [(10, 10.0)]

    assert resampled([first, second], step_s=10) == [Point(10, 6, 12, 2), Point(20, 5, 5, 1)]
