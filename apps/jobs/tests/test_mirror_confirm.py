"""What the mirror has already is confirmed, not written anew; what it has otherwise is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.jobs.mirror.apply import mirror_apply
from apps.jobs.mirror.confirm import Look, mirror_confirm
from apps.jobs.models import Instance, Job
from apps.jobs.tests.test_mirror import instance_of, published, status_of
from engines.base import InstanceStatus, WorkloadStatus

pytestmark = pytest.mark.django_db


def mirrored(name: str = "web") -> Job:
    job = published(name=name)
    mirror_apply(job.cluster, [status_of(job)], at=timezone.now())
    job.refresh_from_db()
    return job


def two_of(job: Job) -> list[InstanceStatus]:
    return [instance_of(job, number) for number in range(2)]


def test_what_the_mirror_has_is_noted_as_seen_now_in_three_statements(django_assert_num_queries: Any) -> None:
    jobs, now = [mirrored(), mirrored("another")], timezone.now()
    with django_assert_num_queries(3 + len(["SAVEPOINT", "RELEASE SAVEPOINT"])):
        confirmed = mirror_confirm([Look(job, status_of(job), at=now) for job in jobs])
    assert confirmed == {job.pk for job in jobs}
    assert {job.engine_seen_at for job in Job.objects.all()} == {now}


@pytest.mark.parametrize(
    "status",
    [
        lambda job: status_of(job, 2),
        lambda job: status_of(job, staging=1),
        lambda job: status_of(job, config_changed_at=timezone.now()),
        lambda job: status_of(job, has_health_checks=False),
        lambda job: status_of(job, instances=None),
        lambda job: status_of(job, instances=(*two_of(job), instance_of(job, 7))),
        lambda job: status_of(job, instances=(*two_of(job), instance_of(job, 2, healthy=False))),
    ],
)
def test_what_differs_has_to_be_written(status: Callable[[Job], WorkloadStatus]) -> None:
    job = mirrored()
    assert not mirror_confirm([Look(job, status(job), at=timezone.now())])


def test_what_was_never_seen_or_was_seen_later_is_not_confirmed() -> None:
    unseen, job = published(name="unseen"), mirrored()
    assert not mirror_confirm([Look(unseen, status_of(unseen), at=timezone.now())])
    assert not mirror_confirm([Look(job, status_of(job), at=timezone.now() - timedelta(minutes=1))])


def test_an_instance_whose_version_is_unknown_is_written_once_more() -> None:
    job = mirrored()
    Instance.objects.filter(job=job, task_id="task-1").update(version=None)
    assert not mirror_confirm([Look(job, status_of(job), at=timezone.now())])


def test_what_was_written_since_the_job_was_read_is_not_confirmed() -> None:
    job = mirrored()
    Job.objects.filter(pk=job.pk).update(engine_seen_at=timezone.now())
    assert not mirror_confirm([Look(job, status_of(job), at=timezone.now())])
