"""What groups are told of the loop: once when something begins, and a storm in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.core.models import Notification
from apps.core.tests.factories import make_group
from apps.elastic.loop.tick import Loop
from apps.elastic.models import ScalingPolicy, ScalingState
from apps.elastic.telling import tell
from apps.elastic.tests.factories import make_policy
from apps.elastic.tests.world import World
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job

pytestmark = pytest.mark.django_db

HOLD_50 = [{"metric": "cpu", "mode": "target", "target": 50}]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.reader:
        made.loop = Loop(made.reader, agent=made.agent, tell=tell)
        yield made


@pytest.fixture
def job() -> Job:
    make_group(name="sre_ocean")
    return make_running_job(instances=2)


def told(key: str) -> int:
    """How often anybody was told of the matter."""
    return sum(Notification.objects.filter(key=key).values_list("events", flat=True))


def test_groups_are_told_of_what_it_did_once_and_of_a_proposal_when_it_begins(world: World) -> None:
    job = make_running_job(instances=30)
    group = make_group(name="sre_ocean")
    policy = make_policy(
        job=job, max=50, window_s=15, shrinking="ask", metrics=HOLD_50, notify=["sre_ocean", "nobody"]
    )
    for _ in range(12):
        world.tick(job, cpu=5)
    [row] = Notification.objects.filter(group=group)
    assert row.key == "elastic.approval"
    assert row.parts[0]["values"]["job"] == job.tag
    assert row.events == 1
    ScalingPolicy.objects.filter(pk=policy.pk).update(version=2)  # as saving it does
    world.tick(job, cpu=5)
    assert told("elastic.approval") == 1
    state = ScalingState.objects.get()
    ScalingState.objects.update(approved=state.proposed, approved_at=world.now)
    world.tick(job, cpu=5)
    assert (told("elastic.approval"), told("elastic.scaled")) == (1, 1)


@pytest.mark.parametrize("metrics", [None, HOLD_50])
def test_a_job_at_its_most_is_told_of_when_that_begins(
    world: World, job: Job, metrics: list[dict[str, Any]] | None
) -> None:
    make_policy(
        job=job, min=2, max=2, window_s=15, notify=["sre_ocean"], **({"metrics": metrics} if metrics else {})
    )
    for _ in range(5):  # two and a half minutes about the limit
        for cpu in (90, 90, 90, 90, 75, 45):
            world.tick(job, cpu=cpu)
    assert told("elastic.at_most") == 1
    for _ in range(70):
        world.tick(job, cpu=20)
    for _ in range(6):
        world.tick(job, cpu=95)
    assert told("elastic.at_most") == 2
    [part] = Notification.objects.get(key="elastic.at_most").parts
    assert (part["values"]["job"], part["values"]["instances"]) == (job.tag, 2)


def test_a_most_below_what_runs_is_no_wish_for_more(world: World, job: Job) -> None:
    make_policy(job=job, max=1, notify=["sre_ocean"])
    for _ in range(4):
        world.tick()  # without samples nothing shrinks
    assert told("elastic.at_most") == 0


def test_a_lost_source_is_one_message_of_all_jobs_in_as_many_queries_as_of_half(world: World) -> None:
    group = make_group(name="sre_ocean")
    taken = []
    for count in (30, 60):  # some of each slice
        Job.objects.all().delete()
        for job in [make_running_job(instances=2) for _ in range(count)]:
            make_policy(job=job, notify=["sre_ocean"])
        Notification.objects.all().delete()
        world.loop = Loop(world.reader, agent=world.agent, tell=tell)
        world.tick()
        world.source.away = True
        world.now += timedelta(seconds=595)
        with CaptureQueriesContext(connection) as queries:
            world.tick()
        taken.append(len(queries))
        told = Notification.objects.get(group=group)
        assert (told.key, told.events, len(told.parts)) == ("elastic.blind", count, 30)
        world.tick()
        told.refresh_from_db()
        assert told.events == count
        world.source.away = False
    assert taken[0] == taken[1]


def test_what_could_not_be_told_is_told_by_the_next_tick_and_stops_none(
    world: World, job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_policy(job=job, max=2, notify=["sre_ocean"])
    with monkeypatch.context() as broken:
        broken.setattr("apps.elastic.telling.notify_all", lambda events: 1 / 0)
        for _ in range(4):
            world.tick(job, cpu=90)
    assert told("elastic.at_most") == 0
    assert "scaling_not_told" in caplog.text
    for _ in range(4):
        world.tick(job, cpu=90)
    assert told("elastic.at_most") == 1


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_lost_while_telling_ends_the_tick(world: World, job: Job) -> None:
    """The lock is lost with it: another process may be at work by now."""
    make_policy(job=job)

    def tell_and_lose(_seen: object) -> None:
        asked = {**connection.get_connection_params(), "cursor_factory": None}
        with closing(psycopg2.connect(**asked)) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
        with transaction.atomic():
            Notification.objects.count()

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [backend] = cursor.fetchone()
    loop = Loop(world.reader, agent=world.agent, tell=tell_and_lose)
    try:
        with pytest.raises((OperationalError, InterfaceError)):
            loop.tick(world.now)
    finally:
        connection.close()
