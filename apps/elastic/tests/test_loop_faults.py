"""One job's trouble is no other's: absurd samples, a broken memory, a quota that many grow into at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db.models import Sum

from apps.core.models import Operation
from apps.elastic.models import ScalingDecision, ScalingState
from apps.elastic.tests.factories import make_policy
from apps.elastic.tests.world import World
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.reader:
        yield made


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=2)


def target(metric: str, value: float) -> list[dict[str, object]]:
    return [{"metric": metric, "mode": "target", "target": value}]


@pytest.mark.parametrize("value", [1e200, -1e200, float("inf"), float("nan")])
def test_an_instance_that_sends_nonsense_is_as_one_that_sends_nothing(
    world: World, job: Job, value: float
) -> None:
    nonsense = make_running_job(instances=2)
    make_policy(job=nonsense, metrics=target("qps", 50))
    make_policy(job=job)
    for _ in range(5):
        world.source.say(nonsense, "qps", value, at_s=world.now.timestamp() + 4)
        world.tick(job, cpu=90)
    world.loop.save(world.now)
    assert Operation.objects.filter(target_id=job.pk).exists()
    assert not Operation.objects.filter(target_id=nonsense.pk).exists()
    assert ScalingDecision.objects.filter(job=nonsense).latest("pk").verdict == "no_samples"


def test_a_silent_instance_under_a_rule_that_only_takes_away_is_written_down(world: World, job: Job) -> None:
    make_policy(job=job, metrics=[{"metric": "qps", "mode": "threshold", "in": {"samples": 3, "below": 10}}])
    for _ in range(6):
        world.tick(job, qps=5)
    for _ in range(6):
        world.tick(job, qps=5, reporting=1)
    world.loop.save(world.now)
    assert ScalingState.objects.get().memory["thresholds"]["qps"]["reporting"] == 1


def test_a_memory_that_the_decision_stumbles_over_is_forgotten(world: World, job: Job) -> None:
    odd = make_running_job(instances=2)
    policy = make_policy(job=odd)
    ScalingState.objects.create(policy=policy, memory={"fleet": {"settled": "many"}})
    make_policy(job=job)
    for _ in range(3):
        world.tick(job, cpu=90)
    assert Operation.objects.get().target_id == job.pk
    for _ in range(4):
        world.tick(odd, cpu=90)
    assert Operation.objects.filter(target_id=odd.pk).exists()


def test_jobs_that_grow_at_once_share_what_is_left_of_their_quota(world: World) -> None:
    first = make_running_job(instances=2)
    line = first.product_line
    jobs = [first, *(make_running_job(instances=2, product_line=line) for _ in range(2))]
    type(line).objects.update(scaling_quota=8)
    for job in jobs:
        make_policy(job=job, metrics=target("qps", 50), max=20)
    for _ in range(3):
        for job in jobs:
            world.source.say(job, "qps", 150, at_s=world.now.timestamp() + 4)
        world.tick()
    assert Job.objects.filter(product_line=line).aggregate(wanted=Sum("wanted")) == {"wanted": 8}
