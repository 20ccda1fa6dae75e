"""Reading schedules: rows, what became of their slots, what they hold jobs to, and what is coming."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from apps.elastic.models import ScalingPolicy, ScalingSchedule, ScheduleBound, ScheduleRun
from apps.elastic.schedules.bounds import Bound, Slot, bound_of
from apps.elastic.schedules.coming import Coming, Limits, Row, coming
from apps.elastic.schedules.ringing import EARLY
from apps.jobs.models import Job

CALENDAR_DAYS = 31
CALENDAR_ENTRIES = 500


def schedules_of(job: Job) -> QuerySet[ScalingSchedule]:
    """The job's rows, by start."""
    return ScalingSchedule.objects.filter(job=job).select_related("job__cluster", "created_by")


def schedules_unrung(job: Job) -> QuerySet[ScalingSchedule]:
    """The job's rows that Chronos does not ring for, as far as was seen."""
    states = ScalingSchedule.Chronos
    troubled = [states.FAILING, states.REFUSED, states.AWAY]
    return ScalingSchedule.objects.filter(job=job, enabled=True, chronos__in=troubled)


def runs_of(job: Job) -> QuerySet[ScheduleRun]:
    """What became of the job's slots, the newest first."""
    return ScheduleRun.objects.filter(job=job).select_related("schedule", "rung_by__job", "operation")


def schedule_bounds(job_ids: Collection[int] | None, now: datetime) -> Mapping[int, Bound]:
    """What the schedules hold these jobs to now, all jobs for None; those that none speaks of are left out. One query.

    What a slot set holds until the next slot that ran, however late that is."""
    rows = ScheduleBound.objects.filter(since__lte=now + EARLY)
    if job_ids is not None:
        rows = rows.filter(job_id__in=job_ids)
    return {
        job_id: bound_of(Slot(schedule_id, since, kind, instances))
        for job_id, schedule_id, since, kind, instances in rows.values_list(
            "job_id", "schedule_id", "since", "kind", "instances"
        )
    }


def calendar_of(job: Job, *, now: datetime, days: int) -> dict[str, Any]:
    """What will happen to the job by time: `entries`, the earliest first, at most CALENDAR_ENTRIES. What `holds` it now
    is beside a policy that scales it: without one a slot sets the number once."""
    until = now + timedelta(days=days)
    rows = {row.pk: row for row in schedules_of(job) if row.enabled}
    policy = ScalingPolicy.objects.filter(job=job, enabled=True, advise_only=False).first()
    limits = Limits(policy.min, policy.max) if policy else None
    entries = coming(
        [Row(pk, row.rule, row.kind, row.instances) for pk, row in rows.items()],
        now=now,
        until=until,
        limits=limits,
        at_most=CALENDAR_ENTRIES + 1,
    )
    bound = schedule_bounds([job.pk], now).get(job.pk) if policy else None
    return {
        "since": now,
        "until": until,
        "limits": limits,
        "holds": bound,
        "entries": [(rows[entry.schedule_id], entry) for entry in entries[:CALENDAR_ENTRIES]],
        "truncated": len(entries) > CALENDAR_ENTRIES,
    }


__all__ = ["Bound", "Coming", "calendar_of", "runs_of", "schedule_bounds", "schedules_of", "schedules_unrung"]
