"""Whether the mirror has what was just seen of a job already: two queries, where writing it takes a dozen."""

from __future__ import annotations

from datetime import datetime

from apps.jobs.mirror.instances import are_mirrored
from apps.jobs.mirror.side import Counts
from apps.jobs.models import Job, Slot
from engines.base import WorkloadStatus


def mirror_confirm(job: Job, status: WorkloadStatus, *, at: datetime) -> bool:
    """Note that the job's own workload was looked at, if the mirror holds all that this look, taken `at`, says. `job`
    is as it was read before. False where it differs, or was written since: then `mirror_apply` has to."""
    if job.engine_seen_at is None or job.engine_seen_at >= at or status.last_failure is not None:
        return False
    known = (Counts.of(job), job.has_health_checks, job.config_changed_at)
    if known != (Counts.said(status), status.has_health_checks, status.config_changed_at):
        return False
    if status.instances is None or not are_mirrored(job, status.instances, slot=Slot.MAIN):
        return False
    untouched = Job.objects.alive().filter(
        pk=job.pk,
        engine_seen_at=job.engine_seen_at,
        running=job.running,
        healthy=job.healthy,
        staging=job.staging,
    )
    return bool(untouched.update(engine_seen_at=at))
