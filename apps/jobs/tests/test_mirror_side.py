"""What runs beside a job during a careful publish counts as the job's, and is told apart."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from django.utils import timezone

from apps.jobs.mirror.apply import mirror_apply, mirror_missing, sides_missing
from apps.jobs.mirror.sync import find_stale, sync_everything
from apps.jobs.models import DefinitionStamp, Instance, Job, SideWorkload
from apps.jobs.planning import own_path, side_path, workload_path
from apps.jobs.tests.test_mirror import V1, instance_of, published, status_of
from engines.base import Engine, WorkloadId, WorkloadStatus

pytestmark = pytest.mark.django_db

V2 = V1 + timedelta(minutes=1)


def side_status(job: Job, count: int = 1, **overrides: object) -> WorkloadStatus:
    """Instances of version 2 beside the job."""
    instances = tuple(instance_of(job, 100 + number, engine_version=V2) for number in range(count))
    values: dict[str, object] = {
        "id": WorkloadId(side_path(job.workload_id)),
        "version": 2,
        "wanted": count,
        "config_changed_at": V2,
        "engine_version": V2,
        "instances": instances,
    }
    return status_of(job, count=count, **{**values, **overrides})


def counts(job: Job) -> tuple[int, int, int]:
    job.refresh_from_db()
    return job.running, job.healthy, job.staging


def slots() -> dict[str, tuple[str, int | None]]:
    rows = Instance.objects.values_list("task_id", "slot", "version")
    return {task: (slot, version) for task, slot, version in rows}


class Scheduler:
    """An engine that has these workloads."""

    def __init__(self, *statuses: WorkloadStatus) -> None:
        self.statuses = statuses

    def snapshot(self) -> object:
        return iter(self.statuses)

    def summaries(self) -> object:
        return iter(self.statuses)


def engine(*statuses: WorkloadStatus) -> Engine:
    return cast(Engine, Scheduler(*statuses))


def test_no_jobs_own_path_is_anothers_side() -> None:
    path = workload_path(cop="x", owt="i", pdl="o", cluster="c", service="s", name="web")
    assert side_path(path) == "/x/i/o/c/s/web.next"
    assert own_path(side_path(path)) == own_path(path) == path


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_both_count_whichever_is_told_first_and_each_instance_has_its_own_version(
    order: tuple[int, int],
) -> None:
    job = published()
    both = [status_of(job), side_status(job)]
    now = timezone.now()
    for index in order:
        mirror_apply(job.cluster, [both[index]], at=now)
    assert counts(job) == (4, 4, 0)
    assert slots() == {
        "task-0": ("main", 1),
        "task-1": ("main", 1),
        "task-2": ("main", 1),
        "task-100": ("side", 2),
    }
    assert set(DefinitionStamp.objects.values_list("slot", "version")) == {("main", 1), ("side", 2)}


def test_a_look_at_one_leaves_the_other_as_it_was() -> None:
    job = published()
    mirror_apply(job.cluster, [status_of(job), side_status(job, count=2)], at=timezone.now())
    mirror_apply(job.cluster, [status_of(job, count=1, healthy=0)], at=timezone.now())
    assert counts(job) == (3, 2, 0)
    mirror_apply(job.cluster, [side_status(job, count=1)], at=timezone.now())
    assert counts(job) == (2, 1, 0)


def test_an_older_answer_about_the_side_is_left_out() -> None:
    job = published()
    now = timezone.now()
    mirror_apply(job.cluster, [side_status(job, count=2)], at=now)
    mirror_apply(job.cluster, [side_status(job, count=1)], at=now - timedelta(seconds=1))
    assert counts(job) == (2, 2, 0)


def test_when_the_side_is_gone_the_jobs_own_remain_and_the_other_way_round() -> None:
    job = published()
    mirror_apply(job.cluster, [status_of(job), side_status(job)], at=timezone.now())
    assert sides_missing([job.pk], at=timezone.now()) == {job.pk}
    assert (counts(job), SideWorkload.objects.count()) == ((3, 3, 0), 0)
    assert sides_missing([job.pk], at=timezone.now()) == set()
    mirror_apply(job.cluster, [side_status(job)], at=timezone.now())
    mirror_missing([job.pk], at=timezone.now())
    assert counts(job) == (1, 1, 0)
    assert slots() == {"task-100": ("side", 2)}


def test_a_snapshot_that_lost_the_side_says_so() -> None:
    job = published()
    sync_everything(job.cluster, engine(status_of(job), side_status(job)))
    assert counts(job) == (4, 4, 0)
    sync_everything(job.cluster, engine(status_of(job)))
    assert counts(job) == (3, 3, 0)


def test_a_poll_of_counts_finds_what_no_event_told_of_either() -> None:
    job = published()
    main, side = status_of(job), side_status(job)
    assert find_stale(job.cluster, engine(main, side)) == {main.id, side.id}
    mirror_apply(job.cluster, [main, side], at=timezone.now())
    assert find_stale(job.cluster, engine(main, side)) == set()
    assert find_stale(job.cluster, engine(main, side_status(job, healthy=0))) == {side.id}
    assert find_stale(job.cluster, engine(status_of(job, healthy=2), side)) == {main.id}
    assert find_stale(job.cluster, engine(main)) == {side.id}
    foreign = side_status(published())
    assert find_stale(job.cluster, engine(main, side, foreign)) == set()
