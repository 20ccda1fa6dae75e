"""What jobs share is promised once: the room of a cluster, a product line's quota; and growth that had to wait keeps to
what is left by then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Sum

from apps.accounts.models import ProductLine
from apps.core.models import Operation
from apps.elastic.loop import tick
from apps.elastic.models import ScalingDecision, ScalingPolicy, ScalingState, ScheduleBound
from apps.elastic.tests.factories import CPU, make_policy, make_schedule
from apps.elastic.tests.world import World
from apps.elastic.words import decision_text
from apps.hosts.models import Host
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_job_operation, make_running_job, make_spec

pytestmark = pytest.mark.django_db

QPS_50 = [{"metric": "qps", "mode": "target", "target": 50}]


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.reader:
        yield made


def make_jobs(count: int, **policy: Any) -> list[Job]:
    """Jobs of one product line and cluster, of two instances with 1 CPU and 512 MiB each."""
    first = make_running_job(instances=2, spec=make_spec(cpus=1, memory_mib=512, instances=2))
    more = {"product_line": first.product_line, "cluster": first.cluster}
    spec = make_spec(cpus=1, memory_mib=512, instances=2)
    jobs = [first, *(make_running_job(instances=2, spec=spec, **more) for _ in range(count - 1))]
    for job in jobs:
        make_policy(job=job, **{"metrics": QPS_50, "max": 20, **policy})
    return jobs


def load(world: World, *jobs: Job, qps: float, only: set[int] | None = None) -> None:
    """The next tick, with so many requests a second and instance of these jobs."""
    for job in jobs:
        world.source.say(job, "qps", qps, at_s=world.now.timestamp() + 4)
    if only is None:
        world.tick()
    else:
        world.loop.tick(world.now, only=only)


def wanted(jobs: list[Job]) -> int:
    total: int = Job.objects.filter(pk__in=[job.pk for job in jobs]).aggregate(all=Sum("wanted"))["all"]
    return total


def test_jobs_that_grow_at_once_share_the_room_of_their_cluster(world: World) -> None:
    jobs = make_jobs(3)
    make_host(
        cluster=jobs[0].cluster, resources={"cpus": 12.0, "mem": 65536.0}, used={"cpus": 7.0, "mem": 0.0}
    )
    load(world, *jobs, qps=150)  # each wants 6
    assert wanted(jobs) == 6 + 5
    [short] = ScalingDecision.objects.filter(wanted=3)
    assert "the cluster has no more room" in decision_text(short)


def test_room_that_was_promised_is_not_promised_again_until_the_hosts_show_it(world: World) -> None:
    first, second = make_jobs(2)
    host = make_host(
        cluster=first.cluster,
        resources={"cpus": 64.0, "mem": 6 * 512.0},
        used={"cpus": 0.0, "mem": 2 * 512.0},
    )
    load(world, first, qps=150)
    assert wanted([first, second]) == 6 + 2
    Operation.objects.update(state="succeeded")
    for _ in range(3):
        load(world, second, qps=150)
    assert wanted([first, second]) == 6 + 2
    Host.objects.filter(pk=host.pk).update(
        resources={"cpus": 64.0, "mem": 8 * 512.0}, used={"mem": 6 * 512.0}
    )
    world.loop._capacity = (float("-inf"), {})  # as ten seconds later
    for _ in range(3):
        load(world, second, qps=150)
    assert wanted([first, second]) == 6 + 4


def test_one_that_finds_no_host_takes_nobodys_room_for_long(world: World) -> None:
    first, second = make_jobs(2)
    make_host(cluster=first.cluster, resources={"cpus": 8.0, "mem": 65536.0}, used={"cpus": 4.0, "mem": 0.0})
    load(world, first, qps=150)
    Operation.objects.update(state="succeeded")
    assert wanted([first, second]) == 6 + 2
    for _ in range(6):
        load(world, second, qps=150)
    assert wanted([first, second]) == 6 + 6


def test_growth_that_waits_for_its_turn_keeps_its_share(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was decided in a tick, and its turn has not come when a callback wakes the loop for another job."""
    first, second = make_jobs(2)
    ProductLine.objects.update(scaling_quota=8)
    make_host(cluster=first.cluster, resources={"cpus": 4.0, "mem": 65536.0}, used={"cpus": 0.0, "mem": 0.0})
    monkeypatch.setattr(tick, "ACT_UNTIL_S", -1.0)
    load(world, first, qps=150)
    load(world, second, qps=150, only={second.pk})
    load(world, first, qps=150, only={first.pk})
    monkeypatch.setattr(tick, "ACT_UNTIL_S", 60.0)
    load(world, first, second, qps=150)
    assert wanted([first, second]) == 8
    assert Job.objects.get(pk=first.pk).wanted == 6


