"""The instances' part of a batch: their rows, and which version each of them runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db.models import QuerySet

from apps.jobs.models import DefinitionStamp, GoneInstance, Instance, Job, Slot
from apps.jobs.planning import version_at
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


@dataclass(frozen=True, slots=True)
class _Known:
    """An instance's row; `mirrored` are the values of Instance.MIRRORED."""

    pk: int
    mirrored: tuple[Any, ...]

    @property
    def version(self) -> int | None:
        return cast("int | None", self.mirrored[_VERSION])

    @property
    def engine_version(self) -> datetime | None:
        return cast("datetime | None", self.mirrored[_ENGINE_VERSION])


_VERSION, _ENGINE_VERSION = (Instance.MIRRORED.index(name) for name in ("version", "engine_version"))


def instances_write(seen: Sequence[Seen], *, slot: Slot, at: datetime) -> set[int]:
    """Insert, update and delete the rows of these workloads' instances, as they were `at` then; only rows that differ
    are written. Statuses that came without instances are left out. Returns the ids of the jobs that changed."""
    listed = {one.job.pk: instances for one in seen if (instances := one.status.instances) is not None}
    if not listed:
        return set()
    # As tuples: a snapshot compares every row of the cluster, and a model each would cost more than all else.
    rows = Instance.objects.filter(job__in=listed, slot=slot).values_list(
        "pk", "job_id", "task_id", *Instance.MIRRORED
    )
    known = {(job_id, task_id): _Known(pk, tuple(rest)) for pk, job_id, task_id, *rest in rows}
    versions = _versions(listed, known, slot=slot)
    write: list[Instance] = []
    changed: set[int] = set()
    for job_id, instances in listed.items():
        for instance in instances:
            mirrored = _mirrored(instance, version=versions[job_id, instance.id])
            old = known.pop((job_id, instance.id), None)
            if old is None or old.mirrored != mirrored:
                values = dict(zip(Instance.MIRRORED, mirrored, strict=True))
                write.append(Instance(job_id=job_id, task_id=instance.id, slot=slot, **values))
                changed.add(job_id)
    if write:
        Instance.objects.bulk_create(
            write,
            update_conflicts=True,
            unique_fields=["job", "task_id"],
            update_fields=list(Instance.MIRRORED),
            batch_size=1000,
        )
    if known:
        changed |= {job_id for job_id, _task_id in known}
        instances_forget(Instance.objects.filter(pk__in=[row.pk for row in known.values()]), at=at)
    return changed


def are_mirrored(job: Job, instances: Sequence[InstanceStatus], *, slot: Slot) -> bool:
    """Whether the rows of these are there as they would be written, each with a known version, and no others."""
    rows = Instance.objects.filter(job=job, slot=slot).values_list("task_id", *Instance.MIRRORED)
    known = {task_id: tuple(rest) for task_id, *rest in rows}
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


def _versions(
    listed: Mapping[int, Sequence[InstanceStatus]], known: Mapping[tuple[int, str], _Known], *, slot: Slot
) -> dict[tuple[int, str], int | None]:
    """The version of each instance, as its row says; of new ones by the definitions' stamps, which are as many as a job
    was ever published."""
    versions: dict[tuple[int, str], int | None] = {}
    unknown: list[tuple[int, InstanceStatus]] = []
    for job_id, instances in listed.items():
        for instance in instances:
            row = known.get((job_id, instance.id))
            if row and row.version is not None and row.engine_version == instance.engine_version:
                versions[job_id, instance.id] = row.version
            else:
                unknown.append((job_id, instance))
    stamps = _stamps_of({job_id for job_id, _instance in unknown}, slot=slot)
    for job_id, instance in unknown:
        versions[job_id, instance.id] = version_at(instance.engine_version, stamps[job_id])
    return versions


def _stamps_of(job_ids: set[int], *, slot: Slot) -> dict[int, list[tuple[datetime, int | None]]]:
    stamps: dict[int, list[tuple[datetime, int | None]]] = defaultdict(list)
    rows = DefinitionStamp.objects.filter(job__in=job_ids, slot=slot).values_list(
        "job_id", "changed_at", "version"
    )
    for job_id, changed_at, version in rows:
        stamps[job_id].append((changed_at, version))
    return stamps


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
