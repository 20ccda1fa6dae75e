"""The decisions about jobs: one situation a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.jobs.models import Job
from apps.jobs.planning import (
    count_rollout,
    is_crash_loop,
    is_large_shrink,
    job_state,
    publish_instances,
)
from engines.base import InstanceId, InstanceState, InstanceStatus, WorkloadId, WorkloadStatus

T0 = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = T0, T0 + timedelta(minutes=5)


def instance(name: str, *, engine_version: datetime = NEW, **overrides: Any) -> InstanceStatus:
    values: dict[str, Any] = {
        "id": InstanceId(name),
        "workload_id": WorkloadId("/a"),
        "state": InstanceState.RUNNING,
        "host": "node1",
        "ip": "127.0.0.1",
        "ports": (20000,),
        "healthy": True,
        "engine_version": engine_version,
        "staged_at": engine_version,
        "started_at": engine_version,
        **overrides,
    }
    return InstanceStatus(**values)


def workload(*instances: InstanceStatus, wanted: int, has_health_checks: bool = True) -> WorkloadStatus:
    return WorkloadStatus(
        id=WorkloadId("/a"),
        version=2,
        wanted=wanted,
        running=len(instances),
        staging=0,
        healthy=sum(one.healthy is True for one in instances),
        unhealthy=0,
        has_health_checks=has_health_checks,
        engine_version=NEW,
        config_changed_at=NEW,
        instances=instances,
    )


def state(**overrides: Any) -> Job.State:
    values: dict[str, Any] = {
        "published": True,
        "deploying": False,
        "wanted": 3,
        "running": 3,
        "healthy": 3,
        "has_health_checks": True,
        **overrides,
    }
    return job_state(**values)


def test_all_wanted_are_healthy_is_running() -> None:
    assert state() == Job.State.RUNNING


def test_instances_that_end_again_and_again_degrade_though_all_are_up_for_the_moment() -> None:
    assert state(crash_loop=True) == Job.State.DEGRADED
    assert state(crash_loop=True, deploying=True) == Job.State.DEPLOYING
    assert state(crash_loop=True, wanted=0, running=0) == Job.State.STOPPED


@pytest.mark.parametrize(("wanted", "ends"), [(1, 3), (2, 4), (100, 200)])
def test_a_crash_loop_is_more_than_each_instance_ending_once(wanted: int, ends: int) -> None:
    assert is_crash_loop(ends=ends, wanted=wanted)
    assert not is_crash_loop(ends=ends - 1, wanted=wanted)


def test_an_unhealthy_instance_degrades() -> None:
    assert state(healthy=2) == Job.State.DEGRADED


def test_without_health_checks_running_is_enough() -> None:
    assert state(healthy=0, has_health_checks=False) == Job.State.RUNNING


def test_a_job_that_was_never_published_is_a_draft_even_while_an_operation_fails() -> None:
    assert state(published=False, deploying=True, running=0) == Job.State.DRAFT


def test_nothing_wanted_and_nothing_running_is_stopped() -> None:
    assert state(wanted=0, running=0, healthy=0) == Job.State.STOPPED


def test_nothing_wanted_but_something_still_running_is_not_stopped_yet() -> None:
    assert state(wanted=0, running=1, healthy=1) == Job.State.DEPLOYING


def test_a_deployment_under_way_shows_as_deploying_whatever_the_counts() -> None:
    assert state(deploying=True, healthy=0) == Job.State.DEPLOYING


def test_the_first_publish_asks_for_what_the_version_says() -> None:
    assert publish_instances(asked=3, asked_before=None, wanted=0) == 3


def test_a_publish_does_not_undo_a_scaling() -> None:
    assert publish_instances(asked=3, asked_before=3, wanted=6) == 6


def test_a_publish_whose_version_changes_the_number_applies_it() -> None:
    assert publish_instances(asked=4, asked_before=3, wanted=6) == 4


def test_publishing_a_stopped_job_starts_it() -> None:
    assert publish_instances(asked=3, asked_before=3, wanted=0) == 3


def test_a_rollout_half_way_counts_new_healthy_and_old() -> None:
    status = workload(
        instance("n1"), instance("n2", healthy=None), instance("o1", engine_version=OLD), wanted=3
    )
    count = count_rollout(status)
    assert (count.new, count.new_healthy, count.old, count.is_complete) == (2, 1, 1, False)
    assert 0 < count.percent < 99


def test_a_rollout_is_complete_when_all_are_new_and_healthy() -> None:
    count = count_rollout(workload(instance("n1"), instance("n2"), wanted=2))
    assert count.is_complete


def test_a_rollout_with_an_old_instance_left_is_not_complete() -> None:
    count = count_rollout(workload(instance("n1"), instance("o1", engine_version=OLD), wanted=1))
    assert not count.is_complete


def test_scaling_does_not_make_instances_old() -> None:
    """Scaling moves the engine's version of the workload, not its definition's stamp."""
    later = instance("n2", engine_version=NEW + timedelta(minutes=1))
    assert count_rollout(workload(instance("n1"), later, wanted=2)).old == 0


def test_an_instance_that_has_ended_counts_as_neither_old_nor_new() -> None:
    ended = instance("x", state=InstanceState.FAILED, healthy=False)
    count = count_rollout(workload(instance("n1"), ended, wanted=1))
    assert (count.new, count.old, count.is_complete) == (1, 0, True)


@pytest.mark.parametrize(
    ("current", "asked", "large"), [(6, 3, False), (6, 2, True), (1, 0, True), (3, 4, False)]
)
def test_more_than_half_gone_is_a_large_shrink(current: int, asked: int, large: bool) -> None:
    assert is_large_shrink(current=current, asked=asked) is large
