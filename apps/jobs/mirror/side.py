"""The mirror of the workloads that canary and blue-green publishes run beside their jobs' own.

A job's counts are those of both. The scheduler reports the two apart, so the side's share is kept on a row of its own
(`SideWorkload`), and the job's own share is what is left without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.jobs.mirror.instances import Seen, definitions_stamp, instances_write
from apps.jobs.models import Job, SideWorkload, Slot
from engines.base import WorkloadStatus


@dataclass(frozen=True, slots=True)
class Counts:
    """Instances of one workload, or of several together."""

    running: int = 0
    healthy: int = 0
    staging: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.running + other.running, self.healthy + other.healthy, self.staging + other.staging
        )

    def __sub__(self, other: Counts) -> Counts:
        return Counts(
            max(0, self.running - other.running),
            max(0, self.healthy - other.healthy),
            max(0, self.staging - other.staging),
        )

    @classmethod
    def of(cls, row: Job | SideWorkload | None) -> Counts:
        return cls() if row is None else cls(row.running, row.healthy, row.staging)

    @classmethod
    def said(cls, status: WorkloadStatus) -> Counts:
        """As the scheduler says. Without health checks what runs is healthy."""
        healthy = status.healthy if status.has_health_checks else status.running
        return cls(status.running, healthy, status.staging)


def side_of(job: Job) -> SideWorkload | None:
    """The row of the workload beside the job's own, if there is one."""
    side: SideWorkload | None = getattr(job, "side", None)
    return side


def sides_seen(jobs: Sequence[Job], statuses: Sequence[WorkloadStatus | None], *, at: datetime) -> list[Seen]:
    """Of these jobs' sides those of which nothing newer is known."""
    return [
        Seen(job, status, side.config_changed_at if side else None)
        for job, status in zip(jobs, statuses, strict=True)
        if status is not None and ((side := side_of(job)) is None or side.seen_at < at)
    ]


def sides_write(seen: Sequence[Seen], *, at: datetime) -> set[int]:
    """Write their rows and instances. Returns the ids of the jobs whose instances changed."""
    if not seen:
        return set()
    definitions_stamp(seen, slot=Slot.SIDE)
    changed = instances_write(seen, slot=Slot.SIDE, at=at)
    for one in seen:
        counts = Counts.said(one.status)
        one.job.side = SideWorkload(
            job=one.job,
            seen_at=at,
            config_changed_at=one.status.config_changed_at,
            version=one.status.version,
            wanted=one.status.wanted,
            running=counts.running,
            healthy=counts.healthy,
            staging=counts.staging,
        )
    SideWorkload.objects.bulk_create(
        [one.job.side for one in seen],
        update_conflicts=True,
        unique_fields=["job"],
        update_fields=["seen_at", "config_changed_at", "version", "wanted", "running", "healthy", "staging"],
    )
    return changed
