"""Writing what events say of single instances, without asking the scheduler: thousands in a second.

A fact is provisional. It may only move an instance on in its life, it never outruns a look that was asked for after
it was heard (`engine_seen_at`), and each job that it touched is looked at soon after, which puts right whatever the
events left out. In SQL, because a model for each of ten thousand rows a second is more than a process can make.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.core.models import Cluster
from apps.jobs.masking import Mask, masks_of
from apps.jobs.mirror.apply import Batch, bad_end, busy_jobs, counted_state, set_state, tell, turn
from apps.jobs.mirror.facts import ENDED, STAGES, Heard
from apps.jobs.mirror.loops import crash_looping
from apps.jobs.mirror.rows import Row, jobs_write
from apps.jobs.models import Job, SideWorkload
from apps.jobs.planning import own_path
from apps.jobs.services.history import Happening, history_write
from engines.base import EngineEvent, InstanceFailure, InstanceState, WorkloadId

STARTING = (InstanceState.STAGING, InstanceState.STARTING, InstanceState.RUNNING)
"""What an instance that we did not know of may be: the end of an unknown one is no news."""

_UPSERT = """
INSERT INTO jobs_instance AS known
       (job_id, slot, task_id, host, ip, ports, state, engine_version, staged_at, started_at, restarts, message)
SELECT fact.job_id, 'main', fact.task_id, fact.host, fact.ip, fact.ports, fact.state, fact.engine_version, fact.at,
       CASE WHEN fact.state = 'running' THEN fact.at END, fact.restarts, ''
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::text[], %s::timestamptz[],
              %s::timestamptz[], %s::int[])
       AS fact (job_id, task_id, host, ip, ports, state, engine_version, at, restarts)
  LEFT JOIN jobs_instance AS old ON old.job_id = fact.job_id AND old.task_id = fact.task_id
 WHERE old.id IS NOT NULL OR fact.state = ANY(%s)
    ON CONFLICT (job_id, task_id) DO UPDATE
   SET state = excluded.state, started_at = COALESCE(known.started_at, excluded.started_at)
 WHERE array_position(%s::text[], excluded.state::text) > array_position(%s::text[], known.state::text)
    OR (known.state = 'unreachable' AND excluded.state = 'running')
RETURNING job_id
"""
_FORGET = """
WITH gone AS (
    DELETE FROM jobs_instance AS known
     USING unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS fact (job_id, task_id, at)
     WHERE known.job_id = fact.job_id AND known.task_id = fact.task_id
 RETURNING known.job_id, known.task_id, known.host, known.version, known.engine_version, known.started_at, fact.at
), noted AS (
    INSERT INTO jobs_goneinstance (job_id, task_id, host, started_at, gone_at, version)
    SELECT job_id, task_id, host, started_at, at, COALESCE(version, (
               SELECT stamp.version FROM jobs_definitionstamp AS stamp
                WHERE stamp.job_id = gone.job_id AND stamp.slot = 'main' AND stamp.changed_at <= gone.engine_version
                ORDER BY stamp.changed_at DESC LIMIT 1))
      FROM gone
        ON CONFLICT DO NOTHING
)
SELECT job_id FROM gone
"""
_HEALTH = """
UPDATE jobs_instance AS known
   SET healthy = fact.healthy
  FROM unnest(%s::bigint[], %s::text[], %s::bool[]) AS fact (job_id, task_id, healthy)
 WHERE known.job_id = fact.job_id AND known.task_id = fact.task_id AND known.healthy IS DISTINCT FROM fact.healthy
RETURNING known.job_id
"""

_COUNT = """
SELECT job.id, counted.running, counted.healthy, counted.staging
  FROM unnest(%s::bigint[]) AS job (id)
 CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE state = 'running') AS running,
              count(*) FILTER (WHERE state = 'running' AND healthy) AS healthy,
              count(*) FILTER (WHERE state IN ('staging', 'starting')) AS staging
         FROM jobs_instance WHERE job_id = job.id) AS counted
