"""The mirror's writing: bulk, idempotent, newest truth wins, and told once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from apps.core.models import Operation
from apps.core.tests.factories import make_cluster
from apps.jobs.mirror.apply import mirror_apply, mirror_missing, state_refresh
from apps.jobs.mirror.promises import promised_by_host
from apps.jobs.models import Instance, Job, JobEvent
from apps.jobs.signals import instances_changed
from apps.jobs.tests.factories import (
    make_bad_end,
    make_instance,
    make_job,
    make_job_operation,
    make_running_job,
    make_spec,
)
from engines.base import (
    DeploymentId,
    InstanceFailure,
    InstanceId,
    InstanceState,
    InstanceStatus,
    WorkloadId,
    WorkloadStatus,
)

pytestmark = pytest.mark.django_db

V1 = (timezone.now() - timedelta(hours=1)).replace(microsecond=0)


@pytest.fixture
def told() -> Iterator[list[frozenset[int]]]:
    """What the listeners of `instances_changed` heard."""
    heard: list[frozenset[int]] = []

    def hear(job_ids: frozenset[int], **_: Any) -> None:
        heard.append(job_ids)

    instances_changed.connect(hear)
    yield heard
    instances_changed.disconnect(hear)


def published(**overrides: Any) -> Job:
    """A job that was asked for with three instances and of which the mirror knows nothing yet."""
    return make_job(
        **{"wanted": 3, "target_version": 1, "running_version": 1, "state": Job.State.DEPLOYING, **overrides}
    )


def status_of(job: Job, count: int = 3, **overrides: Any) -> WorkloadStatus:
    instances = tuple(instance_of(job, number) for number in range(count))
    values: dict[str, Any] = {
        "id": WorkloadId(job.workload_id),
        "version": 1,
        "wanted": 3,
        "running": count,
        "staging": 0,
        "healthy": count,
        "unhealthy": 0,
        "has_health_checks": True,
        "engine_version": V1,
        "config_changed_at": V1,
        "instances": instances,
        **overrides,
    }
    return WorkloadStatus(**values)


def instance_of(job: Job, number: int, **overrides: Any) -> InstanceStatus:
    values: dict[str, Any] = {
        "id": InstanceId(f"task-{number}"),
        "workload_id": WorkloadId(job.workload_id),
        "state": InstanceState.RUNNING,
        "host": f"node{number}",
        "ip": "127.0.0.1",
        "ports": (20000 + number,),
        "healthy": True,
        "engine_version": V1,
        "staged_at": V1,
        "started_at": V1,
        **overrides,
    }
    return InstanceStatus(**values)


def apply(job: Job, *statuses: WorkloadStatus, at: datetime | None = None) -> set[int]:
    changed = mirror_apply(job.cluster, statuses, at=at or timezone.now())
    job.refresh_from_db()
    return changed


def test_a_healthy_workload_becomes_a_running_job_with_its_instances(told: list[frozenset[int]]) -> None:
    job = published()
    assert apply(job, status_of(job)) == {job.pk}
    assert (job.state, job.running, job.healthy) == (Job.State.RUNNING, 3, 3)
    row = Instance.objects.get(job=job, task_id="task-1")
    assert (row.host, row.ports, row.state, row.healthy, row.version) == (
        "node1",
        [20001],
        "running",
        True,
        1,
    )
    assert told == [frozenset({job.pk})]


def test_the_same_truth_again_changes_and_tells_nothing(told: list[frozenset[int]]) -> None:
    job = published()
    apply(job, status_of(job))
    before = list(Instance.objects.values_list("pk", "started_at"))
    assert apply(job, status_of(job)) == set()
    assert list(Instance.objects.values_list("pk", "started_at")) == before
    assert len(told) == 1


def test_an_older_answer_that_comes_late_is_left_out() -> None:
    job = published()
    now = timezone.now()
    apply(job, status_of(job), at=now)
    assert apply(job, status_of(job, count=1), at=now - timedelta(seconds=1)) == set()
    assert job.running == 3


def test_an_instance_that_the_scheduler_no_longer_lists_is_gone() -> None:
    job = published()
    apply(job, status_of(job))
    apply(job, status_of(job, count=2))
    assert set(Instance.objects.values_list("task_id", flat=True)) == {"task-0", "task-1"}
    assert job.state == Job.State.DEGRADED


def test_a_workload_that_is_no_job_of_ours_is_left_alone() -> None:
    job = published()
    foreign = replace(status_of(job), id=WorkloadId("/somebody/else"))
    assert apply(job, foreign) == set()
    assert not Instance.objects.exists()


def test_the_same_path_on_another_cluster_is_another_job() -> None:
    job = published()
    assert mirror_apply(make_cluster(), [status_of(job)], at=timezone.now()) == set()


@pytest.mark.parametrize(
    ("started_from", "expected"),
    [
        (V1, 1),
        (V1 + timedelta(minutes=1), 1),
        (V1 + timedelta(minutes=2), 2),
        (V1 - timedelta(seconds=1), None),
        (None, None),
    ],
)
def test_an_instance_runs_the_version_of_the_newest_definition_before_it(
    started_from: datetime | None, expected: int | None
) -> None:
    job = published()
    apply(job, status_of(job, 0))
    v2 = V1 + timedelta(minutes=2)
    instances = (instance_of(job, 1, engine_version=started_from),)
    apply(job, status_of(job, version=2, config_changed_at=v2, engine_version=v2, instances=instances))
    assert Instance.objects.get().version == expected


def test_instances_of_two_versions_are_told_apart() -> None:
    job = published()
    apply(job, status_of(job))
    v2 = V1 + timedelta(minutes=1)
    mixed = status_of(job, version=2, config_changed_at=v2, engine_version=v2)
    new = instance_of(job, 9, engine_version=v2 + timedelta(seconds=5))  # started by a later scaling
    apply(job, replace(mixed, instances=(*(mixed.instances or ()), new)))
    assert dict(Instance.objects.values_list("task_id", "version")) == {
        "task-0": 1, "task-1": 1, "task-2": 1, "task-9": 2,
    }  # fmt: skip


def test_falling_ill_and_getting_well_are_in_the_history_once_each() -> None:
    job = published()
    for count in (3, 2, 2, 3, 3):
        apply(job, status_of(job, count=count))
    lines = [event.rendered for event in JobEvent.objects.filter(job=job).order_by("id")]
    assert lines == [
        "Not as wanted: 2 of 3 instances are well.",
        "As wanted again: 3 of 3 instances are well.",
    ]


def test_a_failure_is_in_the_history_once_whether_told_by_event_or_snapshot() -> None:
    job = published()
    failure = InstanceFailure(
        InstanceId("task-0"), InstanceState.FAILED, "node0", "Command terminated with signal Killed", V1
    )
    make_bad_end(job, failure)
    apply(job, status_of(job, last_failure=failure))
    event = JobEvent.objects.get(job=job, kind="instance_failed")
    assert event.rendered == "An instance on node0 ended (failed): Command terminated with signal Killed"
    with translation.override("zh-hans"):
        assert event.rendered == "node0 上的一个实例退出（失败）：Command terminated with signal Killed"
    assert (event.level, event.at) == ("warning", V1)


def test_a_failure_that_was_pruned_from_the_history_does_not_come_back(settings: Any) -> None:
    settings.OCEAN_HISTORY_DAYS = 30
    job = published()
    at = timezone.now() - timedelta(days=31)
    failure = InstanceFailure(InstanceId("task-0"), InstanceState.FAILED, "node0", "out of memory", at)
    apply(job, status_of(job, last_failure=failure))
    assert not JobEvent.objects.filter(job=job).exists()


def test_while_an_operation_works_on_it_a_job_is_not_called_ill() -> None:
    job = published()
    make_job_operation(job)
    apply(job, status_of(job, count=1))
    assert job.state == Job.State.DEPLOYING


def test_a_waiting_operation_is_woken_when_its_job_has_settled() -> None:
    job = published()
    operation = make_job_operation(
        job, kind="job.publish", state=Operation.State.WAITING, wake_at=timezone.now() + timedelta(hours=1)
    )
    apply(job, status_of(job, deployments=(DeploymentId("d"),), count=1, staging=1))
    operation.refresh_from_db()
    assert operation.wake_at is not None
    apply(job, status_of(job))
    operation.refresh_from_db()
    assert operation.wake_at is None


def test_a_published_job_that_the_scheduler_lost_is_ill_and_says_why() -> None:
    job = make_running_job()
    mirror_missing([job.pk], at=timezone.now())
    job.refresh_from_db()
    assert (job.state, job.running) == (Job.State.DEGRADED, 0)
    assert job.problems[0]["what"] == "The scheduler does not have this job."
    assert not Instance.objects.exists()


def test_a_draft_that_the_scheduler_does_not_have_is_still_a_draft() -> None:
    job = make_job()
    mirror_missing([job.pk], at=timezone.now())
    job.refresh_from_db()
    assert (job.state, job.problems) == (Job.State.DRAFT, [])


def test_a_hundred_jobs_cost_as_many_queries_as_ten(django_assert_max_num_queries: Any) -> None:
    cluster = make_cluster()
    for amount in (10, 100):
        jobs = [published(cluster=cluster) for _ in range(amount)]
        with django_assert_max_num_queries(14):
            mirror_apply(cluster, [status_of(job) for job in jobs], at=timezone.now())


def test_a_snapshot_that_says_nothing_new_costs_as_little_whatever_it_repeats(
    django_assert_max_num_queries: Any,
) -> None:
    cluster = make_cluster()
    jobs = [published(cluster=cluster) for _ in range(100)]
    ended = InstanceFailure(InstanceId("gone"), InstanceState.FAILED, "node0", "out of memory", V1)
    statuses = [status_of(job, last_failure=ended) for job in jobs]
    mirror_apply(cluster, statuses, at=timezone.now())
    at = timezone.now()
    with django_assert_max_num_queries(10):
        assert mirror_apply(cluster, statuses, at=at) == set()
    assert set(Job.objects.values_list("engine_seen_at", flat=True)) == {at}
    assert JobEvent.objects.filter(kind="instance_failed").count() == 100


def test_what_marathon_cannot_count_is_counted_by_host() -> None:
    job = make_job(spec=make_spec(disk_io_mib_s=40, bandwidth_mbit_s=100))
    for host in ("node1", "node1", "node2"):
        make_instance(job=job, host=host)
    make_instance(host="node1")
    assert promised_by_host(job.cluster) == {
        "node1": {"disk_io": 80.0, "bandwidth": 200.0},
        "node2": {"disk_io": 40.0, "bandwidth": 100.0},
    }


# --- instances that end again and again ----------------------------------------------------------------


def crash(job: Job, *seconds_ago: int) -> None:
    for seconds in seconds_ago:
        at = timezone.now() - timedelta(seconds=seconds)
        make_bad_end(
            job, InstanceFailure(InstanceId(f"x.{seconds}"), InstanceState.FAILED, "node1", "killed", at)
        )


def test_a_job_that_crashes_again_and_again_is_degraded_while_its_instance_is_up() -> None:
    job = published(wanted=1, state=Job.State.RUNNING, config_changed_at=V1)
    crash(job, 5, 10)
    apply(job, status_of(job, 1, wanted=1))
    assert job.state == Job.State.RUNNING
    crash(job, 1)
    Job.objects.filter(pk=job.pk).update(problems=[{"code": "killed_by_sigkill"}])

    apply(job, status_of(job, 1, wanted=1))

    assert (job.state, job.running) == (Job.State.DEGRADED, 1)
    assert job.problems == [{"code": "killed_by_sigkill"}]
    latest = JobEvent.objects.filter(job=job, kind="degraded").get()
    assert latest.rendered == "Its instances end again and again."


def test_crashes_of_long_ago_and_of_an_earlier_definition_do_not_count() -> None:
    job = published(wanted=1, state=Job.State.DEGRADED, config_changed_at=V1)
    crash(job, 130, 140, 150)
    apply(job, status_of(job, 1, wanted=1))
    assert job.state == Job.State.RUNNING
    crash(job, 30, 40, 50)
    Job.objects.filter(pk=job.pk).update(config_changed_at=timezone.now() - timedelta(seconds=20))

    state_refresh(job.pk)

    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
