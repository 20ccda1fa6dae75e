"""Whether the mirror has what was just seen of some jobs already: three statements, where writing takes a dozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.jobs.mirror.instances import mirrored_jobs
from apps.jobs.mirror.side import Counts
from apps.jobs.models import Job, Slot
from engines.base import WorkloadStatus


@dataclass(frozen=True, slots=True)
class Look:
    """What the scheduler said, asked `at`, of a job's own workload. `job` is as it was read before."""

    job: Job
    status: WorkloadStatus
    at: datetime


_READ = ("engine_seen_at", "running", "healthy", "staging")


@transaction.atomic
def mirror_confirm(looks: Sequence[Look]) -> set[int]:
    """Note that these jobs were looked at, where the mirror holds all that the look says. Returns the ids of those: of
    the others it differs, or was written since, and `mirror_apply` has to."""
    alike = [look for look in looks if _is_alike(look)]
    mirrored = mirrored_jobs({look.job.pk: look.status.instances or () for look in alike}, slot=Slot.MAIN)
    known = {look.job.pk: look for look in alike if look.job.pk in mirrored}
    if not known:
        return set()
    rows = Job.objects.alive().filter(pk__in=known).select_for_update(no_key=True).order_by("pk")
    untouched = {
        pk
        for pk, *values in rows.values_list("pk", *_READ)
        if values == [getattr(known[pk].job, name) for name in _READ]
    }
    for pk in untouched:
        known[pk].job.engine_seen_at = known[pk].at
    Job.objects.bulk_create(
        [known[pk].job for pk in untouched],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["engine_seen_at"],
    )
    return untouched


def _is_alike(look: Look) -> bool:
    job, status = look.job, look.status
    if job.engine_seen_at is None or job.engine_seen_at >= look.at:
        return False
    if status.last_failure is not None or status.instances is None:
        return False
    known = (Counts.of(job), job.has_health_checks, job.config_changed_at)
    return known == (Counts.said(status), status.has_health_checks, status.config_changed_at)