"""
"""Job by job, so that the planner reads no more than that, also of a table of which it has no statistics yet."""


@dataclass(slots=True)
class Placed:
    """Which workloads the facts were about: those that were written, and others, which have to be looked at (of jobs
    that have a workload beside their own only the scheduler can tell which instance is whose)."""

    ours: set[WorkloadId] = field(default_factory=set)
    others: set[WorkloadId] = field(default_factory=set)


def facts_apply(
    cluster: Cluster,
    states: Collection[Heard],
    health: Collection[Heard] = (),
    *,
    failures: Iterable[EngineEvent] = (),
) -> Placed:
    """Write these states and healths (one of each for an instance at most), the counts and states of their jobs, and
    the bad ends of instances into the jobs' histories. In one transaction; a dozen statements however many they are.

    Tells pages and the listeners of `instances_changed`. Waiting operations are left to the look that follows.
    """
    batch, placed = Batch(), Placed()
    ends = list(failures)
    paths = {heard.event.workload_ids[0] for heard in (*states, *health)}
    with transaction.atomic():
        known = _locked(cluster, {own_path(path) for path in paths} | {_own_path(event) for event in ends})
        beside = set(SideWorkload.objects.filter(job__in=known.values()).values_list("job_id", flat=True))
        jobs = {path: job for path, job in known.items() if job.pk not in beside}
        placed.ours, placed.others = paths & jobs.keys(), paths - jobs.keys()
        batch.changed = _write_instances(_news(states, jobs), _news(health, jobs))
        touched = {job.pk: job for job in jobs.values() if job.pk in batch.changed}
        heard_at = max((heard.at for heard in (*states, *health)), default=None)
        _write_counts(touched, batch, at=timezone.now(), heard_at=heard_at)
        batch.happenings += _bad_ends(ends, known)
        history_write(batch.happenings)
    batch.changed |= {job.pk for job, _happening in batch.happenings}
    tell(batch)
    return placed


_READ = (
    "workload_id", "engine_seen_at", "state", "state_since", "wanted", "running", "healthy", "staging",
    "has_health_checks", "target_version", "config_changed_at", "product_line",
)  # fmt: skip


def _own_path(event: EngineEvent) -> str:
    return own_path(event.workload_ids[0])


def _locked(cluster: Cluster, paths: Collection[str]) -> dict[str, Job]:
    """The living jobs of these own workloads, locked in one order."""
    rows = Job.objects.alive().filter(cluster=cluster, workload_id__in=paths).only(*_READ)
    return {job.workload_id: job for job in rows.select_for_update(no_key=True).order_by("pk")}


def _news(facts: Iterable[Heard], jobs: Mapping[str, Job]) -> list[tuple[Job, EngineEvent]]:
    """Those about jobs of ours that were not looked at since: the look knew already."""
    found = []
    for heard in facts:
        job = jobs.get(heard.event.workload_ids[0])
        if job is not None and (job.engine_seen_at is None or job.engine_seen_at < heard.at):
            found.append((job, heard.event))
    return found


def _write_instances(
    states: Sequence[tuple[Job, EngineEvent]], health: Sequence[tuple[Job, EngineEvent]]
) -> set[int]:
    """The rows; returns the ids of the jobs of which any row changed."""
    changed: set[int] = set()
    alive = [(job, event) for job, event in states if event.state not in ENDED]
    over = [(job, event) for job, event in states if event.state in ENDED]
    with connection.cursor() as cursor:
        for statement, parameters in (
            (_UPSERT, [*_columns(alive, _instance), list(STARTING), list(STAGES), list(STAGES)]),
            (_FORGET, _columns(over, lambda job, event: (job.pk, event.instance_id, event.at))),
            (_HEALTH, _columns(health, lambda job, event: (job.pk, event.instance_id, event.healthy))),
        ):
            if parameters[0]:
                cursor.execute(statement, parameters)
                changed.update(job_id for (job_id,) in cursor.fetchall())
    return changed


def _instance(job: Job, event: EngineEvent) -> tuple[Any, ...]:
    return (
        job.pk, event.instance_id, event.host, event.ip, json.dumps(event.ports), event.state,
        event.engine_version, event.at, event.restarts,
    )  # fmt: skip


def _columns(
    facts: Sequence[tuple[Job, EngineEvent]], row: Callable[[Job, EngineEvent], tuple[Any, ...]]
) -> list[list[Any]]:
    """The rows as columns, as `unnest` takes them; [[]] where there is none."""
    return [list(column) for column in zip(*(row(job, event) for job, event in facts), strict=True)] or [[]]


def _write_counts(jobs: Mapping[int, Job], batch: Batch, *, at: datetime, heard_at: datetime | None) -> None:
    """Count the rows of these jobs, and work out the state of each from that. A look at them that was asked for before
    `heard_at`, when the last of the facts was heard, must not undo it."""
    if not jobs:
        return
    counts = _counted(jobs)
    busy, looping = busy_jobs(list(jobs.values())), crash_looping(jobs.values(), at=at)
    for job in jobs.values():
        job.running, healthy, job.staging = counts[job.pk]
        job.healthy = healthy if job.has_health_checks else job.running
        # Events do not say whether a deployment goes on; the look that follows does.
        deploying = job.pk in busy or job.state == Job.State.DEPLOYING
        state = counted_state(job, deploying=deploying, crash_loop=job.pk in looping)
        if happening := turn(job, state, at=at):
            batch.happenings.append((job, happening))
        set_state(job, state)
    jobs_write(Row(job, [] if job.all_well else None, heard_at) for job in jobs.values())


def _counted(job_ids: Iterable[int]) -> dict[int, tuple[int, int, int]]:
    """Of each job: how many instances are running, healthy, starting."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(job_ids)])
        return {
            job_id: (running, healthy, staging) for job_id, running, healthy, staging in cursor.fetchall()
        }


def _bad_ends(ends: Sequence[EngineEvent], jobs: Mapping[str, Job]) -> list[tuple[Job, Happening]]:
    ours = [(job, event) for event in ends if (job := jobs.get(_own_path(event)))]
    masks = masks_of(job for job, _event in ours) if ours else {}
    nothing = Mask()
    return [(job, bad_end(_failure(event, masks.get(job.product_line_id, nothing)))) for job, event in ours]


def _failure(event: EngineEvent, mask: Mask) -> InstanceFailure:
    assert event.instance_id is not None  # is_bad_end has looked
    assert event.state is not None
    return InstanceFailure(
        instance_id=event.instance_id,
        state=event.state,
        host=event.host,
        message=mask(event.message),
        at=event.at or timezone.now(),
    )
