"""Instances that the scheduler does not list any more are remembered for as long as hosts keep what they wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.jobs.mirror.apply import mirror_apply, mirror_missing
from apps.jobs.models import GoneInstance, Instance
from apps.jobs.services.history import gone_instances_prune
from apps.jobs.tests.factories import make_running_job
from apps.jobs.tests.test_mirror import status_of

pytestmark = pytest.mark.django_db


def test_an_instance_that_is_listed_no_more_leaves_a_note_of_where_it_ran() -> None:
    job = make_running_job(instances=1)
    instance = Instance.objects.get()
    at = timezone.now()

    mirror_apply(job.cluster, [status_of(job)], at=at)

    gone = GoneInstance.objects.get()
    assert (gone.task_id, gone.host, gone.version) == (instance.task_id, instance.host, 1)
    assert (gone.started_at, gone.gone_at) == (instance.started_at, at)
    assert Instance.objects.count() == 3


def test_so_do_those_of_a_job_that_is_missing_on_the_scheduler_once() -> None:
    job = make_running_job(instances=2)
    tasks = set(job.instances.values_list("task_id", flat=True))

    mirror_missing([job.pk], at=timezone.now())
    mirror_missing([job.pk], at=timezone.now())

    assert set(GoneInstance.objects.values_list("task_id", flat=True)) == tasks
    assert not Instance.objects.exists()


def test_a_note_goes_when_no_host_keeps_the_folder_any_more() -> None:
    now = timezone.now()
    job = make_running_job(instances=0)
    for task_id, days in (("old.1", 7.1), ("young.1", 6.9)):
        GoneInstance.objects.create(job=job, task_id=task_id, gone_at=now - timedelta(days=days))

    assert gone_instances_prune(now=now) == 1
    assert gone_instances_prune(now=now) == 0
    assert GoneInstance.objects.get().task_id == "young.1"
