from __future__ import annotations

import pytest

from sandbox.definitions.app import UpgradeStrategy
from sandbox.scheduler.rollout import Bounds, Moves, Progress, bounds, next_moves


@pytest.mark.parametrize(
    ("target", "minimum", "over", "killed_at_once", "upper_bound"),
    [
        # The reference's table, section 11.
        (4, 1, 1, 0, 8),
        (4, 0.5, 0, 2, 4),
        (4, 1, 0, 0, 5),
        (1, 0, 0, 1, 1),
        (3, 0.5, 0.5, 1, 4),
    ],
)
def test_the_bounds_of_the_reference(
    target: int, minimum: float, over: float, killed_at_once: int, upper_bound: int
) -> None:
    found = bounds(
        target=target,
        existing=target,
        healthy=target,
        upgrade=UpgradeStrategy(minimum, over),
        resident=False,
    )
    assert (found.kill_now, found.max_capacity) == (killed_at_once, upper_bound)


def test_a_resident_app_dips_below_its_minimum_instead_of_exceeding_the_maximum() -> None:
    found = bounds(target=3, existing=3, healthy=3, upgrade=UpgradeStrategy(1, 0), resident=True)
    assert found == Bounds(kill_now=1, min_healthy=2, max_capacity=3)


def test_surplus_instances_are_killed_at_once() -> None:
    found = bounds(target=2, existing=6, healthy=6, upgrade=UpgradeStrategy(1, 1), resident=False)
    assert found.kill_now == 4


@pytest.mark.parametrize(("minimum", "over"), [(1, 1), (1, 0), (0.5, 0), (0.5, 0.5), (0, 0), (0.75, 0.25)])
@pytest.mark.parametrize("target", [1, 2, 3, 4, 10])
def test_every_rollout_ends_within_its_bounds(target: int, minimum: float, over: float) -> None:
    limits = bounds(
        target=target,
        existing=target,
        healthy=target,
        upgrade=UpgradeStrategy(minimum, over),
        resident=False,
    )
    old, new = target - limits.kill_now, 0
    for _ in range(10 * target):
        moves = next_moves(Progress(target, old, old, dying=0, new=new, new_ready=new), limits)
        if moves.done:
            break
        new += moves.start
        assert old + new <= limits.max_capacity
        # What was started becomes ready before the next look; what is killed is gone by then.
        moves = next_moves(Progress(target, old, old, dying=0, new=new, new_ready=new), limits)
        old -= moves.kill
        assert old + new >= limits.min_healthy
    assert (old, new) == (0, target)


def test_nothing_old_goes_before_something_new_is_ready() -> None:
    limits = Bounds(kill_now=0, min_healthy=4, max_capacity=8)
    assert next_moves(Progress(4, 4, 4, 0, new=4, new_ready=0), limits) == Moves(0, 0, False)
    assert next_moves(Progress(4, 4, 4, 0, new=4, new_ready=1), limits) == Moves(0, 1, False)


def test_unhealthy_old_ones_go_one_by_one_though_the_minimum_is_not_kept() -> None:
    limits = Bounds(kill_now=0, min_healthy=4, max_capacity=8)
    assert next_moves(Progress(4, old=4, old_healthy=0, dying=0, new=4, new_ready=1), limits).kill == 1
    assert next_moves(Progress(4, old=3, old_healthy=0, dying=0, new=4, new_ready=1), limits).kill == 0


def test_dying_instances_hold_their_place_until_they_are_gone() -> None:
    limits = Bounds(kill_now=2, min_healthy=2, max_capacity=4)
    assert next_moves(Progress(4, old=2, old_healthy=2, dying=2, new=0, new_ready=0), limits).start == 0
    assert next_moves(Progress(4, old=2, old_healthy=2, dying=0, new=0, new_ready=0), limits).start == 2
