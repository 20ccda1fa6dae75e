"""Scaling the jobs that no policy scales: each run that waits becomes an ordinary scaling, by an absolute number.

A job that another operation holds keeps its run waiting; the newest slot's number is the one that is asked for then.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_noop

from apps.core.errors import DomainError, TargetBusy
from apps.core.models import Operation
from apps.elastic.models import ScalingPause, ScheduleRun
from apps.elastic.schedules.settling import EFFECTS_AT_ONCE
from apps.elastic.schedules.telling import runs_tell
from apps.jobs.models import Job
from apps.jobs.services import job_scale
from apps.jobs.services.history import Happening, history_add

log = logging.getLogger(__name__)

SCHEDULED = gettext_noop("A schedule asks for %(instances)s instances.")
ALREADY = gettext_noop("The job had %(instances)s instances already.")
BUSY = gettext_noop("Waits for operation #%(operation)s.")
LATER_ONE = gettext_noop("A later slot came before the job was free.")
PAUSED = gettext_noop("The scaling of all jobs was paused.")
REFUSED = gettext_noop("%(error)s")


def effects_run(*, now: datetime, first: int = 0, limit: int = EFFECTS_AT_ONCE) -> int:
    """Start what waits, from run `first` on. Jobs that an operation holds stand in nobody's way. Returns how many were
    started."""
    holder = Operation.objects.active().filter(target_type="job", target_id=OuterRef("job_id"))
    waiting = ScheduleRun.objects.filter(state=ScheduleRun.State.WAITING, pk__gte=first)
    free = waiting.filter(~Exists(holder)).order_by("pk").values_list("pk", flat=True)
    return sum(_effect(pk, now=now) for pk in list(free[:limit]))


def effects_put_off(*, limit: int = 200) -> None:
    """Say of those that wait whom they wait for."""
    waiting = ScheduleRun.objects.filter(state=ScheduleRun.State.WAITING, text="").order_by("pk")[:limit]
    by_job = {run.job_id: run for run in waiting}
    holders = Operation.objects.active().filter(target_type="job", target_id__in=by_job)
    for job_id, operation in holders.values_list("target_id", "pk"):
        by_job[job_id].text, by_job[job_id].values = BUSY, {"operation": operation}
        by_job[job_id].save(update_fields=["text", "values"])


@transaction.atomic
def _effect(run_id: int, *, now: datetime) -> bool:
    """One run's operation, in one transaction with what the run says of it. Returns whether there is one.

    The job is locked before its run, as everywhere."""
    found = ScheduleRun.objects.filter(pk=run_id, state=ScheduleRun.State.WAITING).values_list(
        "job_id", flat=True
    )
    job = Job.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=found).first()
    if job is None:
        return False
    run = ScheduleRun.objects.select_for_update().filter(pk=run_id, state=ScheduleRun.State.WAITING).first()
    if run is None:
        return False
    later = ScheduleRun.objects.filter(job=job, due_at__gt=run.due_at).exclude(
        state=ScheduleRun.State.SKIPPED
    )
    if later.exists():
        return _end(run, ScheduleRun.State.SUPERSEDED, LATER_ONE)
    if ScalingPause.objects.filter(until__gt=now).exists():
        return _end(run, ScheduleRun.State.SKIPPED, PAUSED)
    if job.wanted == run.instances and job.is_published:
        return _end(run, ScheduleRun.State.APPLIED, ALREADY, instances=run.instances)
    return _scale(job, run)


def _scale(job: Job, run: ScheduleRun) -> bool:
    key = f"schedule:{run.schedule_id}:{run.due_at.isoformat()}"
    try:
        with transaction.atomic():
            operation = job_scale(job=job, instances=run.instances, by=None, idempotency_key=key)
    except TargetBusy as exc:
        run.text, run.values = BUSY, {"operation": exc.operation.pk}
        run.save(update_fields=["text", "values"])
        return False
    except DomainError as exc:
        _end(run, ScheduleRun.State.FAILED, REFUSED, error=str(exc))
        runs_tell([run])
        return False
    history_add(
        job, Happening("job.scale", key, SCHEDULED, {"instances": run.instances}), operation=operation
    )
    run.operation = operation
    _end(run, ScheduleRun.State.APPLIED, "")
    return True


def _end(run: ScheduleRun, state: ScheduleRun.State, text: str, **values: object) -> bool:
    run.state, run.text, run.values = state, text, values
    run.save(update_fields=["state", "text", "values", "operation"])
    return False
