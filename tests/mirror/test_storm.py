"""The mirror in a storm of events: late ones, repeated ones, cut streams, and in the end the truth (C3, in small)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from apps.core.models import ClusterWatch
from apps.core.tests.factories import make_cluster
from apps.jobs.mirror import watcher
from apps.jobs.mirror.watcher import ClusterWatcher
from apps.jobs.models import Instance, Job, JobEvent
from apps.jobs.tests.factories import make_job
from bench.company import Size, workload_id
from bench.house import Marathon, pretended_marathon
from embedded.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = Size(jobs=40, instances=200, hosts=5, operations=0)


@pytest.fixture
def marathon() -> Iterator[Marathon]:
    with pretended_marathon(SIZE) as pretended:
        yield pretended


@pytest.fixture
def jobs(marathon: Marathon) -> dict[str, Job]:
    cluster = make_cluster(marathon_urls=[marathon.url], mesos_urls=[marathon.url])
    made = [
        make_job(
            cluster=cluster,
            wanted=SIZE.per_job,
            target_version=1,
            running_version=1,
            state=Job.State.DEPLOYING,
        )
        for _ in range(SIZE.jobs)
    ]
    for number, job in enumerate(made):
        Job.objects.filter(pk=job.pk).update(workload_id=workload_id(number))
    return {workload_id(number): job for number, job in enumerate(made)}


@contextmanager
def watching(jobs: dict[str, Job]) -> Iterator[None]:
    """Its snapshots are in many parts, as those of a large cluster."""
    stop = threading.Event()
    mirror = ClusterWatcher(next(iter(jobs.values())).cluster, stop, part=SIZE.per_job * 4)
    thread = threading.Thread(target=mirror.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(15)


def test_a_stream_that_lasted_is_opened_again_at_once_however_often_it_is_cut(
    marathon: Marathon, jobs: dict[str, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "STEADY_S", 0.0)
    with watching(jobs):
        for _ in range(8):
            wait_until(lambda: marathon.get("count")["readers"] == 1, what="it listens", timeout_s=2.5)
            marathon.post("cut")
        wait_until(lambda: ClusterWatch.objects.filter(connected=True).exists(), what="mirrored", timeout_s=5)
    assert set(Job.objects.values_list("running", flat=True)) == {SIZE.per_job}


def test_after_a_storm_with_late_repeated_and_lost_events_every_row_is_true(
    marathon: Marathon, jobs: dict[str, Job]
) -> None:
    def is_true() -> bool:
        truth = {
            (app, task, state, host, healthy)
            for app, tasks in marathon.get("state").items()
            for task, state, host, _port, healthy in tasks
        }
        rows = Instance.objects.values_list("job__workload_id", "task_id", "state", "host", "healthy")
        return set(rows) == truth

    with watching(jobs):
        wait_until(is_true, what="the mirror is true before", timeout_s=30)
        for _ in range(2):
            marathon.post("storm", rate=500, seconds=1, reorder=0.05, repeat=0.05)
            marathon.post("cut")
        wait_until(is_true, what="the mirror is true again", timeout_s=30)
    assert JobEvent.objects.filter(kind=JobEvent.INSTANCE_FAILED).exists()
    assert set(Job.objects.values_list("running", flat=True)) == {SIZE.per_job}
