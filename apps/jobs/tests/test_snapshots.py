"""Snapshots in parts: a cut stream costs the part that was on its way, and nothing of what was heard meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from apps.core.tests.factories import make_cluster
from apps.jobs.mirror.parts import Part
from apps.jobs.mirror.snapshots import Snapshots
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job
from apps.jobs.tests.test_mirror import status_of
from clients.errors import Unavailable
from engines.base import Engine, WorkloadId, WorkloadStatus

pytestmark = pytest.mark.django_db


class Scheduler:
    """An engine with these workloads, which notes what it is asked."""

    def __init__(self, *statuses: WorkloadStatus) -> None:
        self.statuses = statuses
        self.asked: list[str] = []

    def snapshot(self, *, under: str = "") -> Iterator[WorkloadStatus]:
        self.asked.append(under)
        return (status for status in self.statuses if status.id.startswith(under))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def jobs() -> list[Job]:
    """Four, in the order of their paths."""
    cluster = make_cluster()
    made = [make_running_job(cluster=cluster, instances=2) for _ in range(4)]
    return sorted(made, key=lambda job: job.workload_id)


def nothing() -> None:
    """Nothing was heard meanwhile."""


def take_all(snapshots: Snapshots, pool: ThreadPoolExecutor, between: Callable[[], None] = nothing) -> None:
    while snapshots.take(pool, between=between):
        pass


def snapshots_of(jobs: list[Job], scheduler: Scheduler, asked: list[str]) -> Snapshots:
    """Each job is a part of its own."""

    def note(parts: list[Part]) -> None:
        asked.extend(part.prefix for part in parts)

    return Snapshots(jobs[0].cluster, cast(Engine, scheduler), on_ask=note, part=1)


def running() -> list[int]:
    return list(Job.objects.order_by("workload_id").values_list("running", flat=True))


def test_every_job_is_asked_for_once_and_written(jobs: list[Job], pool: ThreadPoolExecutor) -> None:
    told: list[str] = []
    scheduler = Scheduler(*(status_of(job, count=1) for job in jobs))
    snapshots = snapshots_of(jobs, scheduler, told)
    snapshots.begin()
    take_all(snapshots, pool)
    assert scheduler.asked == told == [job.workload_id for job in jobs]
    assert running() == [1, 1, 1, 1]
    assert not snapshots.is_going_on
    assert snapshots.next_at > snapshots.done_at > 0


def test_after_a_cut_it_begins_with_what_was_not_looked_at(jobs: list[Job], pool: ThreadPoolExecutor) -> None:
    scheduler = Scheduler(*(status_of(job, count=1) for job in jobs))
    snapshots = snapshots_of(jobs, scheduler, [])

    def cut() -> None:
        raise Unavailable("the stream was cut", remote="marathon", operation="events")

    snapshots.begin()
    assert snapshots.take(pool, between=nothing)
    assert snapshots.take(pool, between=nothing)
    with pytest.raises(Unavailable):
        snapshots.take(pool, between=cut)
    snapshots.stop()
    assert running() == [1, 1, 2, 2]
    scheduler.asked.clear()
    snapshots.begin()
    take_all(snapshots, pool)
    first, second, third, fourth = (job.workload_id for job in jobs)
    assert scheduler.asked == [third, fourth, first, second]
    assert running() == [1, 1, 1, 1]


def test_what_is_heard_of_a_part_waits_from_its_asking_to_its_writing(
    jobs: list[Job], pool: ThreadPoolExecutor
) -> None:
    snapshots = snapshots_of(jobs, Scheduler(*(status_of(job, count=1) for job in jobs)), [])
    awaited: list[set[str]] = []
    snapshots.begin()
    snapshots.take(pool, between=lambda: awaited.append(snapshots.awaited))
    first, second, *_ = (job.workload_id for job in jobs)
    assert awaited[0] == {first}
    assert awaited[-1] == {first, second}  # the next is asked for while this one is written
    assert snapshots.awaited == {second}
    snapshots.stop()
    assert snapshots.awaited == set()


def test_of_some_workloads_only_their_parts_are_asked_for(jobs: list[Job], pool: ThreadPoolExecutor) -> None:
    scheduler = Scheduler(*(status_of(job, count=1) for job in jobs))
    snapshots = snapshots_of(jobs, scheduler, [])
    third = status_of(jobs[2]).id
    foreign = WorkloadId("/foreign")
    assert snapshots.begin(of=[third, foreign]) == {foreign}
    take_all(snapshots, pool)
    assert scheduler.asked == [third]
    assert snapshots.next_at == 0  # everything is still due


def test_a_published_job_that_is_not_there_is_missing(jobs: list[Job], pool: ThreadPoolExecutor) -> None:
    snapshots = snapshots_of(jobs, Scheduler(*(status_of(job) for job in jobs[1:])), [])
    snapshots.begin()
    take_all(snapshots, pool)
    gone = Job.objects.get(pk=jobs[0].pk)
    assert (gone.state, gone.running) == (Job.State.DEGRADED, 0)
