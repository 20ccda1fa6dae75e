"""Finding out why a job is not as wanted, and keeping the answer for the pages."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.utils import timezone

from apps.jobs.explain import Answer, Dependency, Ended, Facts, Problem, explain
from apps.jobs.explain.exits import unhealthy_cause
from apps.jobs.masking import Mask, mask_of, masked_engine, masked_status, plain_engine
from apps.jobs.mirror.apply import problems_store
from apps.jobs.mirror.surroundings import surroundings
from apps.jobs.models import GoneInstance, Job, JobEvent, JobVersion
from clients.probe import probe
from engines.base import Engine, InstanceId, InstanceState, InstanceStatus, WorkloadStatus

log = logging.getLogger(__name__)

ENDS = 50
"""As many of the latest bad ends are looked at."""


def job_diagnose(
    job: Job, status: WorkloadStatus, *, engine: Engine, operation: bool = False
) -> list[Problem]:
    """Ask why the job is not as `status` should be, which is of its own workload or of the one beside it; writes
    `Job.problems`. `operation`: whether one of ours is at work on it. Raises `clients.errors.RemoteError` where the
    scheduler itself cannot be asked."""
    facts = _facts(job, status, engine=plain_engine(engine), operation=operation)
    try:
        problems = explain(facts)
    except (
        Exception
    ):  # a rule that stumbles over one job must not end its publish, nor hide the others' reasons
        log.exception("explain_crashed", extra={"job": job.pk})
        problems = []
    problems_store(job.pk, problems)
    return problems


def dependencies_of(job: Job, tags: Iterable[str]) -> tuple[Dependency, ...]:
    """How the jobs are that this one needs. What ails one of another product line is not told: not everybody who
    sees the one may see the other."""
    wanted = list(tags)
    if not wanted:
        return ()
    found = {other.tag: other for other in Job.objects.alive().filter(tag__in=wanted)}
    return tuple(_dependency(job, tag, found.get(tag)) for tag in wanted)


def _dependency(job: Job, tag: str, other: Job | None) -> Dependency:
    if other is None:
        return Dependency(tag, tag, "missing")
    is_own = other.product_line_id == job.product_line_id
    # Before its first look the mirror knows of no state but the draft's.
    state = "deploying" if other.is_published and other.state == Job.State.DRAFT else other.state
    return Dependency(
        tag=tag,
        name=other.name,
        state=state,
        well=min(other.healthy, other.running),
        wanted=other.wanted,
        problem=other.problems[0] if is_own and other.problems else None,
    )


def _facts(job: Job, status: WorkloadStatus, *, engine: Engine, operation: bool) -> Facts:
    """What is known of the job, with the values of its product line's secrets masked wherever somebody says them."""
    around, mask = surroundings(engine), mask_of(job)
    engine, status = masked_engine(engine, mask), masked_status(status, mask)
    number = job.target_version or job.latest_version
    version = JobVersion.objects.filter(job=job, number=number).first()
    spec: Mapping[str, Any] = version.spec if version else {}
    waiting = around.waiting(status.id, engine=engine)
    ended = _ended(job, status)
    health = engine.health(status.id) if status.has_health_checks else ()
    facts = Facts(
        now=timezone.now(),
        cluster=job.cluster.name,
        spec=spec,
        status=status,
        waiting=waiting,
        hosts=around.hosts(job.cluster) if waiting and waiting.count else (),
        health=health,
        ended=ended,
        dependencies=dependencies_of(job, spec.get("depends_on", ())),
        operation=operation,
    )
    if not (facts.is_short or facts.is_crash_loop):
        return facts
    if ended and unhealthy_cause(ended[0].message) is None:
        last = around.last_words(InstanceId(ended[0].instance_id), host=ended[0].host, engine=engine)
        facts = replace(facts, last_words=last)
    return _with_answer(facts, mask) if facts.is_short else facts


def _ended(job: Job, status: WorkloadStatus) -> tuple[Ended, ...]:
    """The bad ends of the present definition, the newest first: of the history, and the scheduler's last one."""
    since = status.config_changed_at
    events = JobEvent.objects.filter(job=job, kind=JobEvent.INSTANCE_FAILED, at__gte=since)[:ENDS]
    found = {event.ended_task: _of_event(event) for event in events}
    last = status.last_failure
    if last is not None and last.at >= since:
        found.setdefault(
            last.instance_id, Ended(last.instance_id, last.state, last.host, last.message, last.at)
        )
    latest_first = sorted(found.values(), key=lambda one: one.at, reverse=True)
    return tuple([_with_life(job, one) for one in latest_first[:1]] + latest_first[1:])


def _with_life(job: Job, ended: Ended) -> Ended:
    """With how long it ran, where the mirror saw it run."""
    gone = GoneInstance.objects.filter(job=job, task_id=ended.instance_id, started_at__isnull=False).first()
    if gone is None or gone.started_at is None:
        return ended
    return replace(ended, ran_s=max(0.0, (ended.at - gone.started_at).total_seconds()))


def _of_event(event: JobEvent) -> Ended:
    values = event.values
    return Ended(
        instance_id=event.ended_task,
        state=InstanceState(values["state"]["text"]),
        host=values["host"],
        message=values["message"],
        at=event.at,
    )


def _with_answer(facts: Facts, mask: Mask) -> Facts:
    """With what one of the ill instances answers to its own HTTP check."""
    check = next((one for one in facts.spec.get("health_checks", ()) if one["type"] == "http"), None)
    instance = next((one for one in facts.current if _is_worth_asking(one)), None)
    if check is None or instance is None:
        return facts
    names = [port["name"] for port in facts.spec.get("ports", ())]
    index = names.index(check["port"]) if check["port"] in names else 0
    if index >= len(instance.ports):
        return facts
    port = instance.ports[index]
    answered = probe(instance.ip or instance.host, port, check["path"])
    answer = Answer(instance.id, instance.host, port, answered.status, mask(answered.text))
    return replace(facts, answer=answer)


def _is_worth_asking(instance: InstanceStatus) -> bool:
    return instance.state == InstanceState.RUNNING and instance.healthy is not True and bool(instance.ports)
