"""Marathon's rounding must give exactly the counts that were asked for, at every size."""

import math

import pytest

from engines.base import Rollout
from engines.marathon.rollout import SINGLE_INSTANCE_LABEL, labelled_rollout, rollout_label, upgrade_strategy

SIZES = range(1, 201)


def marathons_counts(n: int, rollout: Rollout, **options: object) -> tuple[int, int]:
    """(instances kept, instances at most) as TaskReplaceActor computes them."""
    strategy = upgrade_strategy(rollout, instances=n, **{"resident": False, "labels": {}, **options})  # type: ignore[arg-type]
    for capacity in strategy.values():
        assert 0 <= capacity <= 1  # type: ignore[operator]
    kept = math.ceil(n * strategy["minimumHealthCapacity"])
    return kept, math.floor(n * (1 + strategy["maximumOverCapacity"]))


@pytest.mark.parametrize("n", SIZES)
def test_every_count_comes_out_exactly(n: int) -> None:
    for count in range(n + 2):
        kept, most = marathons_counts(n, Rollout(max_unavailable=count, max_surge=count))
        assert kept == max(n - count, 0), f"{count} unavailable of {n}"
        assert most == n + min(count, n), f"{count} more than {n}"


@pytest.mark.parametrize("n", SIZES)
def test_nothing_unavailable_is_exactly_one(n: int) -> None:
    strategy = upgrade_strategy(Rollout(0, 1), instances=n, resident=False, labels={})

    assert strategy["minimumHealthCapacity"] == 1


def test_all_unavailable_is_exactly_zero() -> None:
    assert marathons_counts(7, Rollout(max_unavailable=7, max_surge=0)) == (0, 7)
    strategy = upgrade_strategy(Rollout(7, 0), instances=7, resident=False, labels={})
    assert strategy == {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}


def test_a_workload_of_no_instances_has_a_strategy_too() -> None:
    strategy = upgrade_strategy(Rollout(0, 1), instances=0, resident=False, labels={})

    assert strategy == {"minimumHealthCapacity": 1, "maximumOverCapacity": 1}


def test_an_instance_bound_to_its_host_has_no_second_beside_it() -> None:
    assert marathons_counts(4, Rollout(max_unavailable=1, max_surge=2), resident=True) == (3, 4)


def test_a_single_instance_app_stops_before_it_starts() -> None:
    strategy = upgrade_strategy(
        Rollout(0, 1), instances=1, resident=False, labels={SINGLE_INSTANCE_LABEL: "true"}
    )

    assert strategy == {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}


def test_the_counts_travel_in_a_label() -> None:
    rollout = Rollout(max_unavailable=2, max_surge=13)

    assert labelled_rollout({"OCEAN_ROLLOUT": rollout_label(rollout)}) == rollout


@pytest.mark.parametrize(
    "labels", [{}, {"OCEAN_ROLLOUT": ""}, {"OCEAN_ROLLOUT": "1"}, {"OCEAN_ROLLOUT": "a/b"}]
)
def test_an_app_that_ocean_did_not_make_has_none(labels: dict[str, str]) -> None:
    assert labelled_rollout(labels) is None
