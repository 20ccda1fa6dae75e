"""The loop's turn: from samples to operations and rows, by a clock of the test's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.core.tests.factories import make_cluster
from apps.elastic.agent import autoscaler
from apps.elastic.loop import tick
from apps.elastic.loop.acting import Order, enact
from apps.elastic.loop.facts import Fact
from apps.elastic.loop.samples import SampleReader
from apps.elastic.loop.tick import Loop
from apps.elastic.models import ScalingDecision, ScalingPause, ScalingPolicy, ScalingState, ScheduleBound
from apps.elastic.selectors import newest_decision
from apps.elastic.services.retention import decisions_prune
from apps.elastic.sources import ClusterSources
from apps.elastic.tests.factories import make_decision, make_policy, make_schedule
from apps.elastic.tests.world import World
from apps.elastic.words import decision_text
from apps.jobs.models import Instance, Job, ScaleExpiry
from apps.jobs.services import job_scale
from apps.jobs.tests.factories import make_job_operation, make_running_job

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.reader:
        yield made


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=2)


def last(job: Job) -> ScalingDecision:
    found = ScalingDecision.objects.filter(job=job).first()
    assert found is not None
    return found


def test_three_samples_above_add_one_instance_by_one_operation(world: World, job: Job) -> None:
    make_policy(job=job)
    assert [world.tick(job, cpu=90).acted for _ in range(3)] == [0, 0, 1]
    operation = Operation.objects.get()
    assert (operation.kind, operation.parameters["instances"]) == ("job.scale", 3)
    assert operation.requested_by == world.agent
    assert operation.reason == "From 2 to 3: CPU is 90 %, above 80 % for 3 samples."
    decision = last(job)
    assert (decision.verdict, decision.instances, decision.wanted, decision.acted) == ("above", 2, 3, True)
    assert decision.operation == operation
    assert (decision.inputs, decision.wishes["cpu"]["wanted"]) == ({"cpu": 90.0}, 3)
    job.refresh_from_db()
    assert job.wanted == 3


def test_what_is_decided_while_its_own_scaling_is_under_way_takes_over_by_its_number(
    world: World, job: Job
) -> None:
    make_policy(job=job)
    for _ in range(3):
        world.tick(job, cpu=90)
    Operation.objects.update(state="running")
    for _ in range(3):
        world.tick(job, cpu=95)
    first, second = Operation.objects.order_by("pk")
    assert (second.after, second.parameters["instances"]) == (first, 4)
    for _ in range(3):
        world.tick(job, cpu=95)
    second.refresh_from_db()
    third = Operation.objects.latest("pk")
    assert (second.state, third.after, third.parameters["instances"]) == ("cancelled", first, 5)


def test_three_samples_below_take_one_away_and_never_below_the_least(world: World, job: Job) -> None:
    make_policy(job=job, min=1)
    for _ in range(6):  # instances settle first: those that are new may be silent
        world.tick(job, cpu=20)
    job.refresh_from_db()
    assert job.wanted == 1
    Job.objects.update(running=1, healthy=1)
    Instance.objects.filter(job=job).first().delete()  # type: ignore[union-attr]
    Operation.objects.update(state="succeeded")
    for _ in range(20):
        world.tick(job, cpu=20)
    job.refresh_from_db()
    assert job.wanted == 1


def test_a_lost_source_holds_and_says_so_and_comes_back_by_itself(world: World, job: Job) -> None:
    make_policy(job=job)
    for _ in range(5):
        world.tick(job, cpu=70)
    world.source.away = True
    world.tick()
    assert last(job).verdict == "source_away"  # at once, though what it saw last is not stale yet
    for _ in range(23):
        assert world.tick().acted == 0
    assert decision_text(last(job)) == "Stays at 2: the monitoring does not answer."
    world.source.away = False
    world.tick(job, cpu=70)
    known = newest_decision(job)
    assert known is not None
    assert known.verdict == "between"  # at once, though it is an earlier row that takes it in
    assert [world.tick(job, cpu=90).acted for _ in range(3)] == [0, 0, 1]


def test_a_policy_or_memory_that_cannot_be_read_holds_up_no_other_job(world: World, job: Job) -> None:
    make_policy(metrics=[{"metric": "cpu"}])
    ScalingState.objects.create(policy=make_policy(), memory={"thresholds": "none"})
    make_policy(job=job)
    assert [world.tick(job, cpu=90).acted for _ in range(3)] == [0, 0, 1]


def test_a_job_that_cannot_be_decided_holds_up_no_other(
    world: World, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_policy(max=9).job_id
    make_policy(job=job)
    see = Loop._see

    def crash(loop: Loop, fact: Fact, *rest: Any, **more: Any) -> Any:
        assert fact.job_id != other
        return see(loop, fact, *rest, **more)

    monkeypatch.setattr(Loop, "_see", crash)
    assert [world.tick(job, cpu=90).acted for _ in range(3)] == [0, 0, 1]


def test_a_cluster_whose_monitorings_address_is_none_holds_up_no_other() -> None:
    bad, good = (
        make_cluster(metrics="falcon", metrics_url=url) for url in ("falcon:8080", "http://falcon:8080")
    )
    sources = ClusterSources()
    sources.refresh()
    assert sources(bad.pk) is None
    assert sources(good.pk) is not None


def test_without_samples_nothing_shrinks(world: World, job: Job) -> None:
    make_policy(job=job)
    for _ in range(40):
        world.tick()
    job.refresh_from_db()
    assert job.wanted == 2
    assert last(job).verdict == "no_samples"


def test_repeats_are_one_row_that_counts(world: World, job: Job) -> None:
    make_policy(job=job)
    for _ in range(26):
        world.tick(job, cpu=70)
    row = ScalingDecision.objects.get()
    assert (row.verdict, row.acted) == ("between", False)
    assert row.count >= 13
    assert row.last_at > row.at


@pytest.mark.parametrize(("kind", "wanted"), [("exact", 4), ("floor", 4), (None, 2)])
def test_a_schedule_holds_a_job_whose_cluster_has_no_monitoring(
    job: Job, kind: str | None, wanted: int
) -> None:
    make_policy(job=job)
    if kind is not None:
        schedule = make_schedule(job=job, kind=kind, instances=4)
        ScheduleBound.objects.create(job=job, schedule=schedule, kind=kind, instances=4, since=timezone.now())
    with SampleReader(lambda cluster_id: None) as samples:
        loop = Loop(samples, agent=autoscaler())
        loop.tick(timezone.now())
        loop.save(timezone.now())

    job.refresh_from_db()
    assert job.wanted == wanted
    if kind is None:
        assert ScalingDecision.objects.get().verdict == "no_source"


def test_only_advising_changes_nothing_and_says_what_it_would(world: World, job: Job) -> None:
    make_policy(job=job, advise_only=True)
    for _ in range(4):
        world.tick(job, cpu=90)
    world.loop.save(world.now)
    assert not Operation.objects.exists()
    advised = ScalingDecision.objects.get(verdict="above")
    assert decision_text(advised) == (
        "Would go from 2 to 3, but only advises: CPU is 90 %, above 80 % for 3 samples."
    )


@pytest.mark.parametrize("whose", ["its own", "everybody's"])
def test_a_pause_holds_and_ends_by_itself(world: World, job: Job, whose: str) -> None:
    policy = make_policy(job=job)
    until = world.now + timedelta(seconds=32)
    if whose == "its own":
        ScalingPolicy.objects.filter(pk=policy.pk).update(paused_until=until)
    else:
        ScalingPause.objects.create(pk=ScalingPause.ALL, until=until)
    for _ in range(6):
        world.tick(job, cpu=90)
    assert not Operation.objects.exists() or whose == "everybody's"
    if whose == "its own":
        assert ScalingDecision.objects.filter(verdict="paused").exists()
    for _ in range(3):
        world.tick(job, cpu=90)
    job.refresh_from_db()
    assert job.wanted == 3


def test_a_publish_makes_growing_wait_and_then_it_grows(world: World, job: Job) -> None:
    make_policy(job=job)
    publish = make_job_operation(job, kind="job.publish")
    for _ in range(4):
        assert world.tick(job, cpu=90).acted == 0
    job.refresh_from_db()
    assert job.wanted == 2
    assert ScalingDecision.objects.filter(acted=True).count() == 0
    assert any("as soon as the operation" in decision_text(row) for row in ScalingDecision.objects.all())
    Operation.objects.filter(pk=publish.pk).update(state="succeeded")
    world.tick(job, cpu=70)
    job.refresh_from_db()
    assert job.wanted == 3


def test_a_persons_number_is_where_it_goes_on_from_and_for_a_while_the_least(world: World, job: Job) -> None:
    policy = make_policy(job=job, max=9, window_s=300)
    for _ in range(5):
        world.tick(job, cpu=70)
    job_scale(job=job, instances=6, by=make_member(job.product_line))
    world.settle(job)
    for _ in range(12):
        world.tick(job, cpu=10)
    job.refresh_from_db()
    assert job.wanted == 6
    assert "what a person asked for" in decision_text(last(job))
    world.again()  # after a restart, too
    for _ in range(6):
        world.tick(job, cpu=10)
    job.refresh_from_db()
    assert job.wanted == 6
    world.now += timedelta(seconds=300)
    for _ in range(12):
        world.tick(job, cpu=10)
    job.refresh_from_db()
    assert job.wanted == 5
    assert policy.max == 9


def test_a_person_who_asks_for_what_is_there_has_it_kept_also_when_the_policy_is_saved(
    world: World, job: Job
) -> None:
    policy = make_policy(job=job)
    for _ in range(5):
        world.tick(job, cpu=70)
    job_scale(job=job, instances=2, by=make_member(job.product_line))
    world.settle(job)
    world.loop.book.stale.add(job.pk)  # as word of it does
    for _ in range(6):
        world.tick(job, cpu=10)
    ScalingPolicy.objects.filter(pk=policy.pk).update(version=2)
    for _ in range(6):
        world.tick(job, cpu=10)
    job.refresh_from_db()
    assert job.wanted == 2
    assert "what a person asked for" in decision_text(last(job))


def test_a_number_until_a_time_is_kept_until_then(world: World, job: Job) -> None:
    make_policy(job=job)
    ScaleExpiry.objects.create(job=job, at=timezone.now() + timedelta(hours=2), during=2, instances=1)
    for _ in range(20):
        world.tick(job, cpu=10)
    job.refresh_from_db()
    assert job.wanted == 2


def test_a_stopped_job_stays_stopped(world: World, job: Job) -> None:
    make_policy(job=job)
    Job.objects.filter(pk=job.pk).update(wanted=0, running=0, healthy=0)
    for _ in range(4):
        world.tick(job, cpu=99)
    job.refresh_from_db()
    assert job.wanted == 0
    assert last(job).verdict == "stopped"


def test_a_quota_bounds_growing(world: World, job: Job) -> None:
    type(job.product_line).objects.update(scaling_quota=2)
    make_policy(job=job)
    for _ in range(3):
        world.tick(job, cpu=90)
    world.loop.save(world.now)
    assert not Operation.objects.exists()
    assert [clamp["code"] for clamp in last(job).clamps] == ["quota"]


def test_a_large_step_in_waits_for_a_person_who_then_lets_it_go(world: World) -> None:
    job = make_running_job(instances=30)
    make_policy(
        job=job,
        max=50,
        window_s=15,
        shrinking="ask",
        metrics=[{"metric": "cpu", "mode": "target", "target": 50}],
    )
    for _ in range(8):
        world.tick(job, cpu=5)
    job.refresh_from_db()
    assert job.wanted == 30
    state = ScalingState.objects.get()
    assert state.proposed is not None
    assert state.proposed < 10
    assert state.proposed_at is not None
    ScalingState.objects.update(approved=state.proposed, approved_at=world.now)
    world.tick(job, cpu=5)
    job.refresh_from_db()
    assert job.wanted == state.proposed


def test_a_restart_goes_on_from_what_was_kept(world: World, job: Job) -> None:
    make_policy(job=job)
    for _ in range(2):
        world.tick(job, cpu=90)
    world.loop.save(world.now)
    world.again()
    assert world.tick(job, cpu=90).acted == 1


def test_one_that_is_killed_just_after_it_asked_has_counted_its_samples(
    world: World, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes over is given the same samples once more, as the source knows nothing of the one before."""
    make_policy(job=job)
    for _ in range(2):
        world.tick(job, cpu=90)
    world.loop.save(world.now)
    with monkeypatch.context() as killed:
        killed.setattr(Loop, "_write", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            world.tick(job, cpu=90)
    at_s = world.now.timestamp() - 1
    world.again()
    world.settle(job)
    world.source.say(job, "cpu", 90, at_s=at_s)
    world.tick()
    assert [row.parameters["instances"] for row in Operation.objects.all()] == [3]


def test_a_decision_is_enacted_once_however_often_it_is_tried(world: World, job: Job) -> None:
    make_policy(job=job)
    for _ in range(3):
        world.tick(job, cpu=90)
    decision = last(job)
    assert enact([Order(decision, 2, 1)], agent=world.agent, now=world.now) == [Operation.objects.get()]


def test_many_decisions_are_enacted_in_as_many_statements_as_two(world: World) -> None:
    taken = []
    for count in (2, 20):
        orders = [
            Order(make_decision(job=make_policy(max=9).job, instances=3, wanted=4), had=3, version=1)
            for _ in range(count)
        ]
        with CaptureQueriesContext(connection) as queries:
            operations = enact(orders, agent=world.agent, now=world.now)
        taken.append(len(queries))
        assert [row.operation for row in ScalingDecision.objects.filter(acted=True)[:count]][
            ::-1
        ] == operations
    assert taken[0] == taken[1]


def test_one_that_cannot_be_enacted_waits_and_is_in_nobodys_way(world: World) -> None:
    jobs = [make_policy(max=9).job for _ in range(3)]
    make_job_operation(jobs[0])
    orders = [
        Order(make_decision(job=job, instances=3, wanted=4, verdict="above"), had=3, version=1)
        for job in jobs
    ]
    jobs[1].delete()
    answers = enact(orders, agent=world.agent, now=world.now)
    assert [one is None for one in answers] == [True, True, False]
    waits = ScalingDecision.objects.get(job=jobs[0])
    assert (waits.acted, waits.operation, waits.values) == (False, None, {"waits": True})


def test_what_there_was_no_time_for_is_asked_for_however_long_its_turn_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = {step: make_running_job(instances=2) for step in (1, 3)}
    for step, job in jobs.items():
        make_policy(job=job, step=step, max=9)
    monkeypatch.setattr(tick, "ACT_UNTIL_S", -1.0)
    for _ in range(3):
        for job in jobs.values():
            world.source.say(job, "cpu", 90, at_s=world.now.timestamp() + 4)
        world.tick()
    for _ in range(24):  # two minutes without any time
        for job in jobs.values():
            world.source.say(job, "cpu", 70, at_s=world.now.timestamp() + 4)
        assert world.tick().waiting == 2
    monkeypatch.setattr(tick, "ACT_TOGETHER", 1)
    world.loop.go_on(until=time.monotonic() + 60)
    numbers = Operation.objects.order_by("pk").values_list("target_id", "parameters__instances")
    assert list(numbers) == [(jobs[3].pk, 5), (jobs[1].pk, 3)]  # the largest growth first
    assert Operation.objects.latest("pk").reason == "From 2 to 3: CPU is 90 %, above 80 % for 3 samples."


def test_a_newer_number_takes_the_place_of_one_whose_turn_has_not_come(
    world: World, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_policy(job=job, max=9, min=1)
    monkeypatch.setattr(tick, "ACT_UNTIL_S", -1.0)
    for _ in range(4):
        world.tick(job, cpu=90)
    for _ in range(6):
        world.tick(job, cpu=10)
    world.loop.go_on(until=time.monotonic() + 60)
    assert Operation.objects.get().parameters["instances"] == 1


def test_a_policy_that_was_removed_is_followed_no_more(world: World, job: Job) -> None:
    policy = make_policy(job=job)
    world.tick(job, cpu=90)
    policy.delete()
    assert [world.tick(job, cpu=90).jobs for _ in range(3)] == [0, 0, 0]
    assert not Operation.objects.exists()


def test_half_of_them_silent_count_as_loaded(world: World, job: Job) -> None:
    make_policy(job=job)
    for _ in range(6):
        world.tick(job, cpu=70)
    for _ in range(3):
        world.tick(job, cpu=66, reporting=1)
    job.refresh_from_db()
    assert job.wanted == 3


@pytest.mark.parametrize("jobs", [2, 12])
def test_a_tick_takes_as_many_queries_for_many_jobs_as_for_few(
    world: World, jobs: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for job in [make_running_job(instances=2) for _ in range(jobs)]:
        make_policy(job=job)
    world.tick()
    with django_assert_max_num_queries(14):  # savepoints included
        assert world.tick().jobs == jobs


def test_old_decisions_go_and_new_ones_stay(settings: Any) -> None:
    settings.OCEAN_DECISION_DAYS = 14
    now = timezone.now()
    kept = make_decision(last_at=now - timedelta(days=13))
    make_decision(last_at=now - timedelta(days=15))
    assert decisions_prune(now=now) == 1
    assert list(ScalingDecision.objects.all()) == [kept]