def test_growth_that_had_to_wait_is_bounded_by_what_is_left_when_its_turn_comes(world: World) -> None:
    job, other = make_jobs(2, metrics=[CPU], step=4)
    publish = make_job_operation(job, kind="job.publish")
    for _ in range(3):
        world.tick(job, cpu=90)
    assert wanted([job]) == 2
    ProductLine.objects.update(scaling_quota=6)
    Job.objects.filter(pk=other.pk).update(wanted=3)
    Operation.objects.filter(pk=publish.pk).update(state="succeeded")
    world.tick(job, cpu=70)
    assert Job.objects.get(pk=job.pk).wanted == 3
    assert Operation.objects.latest("pk").reason == (
        "From 2 to 3: it was decided a moment ago and could not be asked for yet "
        "(lowered from 6 to 3: the product line's quota)."
    )


def test_growth_that_waits_is_nothing_after_a_schedules_exact_number_or_a_persons(world: World) -> None:
    job, other = make_jobs(2, metrics=[CPU], step=4)
    publishes = [make_job_operation(one, kind="job.publish") for one in (job, other)]
    for _ in range(3):
        world.source.say(other, "cpu", 90, at_s=world.now.timestamp() + 4)
        world.tick(job, cpu=90)
    Job.objects.filter(pk=job.pk).update(wanted=4)  # somebody asked for it
    schedule = make_schedule(job=other, kind="exact", instances=2)
    ScheduleBound.objects.create(
        job=other, schedule=schedule, kind="exact", instances=2, since=world.now - timedelta(hours=1)
    )
    Operation.objects.filter(pk__in=[one.pk for one in publishes]).update(state="succeeded")
    for _ in range(3):
        world.tick(job, cpu=70)
    assert [Job.objects.get(pk=one.pk).wanted for one in (job, other)] == [4, 2]


@pytest.mark.parametrize("killed", [False, True])
def test_growth_that_waits_comes_back_after_a_takeover(world: World, killed: bool) -> None:
    """What was decided and never asked for is no change that a cool-down would follow."""
    job = make_running_job(instances=2)
    make_policy(job=job, cooldown_s=600)
    publish = make_job_operation(job, kind="job.publish")
    for _ in range(4):
        world.tick(job, cpu=90)
    if not killed:  # it ends in order: what it remembers is kept
        world.loop.save(world.now)
    world.again()
    for _ in range(15):  # longer than growth is kept in mind
        world.tick(job, cpu=70)
    Operation.objects.filter(pk=publish.pk).update(state="succeeded")
    world.tick(job, cpu=70)
    assert wanted([job]) == 2
    for _ in range(3):
        world.tick(job, cpu=90)
    assert wanted([job]) == 3


def test_growth_that_waits_is_asked_for_by_whoever_takes_over(world: World) -> None:
    job = make_running_job(instances=2)
    make_policy(job=job)
    publish = make_job_operation(job, kind="job.publish")
    for _ in range(4):
        world.tick(job, cpu=90)
    world.loop.save(world.now)
    assert ScalingState.objects.get().memory["waiting"][:2] == [3, 2]
    world.again()
    Operation.objects.filter(pk=publish.pk).update(state="succeeded")
    world.tick(job, cpu=70)
    assert wanted([job]) == 3


def test_nothing_rests_after_what_a_pause_kept_from_being_done(world: World) -> None:
    job = make_running_job(instances=2)
    policy = make_policy(job=job, cooldown_s=600)
    ScalingPolicy.objects.filter(pk=policy.pk).update(paused_until=world.now.replace(year=2100))
    for _ in range(4):
        world.tick(job, cpu=90)
    ScalingPolicy.objects.filter(pk=policy.pk).update(paused_until=None)
    for _ in range(3):
        world.tick(job, cpu=90)
    assert wanted([job]) == 3
