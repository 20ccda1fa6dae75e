"""What events say of instances: the newest word counts, and it is written without asking the scheduler."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.core.models import Operation
from apps.core.tests.factories import make_cluster
from apps.jobs.mirror.facts import Facts, Heard
from apps.jobs.mirror.facts_apply import facts_apply
from apps.jobs.models import GoneInstance, Instance, Job, JobEvent, Secret, SideWorkload
from apps.jobs.tests.factories import make_job_operation, make_running_job
from engines.base import EngineEvent, EventKind, InstanceId, InstanceState, WorkloadId

T0 = timezone.now().replace(microsecond=0)


def heard(
    job: Job | None, task: str, state: str | None = None, *, after_s: float = 0.0, **more: Any
) -> Heard:
    """An event `after_s` after T0, heard now."""
    values: dict[str, Any] = {
        "workload_ids": (WorkloadId(job.workload_id if job else "/web"),),
        "host": "node1",
        "ip": "10.0.0.1",
        "ports": (31000,),
        "engine_version": T0,
        **more,
    }
    event = EngineEvent(
        kind=EventKind.INSTANCE,
        at=T0 + timedelta(seconds=after_s),
        instance_id=InstanceId(task),
        state=InstanceState(state) if state else None,
        **values,
    )
    return Heard(event, timezone.now())


def states(facts: Facts) -> dict[str, str]:
    found, _health = facts.give()
    return {str(one.event.instance_id): str(one.event.state) for one in found}


# --- which word counts ---------------------------------------------------------------------------------


def test_of_several_words_on_an_instance_the_newest_counts_whatever_order_they_come_in() -> None:
    facts = Facts()
    for state, after_s in (("starting", 1), ("running", 2), ("staging", 0)):
        facts.take(heard(None, "a", state, after_s=after_s))
    assert states(facts) == {"a": "running"}


def test_within_one_moment_the_later_stage_counts() -> None:
    facts = Facts()
    for state in ("running", "staging", "starting"):
        facts.take(heard(None, "a", state))
    assert states(facts) == {"a": "running"}


def test_a_late_or_repeated_word_is_no_news_after_the_newer_one_was_taken_away() -> None:
    facts = Facts()
    facts.take(heard(None, "a", "killed", after_s=2))
    assert states(facts) == {"a": "killed"}
    assert not facts.take(heard(None, "a", "running", after_s=1))
    assert not facts.take(heard(None, "a", "killed", after_s=2))
    assert states(facts) == {}


def test_health_and_state_are_told_apart() -> None:
    facts = Facts()
    facts.take(heard(None, "a", "running", after_s=2))
    assert facts.take(heard(None, "a", after_s=1, healthy=True))
    found, health = facts.give()
    assert (len(found), len(health)) == (1, 1)


def test_what_is_heard_of_a_workload_that_is_being_looked_at_is_kept_until_after() -> None:
    facts = Facts()
    looked_at = WorkloadId("/looked-at")
    facts.take(heard(None, "a", "running"))
    facts.take(heard(None, "b", "running", workload_ids=(looked_at,)))
    found, _health = facts.give(but={looked_at})
    assert [one.event.instance_id for one in found] == ["a"]
    assert states(facts) == {"b": "running"}


# --- writing -------------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


def job_of(count: int = 2, **overrides: Any) -> Job:
    return make_running_job(instances=count, engine_seen_at=T0 - timedelta(minutes=1), **overrides)


def rows(job: Job) -> dict[str, str]:
    return dict(Instance.objects.filter(job=job).values_list("task_id", "state"))


def task_of(job: Job) -> str:
    return str(Instance.objects.filter(job=job).earliest("pk").task_id)


def counts(job: Job) -> tuple[int, int, int, str]:
    job.refresh_from_db()
    return job.running, job.healthy, job.staging, job.state


def test_a_new_instance_gets_its_row_and_the_job_its_counts() -> None:
    job = job_of(2, wanted=3, state=Job.State.DEGRADED)
    facts_apply(job.cluster, [heard(job, "new", "running", after_s=5, restarts=2)])
    row = Instance.objects.get(task_id="new")
    assert (row.host, row.ip, row.ports, row.state, row.restarts) == (
        "node1",
        "10.0.0.1",
        [31000],
        "running",
        2,
    )
    assert (row.started_at, row.engine_version, row.version) == (T0 + timedelta(seconds=5), T0, None)
    assert counts(job) == (3, 2, 0, "degraded")
    facts_apply(job.cluster, [], [heard(job, "new", healthy=True)])
    assert counts(job) == (3, 3, 0, "running")


def test_an_end_takes_the_row_away_and_a_bad_one_is_in_the_history_once() -> None:
    job = job_of(2)
    Secret.objects.create(product_line=job.product_line, name="key", value="open-sesame")
    end = heard(job, task_of(job), "failed", message="out of memory: open-sesame")
    for _ in range(2):
        facts_apply(job.cluster, [end], failures=[end.event])
    assert len(rows(job)) == 1
    gone = GoneInstance.objects.get(job=job)
    assert (gone.task_id, gone.version, gone.gone_at) == (end.event.instance_id, 1, T0)
    assert counts(job) == (1, 1, 0, "degraded")
    lines = JobEvent.objects.filter(job=job).order_by("kind")
    assert [line.kind for line in lines] == ["degraded", "instance_failed"]
    assert lines[1].rendered == "An instance on node1 ended (failed): out of memory: ••••••"


@pytest.mark.parametrize(
    ("known", "said", "then"),
    [
        ("starting", "running", "running"),
        ("running", "staging", "running"),
        ("killing", "running", "killing"),
        ("running", "unreachable", "unreachable"),
        ("unreachable", "running", "running"),
    ],
)
def test_a_fact_moves_an_instance_on_and_never_back(known: str, said: str, then: str) -> None:
    job = job_of(1)
    Instance.objects.update(state=known)
    facts_apply(job.cluster, [heard(job, task_of(job), said)])
    assert list(rows(job).values()) == [then]


def test_of_an_instance_that_nobody_knows_the_end_is_no_news() -> None:
    job = job_of(1)
    for state in ("killing", "killed", "unreachable"):
        facts_apply(job.cluster, [heard(job, "stranger", state)])
    facts_apply(job.cluster, [], [heard(job, "stranger", healthy=False)])
    assert len(rows(job)) == 1


def test_what_was_heard_before_the_last_look_was_asked_for_is_left_out() -> None:
    job = job_of(1)
    early = heard(job, task_of(job), "killed")
    Job.objects.update(engine_seen_at=early.at + timedelta(microseconds=1))
    facts_apply(job.cluster, [early])
    assert len(rows(job)) == 1


def test_a_look_that_was_asked_for_before_is_left_out_afterwards() -> None:
    job = job_of(1)
    fact = heard(job, task_of(job), "killed")
    facts_apply(job.cluster, [fact])
    job.refresh_from_db()
    assert job.engine_seen_at == fact.at


def test_a_job_that_an_operation_works_on_is_not_called_ill() -> None:
    job = job_of(2, state=Job.State.DEPLOYING)
    make_job_operation(job, state=Operation.State.WAITING)
    facts_apply(job.cluster, [heard(job, task_of(job), "killed")])
    assert counts(job) == (1, 1, 0, "deploying")


def test_what_is_no_job_of_ours_is_handed_back() -> None:
    job = job_of(1)
    placed = facts_apply(make_cluster(), [heard(job, "x", "running")])
    assert (placed.ours, placed.others) == (set(), {job.workload_id})


def test_a_job_with_a_workload_beside_its_own_has_to_be_looked_at() -> None:
    job = job_of(1)
    SideWorkload.objects.create(job=job, seen_at=T0, config_changed_at=T0)
    end = heard(job, task_of(job), "failed")
    placed = facts_apply(job.cluster, [end], failures=[end.event])
    assert (placed.ours, placed.others, len(rows(job))) == (set(), {job.workload_id}, 1)
    assert JobEvent.objects.get(job=job).kind == "instance_failed"


def test_a_thousand_facts_cost_as_many_queries_as_ten(django_assert_max_num_queries: Any) -> None:
    cluster = make_cluster()
    jobs = [job_of(1, cluster=cluster) for _ in range(20)]
    for each in (1, 50):
        facts = [heard(job, f"{job.pk}-{each}-{n}", "running") for job in jobs for n in range(each)]
        ends = [heard(job, task_of(job), "failed") for job in jobs] if each == 1 else []
        with django_assert_max_num_queries(15):
            facts_apply(cluster, [*facts, *ends], failures=[end.event for end in ends])
    assert Instance.objects.count() == 20 * 51
