"""The instances' part of a batch: their rows, and which version each of them runs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from apps.jobs.models import DefinitionStamp, GoneInstance, Instance, Job, Slot
from engines.base import InstanceStatus, WorkloadStatus


@dataclass(frozen=True, slots=True)
class Seen:
    """What the scheduler says of one of a job's workloads, and what the mirror last knew its definition's moment
    to be."""

    job: Job
    status: WorkloadStatus
    known_change: datetime | None


def definitions_stamp(seen: Sequence[Seen], *, slot: Slot) -> None:
    """Note which version each new definition is."""
    fresh = [
        DefinitionStamp(
            job=one.job, slot=slot, changed_at=one.status.config_changed_at, version=one.status.version
        )
        for one in seen
        if one.status.config_changed_at != one.known_change
    ]
    if fresh:
        DefinitionStamp.objects.bulk_create(fresh, ignore_conflicts=True)


_WRITE = """
WITH pair AS MATERIALIZED (
    SELECT known.id, known.job_id AS known_job_id, said.job_id, said.task_id, said.host, said.ip, said.ports,
           said.state, said.healthy, runs.version, said.engine_version, said.staged_at, said.started_at, said.restarts,
           said.message
      FROM json_to_recordset(%(said)s)
           AS said (job_id bigint, task_id text, host text, ip text, ports jsonb, state text, healthy boolean,
                    version integer, engine_version timestamptz, staged_at timestamptz, started_at timestamptz,
                    restarts integer, message text)
      FULL JOIN (
           SELECT one.* FROM unnest(%(jobs)s::bigint[]) AS listed (job_id)
            CROSS JOIN LATERAL (
                  SELECT * FROM jobs_instance AS each WHERE each.job_id = listed.job_id AND each.slot = %(slot)s
                  OFFSET 0) AS one
           ) AS known ON known.job_id = said.job_id AND known.task_id = said.task_id
      LEFT JOIN LATERAL (
           SELECT CASE WHEN known.version IS NOT NULL AND known.engine_version IS NOT DISTINCT FROM said.engine_version
                       THEN known.version
                       ELSE COALESCE(said.version, (
                            SELECT stamp.version FROM jobs_definitionstamp AS stamp
                             WHERE stamp.job_id = said.job_id AND stamp.slot = %(slot)s
                               AND stamp.changed_at <= said.engine_version
                             ORDER BY stamp.changed_at DESC LIMIT 1)) END AS version
           ) AS runs ON true
     WHERE known.id IS NULL OR said.job_id IS NULL
        OR (known.host, known.ip, known.ports, known.state, known.healthy, known.version, known.engine_version,
            known.staged_at, known.started_at, known.restarts, known.message)
           IS DISTINCT FROM
           (said.host, said.ip, said.ports, said.state, said.healthy, runs.version, said.engine_version,
            said.staged_at, said.started_at, said.restarts, said.message)
), written AS (
    INSERT INTO jobs_instance
           (job_id, slot, task_id, host, ip, ports, state, healthy, version, engine_version, staged_at, started_at,
            restarts, message)
    SELECT job_id, %(slot)s, task_id, host, ip, ports, state, healthy, version, engine_version, staged_at, started_at,
           restarts, message
      FROM pair WHERE job_id IS NOT NULL
        ON CONFLICT (job_id, task_id) DO UPDATE
       SET host = excluded.host, ip = excluded.ip, ports = excluded.ports, state = excluded.state,
           healthy = excluded.healthy, version = excluded.version, engine_version = excluded.engine_version,
           staged_at = excluded.staged_at, started_at = excluded.started_at, restarts = excluded.restarts,
           message = excluded.message
)
SELECT COALESCE(job_id, known_job_id), CASE WHEN job_id IS NULL THEN id END FROM pair
"""
"""Of what is said and what is known of these jobs' instances it writes what differs, and returns those jobs, each with
the row of an instance that is not listed any more. The database compares: a snapshot is of every row of a cluster, and
in Python reading them took longer than all else. It looks job by job (OFFSET 0), so that a table which has just been
filled, of which the planner knows nothing, is not read whole each time.

A known instance keeps the version of its row for as long as it has the same definition; a new one has that which `said`
brings, or else by the definitions' stamps, which are as many as a job was ever published."""


def instances_write(seen: Sequence[Seen], *, slot: Slot, at: datetime) -> set[int]:
    """Insert, update and delete the rows of these workloads' instances, as they were `at` then; only rows that differ
    are written. Statuses that came without instances are left out. Returns the ids of the jobs that changed."""
    listed = [one for one in seen if one.status.instances is not None]
    if not listed:
        return set()
    said = [
        _said(one.job.pk, instance, one.status) for one in listed for instance in one.status.instances or ()
    ]
    jobs = [one.job.pk for one in listed]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {"said": json.dumps(said), "jobs": jobs, "slot": slot.value})
        found = cursor.fetchall()
    if gone := [pk for _job_id, pk in found if pk is not None]:
        instances_forget(Instance.objects.filter(pk__in=gone), at=at)
    return {job_id for job_id, _pk in found}


def _said(job_id: int, instance: InstanceStatus, status: WorkloadStatus) -> dict[str, Any]:
    """An instance as JSON. Its version where it was started from the workload's definition as it is now."""
    stamp = instance.engine_version
    return {
        "job_id": job_id,
        "task_id": instance.id,
        "host": instance.host,
        "ip": instance.ip,
        "ports": instance.ports,
        "state": instance.state,
        "healthy": instance.healthy,
        "version": status.version if stamp is not None and stamp >= status.config_changed_at else None,
        "engine_version": _text(stamp),
        "staged_at": _text(instance.staged_at),
        "started_at": _text(instance.started_at),
        "restarts": instance.restarts,
        "message": instance.message,
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


_VERSION = Instance.MIRRORED.index("version")


def mirrored_jobs(listed: Mapping[int, Sequence[InstanceStatus]], *, slot: Slot) -> set[int]:
    """The ids of the jobs whose rows are there as they would be written, each with a known version, and no others."""
    known: defaultdict[int, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    rows = Instance.objects.filter(job__in=listed, slot=slot)
    for job_id, task_id, *rest in rows.values_list("job_id", "task_id", *Instance.MIRRORED):
        known[job_id][task_id] = tuple(rest)
    return {job_id for job_id, instances in listed.items() if _are_mirrored(instances, known[job_id])}


def _are_mirrored(instances: Sequence[InstanceStatus], known: Mapping[str, tuple[Any, ...]]) -> bool:
    return len(known) == len(instances) and all(
        (row := known.get(instance.id)) is not None
        and row[_VERSION] is not None
        and row == _mirrored(instance, version=row[_VERSION])
        for instance in instances
    )


def instances_forget(instances: QuerySet[Instance], *, at: datetime) -> int:
    """Delete the rows of instances that are not listed any more, and note where their logs are. Returns how many."""
    rows = instances.values("job_id", "task_id", "host", "version", "started_at")
    GoneInstance.objects.bulk_create(
        [GoneInstance(gone_at=at, **row) for row in rows], ignore_conflicts=True, batch_size=1000
    )
    deleted, _ = instances.delete()
    return deleted


def _mirrored(instance: InstanceStatus, *, version: int | None) -> tuple[Any, ...]:
    """The values of Instance.MIRRORED, in its order."""
    return (
        instance.host,
        instance.ip,
        list(instance.ports),
        instance.state.value,
        instance.healthy,
        version,
        instance.engine_version,
        instance.staged_at,
        instance.started_at,
        instance.restarts,
        instance.message,
    )
