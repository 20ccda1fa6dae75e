"""Somebody else changes the job or its policy while the loop decides: what was asked for first, and what holds.

`between` is that moment: the loop has decided, and has not asked for it yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone

from apps.accounts.models import ProductLine
from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.elastic.loop import tick
from apps.elastic.models import ScalingDecision, ScalingPause, ScalingPolicy
from apps.elastic.services import Rest, policy_delete, policy_pause, policy_set
from apps.elastic.tests.factories import CPU, make_policy
from apps.elastic.tests.world import World
from apps.elastic.words import decision_text
from apps.jobs.models import Job
from apps.jobs.services import job_delete, job_scale, job_stop
from apps.jobs.tests.factories import make_job_operation, make_running_job

pytestmark = pytest.mark.django_db

HOLD_50 = [{"metric": "cpu", "mode": "target", "target": 50}]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.reader:
        yield made


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=2)


@pytest.fixture
def between(world: World, job: Job, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Job]:
    """The loop wants 3 instead of 2; calling it lets it ask, and returns what became of the job."""
    make_policy(job=job, max=9)
    with monkeypatch.context() as busy:
        busy.setattr(tick, "ACT_UNTIL_S", -1.0)
        for _ in range(3):
            world.tick(job, cpu=90)
    assert not Operation.objects.exists()

    def ask() -> Job:
        world.loop.go_on(until=time.monotonic() + 60)
        return Job.objects.get(pk=job.pk)

    return ask


def ended() -> None:
    Operation.objects.update(state="succeeded")


def numbers() -> list[int]:
    return [row.parameters["instances"] for row in Operation.objects.filter(kind="job.scale").order_by("pk")]


def test_a_person_who_scales_just_before_the_loop_asks_has_their_number(
    world: World, job: Job, between: Callable[[], Job]
) -> None:
    job_scale(job=job, instances=5, by=make_member(job.product_line))
    ended()  # so quickly that nothing holds the job any more
    assert between().wanted == 5
    assert numbers() == [5]
    decision = ScalingDecision.objects.get(job=job, verdict="above")
    assert not decision.acted
    assert decision_text(decision) == (
        "Was to go from 2 to 3, but the job or its policy was changed at that moment: "
        "CPU is 90 %, above 80 % for 3 samples."
    )
    world.settle(job)
    for _ in range(8):  # and for a while it is the least
        world.tick(job, cpu=10)
    assert between().wanted == 5
    for _ in range(3):
        world.tick(job, cpu=90)
    assert between().wanted == 6


def test_a_person_who_scales_while_that_is_under_way_has_their_number(
    world: World, job: Job, between: Callable[[], Job]
) -> None:
    job_scale(job=job, instances=5, by=make_member(job.product_line))
    assert between().wanted == 5
    for _ in range(4):
        world.tick(job, cpu=90)
    assert numbers() == [5]
    ended()
    world.tick(job, cpu=90)
    assert numbers() == [5, 6]


def test_a_person_who_stops_the_job_has_it_stopped(
    world: World, job: Job, between: Callable[[], Job]
) -> None:
    job_stop(job=job, by=make_member(job.product_line))
    ended()
    assert between().wanted == 0
    Job.objects.filter(pk=job.pk).update(running=0, healthy=0)
    for _ in range(6):
        world.tick(job, cpu=99)
    assert (between().wanted, numbers()) == (0, [])


@pytest.mark.parametrize("is_done", [False, True])
def test_a_job_that_is_deleted_is_left_alone(
    world: World, job: Job, between: Callable[[], Job], is_done: bool
) -> None:
    job_delete(job=job, by=make_member(job.product_line))
    if is_done:
        Job.objects.filter(pk=job.pk).update(deleted_at=timezone.now(), wanted=2)
        ended()
    assert between().wanted == 2
    for _ in range(4):
        world.tick(job, cpu=90)
    assert numbers() == []


def test_a_job_that_migrates_is_left_alone(world: World, job: Job, between: Callable[[], Job]) -> None:
    migration = make_job_operation(job, kind="job.migrate")
    assert between().wanted == 2
    for _ in range(4):
        world.tick(job, cpu=90)
    Job.objects.filter(pk=job.pk).update(wanted=0)  # there it runs, here it ends
    Operation.objects.filter(pk=migration.pk).update(state="succeeded")
    for _ in range(4):
        world.tick(job, cpu=90)
    assert (between().wanted, numbers()) == (0, [])


@pytest.mark.parametrize("change", ["disable", "advise", "change", "pause", "pause all", "remove"])
def test_a_policy_that_is_changed_is_what_counts(
    world: World, job: Job, between: Callable[[], Job], change: str
) -> None:
    policy, by = ScalingPolicy.objects.get(job=job), make_member(job.product_line)
    fields = {**CPU, "max": 9}
    match change:
        case "disable":
            policy_set(job=job, fields={**fields, "enabled": False}, by=by)
        case "advise":
            policy_set(job=job, fields={**fields, "advise_only": True}, by=by)
        case "change":
            policy_set(job=job, fields={**fields, "max": 2}, by=by)
        case "pause":
            policy_pause(policy=policy, rest=Rest(), by=by)
        case "pause all":
            ScalingPause.objects.create(pk=ScalingPause.ALL, until=timezone.now().replace(year=2100))
        case "remove":
            policy_delete(job=job, by=by)
    assert between().wanted == 2
    for _ in range(6):
        world.tick(job, cpu=90)
    assert (between().wanted, numbers()) == (2, [])


def test_a_quota_below_what_runs_keeps_from_growing_and_takes_nothing_away(world: World, job: Job) -> None:
    make_policy(job=job, max=9, metrics=HOLD_50)
    ProductLine.objects.update(scaling_quota=1)
    for _ in range(6):
        world.tick(job, cpu=95)
    for _ in range(6):
        world.tick(job, cpu=50)
    assert numbers() == []


def test_a_most_below_what_runs_is_gone_down_to_by_ordinary_steps(world: World) -> None:
    job = make_running_job(instances=10)
    make_policy(job=job, max=5, metrics=HOLD_50)
    for _ in range(4):
        world.tick()
    assert numbers() == []  # without samples nothing shrinks, whatever the most is
    for _ in range(40):
        world.tick(job, cpu=95)
        if Operation.objects.filter(state="queued").exists():
            ended()
            Job.objects.filter(pk=job.pk).update(running=Job.objects.get(pk=job.pk).wanted)
            Job.objects.filter(pk=job.pk).update(healthy=Job.objects.get(pk=job.pk).wanted)
    assert numbers() == [7, 5]
