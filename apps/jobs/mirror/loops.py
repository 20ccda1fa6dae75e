"""Which jobs' instances end again and again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, F

from apps.jobs.models import Job, JobEvent
from apps.jobs.planning import CRASH_LOOP_WITHIN, is_crash_loop


def crash_looping(jobs: Iterable[Job], *, at: datetime) -> set[int]:
    """The ids of those of which so many instances of the present definition have just ended, in one statement."""
    wanted = {job.pk: job.wanted for job in jobs if job.is_published and job.wanted}
    if not wanted:
        return set()
    ends = (
        JobEvent.objects.filter(
            job__in=list(wanted), kind=JobEvent.INSTANCE_FAILED, at__gt=at - CRASH_LOOP_WITHIN
        )
        .filter(at__gte=F("job__config_changed_at"))
        .order_by()
        .values_list("job")
        .annotate(ends=Count("pk"))
    )
    return {job_id for job_id, count in ends if is_crash_loop(ends=count, wanted=wanted[job_id])}
