"""What a watcher asks for beside the events, and the things that it does aside."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import cast

import pytest
from django.utils import timezone

from apps.core.tests.factories import make_cluster
from apps.jobs.explain import missing
from apps.jobs.mirror import sync
from apps.jobs.mirror.aside import aside
from apps.jobs.mirror.sync import diagnose_troubled, sync_everything
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job
from engines.base import Engine, WorkloadId

A_WHILE_AGO = timezone.now() - timedelta(minutes=1)


class Asked:
    """An engine that has no workload, and notes of which it was asked."""

    def __init__(self) -> None:
        self.paths: list[WorkloadId] = []

    def get(self, workload_id: WorkloadId) -> None:
        self.paths.append(workload_id)


@pytest.mark.django_db
def test_of_many_jobs_in_trouble_each_is_asked_about_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "DIAGNOSE_AT_MOST", 2)
    cluster, engine = make_cluster(), Asked()
    known = [missing().as_json()]
    jobs = [
        make_running_job(
            cluster=cluster, instances=1, state=Job.State.DEGRADED, state_since=A_WHILE_AGO, problems=known
        )
        for _ in range(5)
    ]
    after, turns = 0, []
    for _ in range(4):
        after = diagnose_troubled(cluster, cast(Engine, engine), after=after)
        Job.objects.update(engine_seen_at=timezone.now())  # a snapshot, which sees all at the same moment
        turns.append(len(engine.paths))
    assert turns == [2, 4, 5, 7]
    assert [str(path) for path in engine.paths[:5]] == [job.workload_id for job in jobs]


@pytest.mark.django_db
def test_a_job_whose_instance_is_just_being_replaced_is_not_asked_about() -> None:
    cluster, engine = make_cluster(), Asked()
    make_running_job(cluster=cluster, instances=1, state=Job.State.DEGRADED, state_since=timezone.now())
    diagnose_troubled(cluster, cast(Engine, engine), after=0)
    assert engine.paths == []


@pytest.mark.django_db
def test_a_job_that_has_just_fallen_ill_goes_before_those_whose_reason_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sync, "DIAGNOSE_FOR_S", 0.0)  # one job of each sort in a round
    cluster, engine = make_cluster(), Asked()
    known = [missing().as_json()]
    old = [
        make_running_job(
            cluster=cluster, instances=1, state=Job.State.DEGRADED, state_since=A_WHILE_AGO, problems=known
        )
        for _ in range(2)
    ]
    new = make_running_job(cluster=cluster, instances=1, state=Job.State.DEGRADED, state_since=A_WHILE_AGO)
    after = diagnose_troubled(cluster, cast(Engine, engine), after=0)
    Job.objects.filter(pk=new.pk).update(problems=known)
    diagnose_troubled(cluster, cast(Engine, engine), after=after)
    assert engine.paths == [new.workload_id, *(job.workload_id for job in old)]


@pytest.mark.django_db(transaction=True)
def test_what_crashes_aside_has_another_turn() -> None:
    turned = threading.Semaphore(0)

    def crash() -> None:
        turned.release()
        raise ZeroDivisionError

    with aside("crashes", crash, every_s=0.01):
        assert all(turned.acquire(timeout=5) for _ in range(3))


class Empty:
    """A scheduler that lost its state."""

    def snapshot(self) -> object:
        return iter(())


@pytest.mark.django_db
def test_a_snapshot_without_a_published_job_says_so() -> None:
    job = make_running_job(instances=2)
    assert sync_everything(job.cluster, cast(Engine, Empty())) == 1
    job.refresh_from_db()
    assert (job.state, job.running) == (Job.State.DEGRADED, 0)
