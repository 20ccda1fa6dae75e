"""Scales the jobs that no policy scales: runs that wait become ordinary scalings to an absolute number, many at once.

While another operation holds a job, its run goes on waiting; once the job is free, the newest slot's number counts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils.translation import gettext_noop

from apps.core.errors import DomainError, TargetBusy
from apps.core.models import Operation
from apps.elastic.models import ScalingPause, ScheduleRun
from apps.elastic.schedules.settling import EFFECTS_AT_ONCE
from apps.elastic.schedules.telling import runs_tell
from apps.jobs.models import Job
from apps.jobs.services import Scale, jobs_lock, jobs_scale
from apps.jobs.services.history import Happening, history_write

log = logging.getLogger(__name__)

SCHEDULED = gettext_noop("A schedule asks for %(instances)s instances.")
ALREADY = gettext_noop("The job had %(instances)s instances already.")
BUSY = gettext_noop("Waits for operation #%(operation)s.")
LATER_ONE = gettext_noop("A later slot came before the job was free.")
PAUSED = gettext_noop("The scaling of all jobs was paused.")
REFUSED = gettext_noop("%(error)s")
State = ScheduleRun.State


def effects_run(*, now: datetime, first: int = 0, limit: int = EFFECTS_AT_ONCE) -> int:
    """Start what waits, from run `first` on. Jobs that an operation holds stand in nobody's way. Returns how many were
    started. A fixed number of statements, however many wait."""
    holder = Operation.objects.active().filter(target_type="job", target_id=OuterRef("job_id"))
    waiting = ScheduleRun.objects.filter(state=State.WAITING, pk__gte=first)
    free = waiting.filter(~Exists(holder)).order_by("pk").values_list("pk", "job_id")[:limit]
    found = dict(free)
    return _effects(found, now=now) if found else 0


def effects_put_off(*, limit: int = 200) -> None:
    """Say of those that wait whom they wait for."""
    waiting = ScheduleRun.objects.filter(state=State.WAITING, text="")
    by_job = dict(waiting.order_by("pk").values_list("job_id", "pk")[:limit])
    holders = Operation.objects.active().filter(target_type="job", target_id__in=by_job)
    for job_id, operation in holders.values_list("target_id", "pk"):
        # Not of one that began meanwhile: then the operation is its own.
        waiting.filter(pk=by_job[job_id]).update(text=BUSY, values={"operation": operation})


@transaction.atomic
def _effects(found: Mapping[int, int], *, now: datetime) -> int:
    """Their operations (`found`: runs and their jobs), in one transaction with what the runs say of them. Returns how
    many there are.

    Jobs are locked before their runs, as everywhere."""
    jobs = jobs_lock(found.values())
    runs = list(
        # Not those that went along with a job that has migrated meanwhile.
        ScheduleRun.objects.select_for_update()
        .filter(pk__in=found, job__in=list(jobs), state=State.WAITING)
        .order_by("pk")
    )
    at_work = ScheduleRun.objects.filter(job__in=jobs).exclude(state=State.SKIPPED).order_by()
    newest = dict(at_work.values_list("job_id").annotate(newest=Max("due_at")))
    paused = ScalingPause.objects.filter(until__gt=now).exists()
    scaled: dict[int, ScheduleRun] = {}
    for run in runs:
        job = jobs[run.job_id]
        if newest[job.pk] > run.due_at:
            _say(run, State.SUPERSEDED, LATER_ONE)
        elif paused:
            _say(run, State.SKIPPED, PAUSED)
        elif job.wanted == run.instances and job.is_published:
            _say(run, State.APPLIED, ALREADY, instances=run.instances)
        else:
            scaled[job.pk] = run
    started = _scale(jobs, scaled)
    ScheduleRun.objects.bulk_create(
        runs,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["state", "text", "values", "operation"],
    )
    failed = [run for run in scaled.values() if run.state == State.FAILED]
    if failed:
        runs_tell(failed)
    return started


def _scale(jobs: Mapping[int, Job], runs: Mapping[int, ScheduleRun]) -> int:
    """Ask for these runs' numbers, by job. Returns how many operations that is."""
    scales = [Scale(jobs[job_id], run.instances, _key(run)) for job_id, run in runs.items()]
    begun: list[tuple[Job, Happening]] = []
    for (job_id, run), answer in zip(runs.items(), jobs_scale(scales), strict=True):
        if isinstance(answer, TargetBusy):
            _say(run, State.WAITING, BUSY, operation=answer.operation.pk)
        elif isinstance(answer, DomainError):
            _say(run, State.FAILED, REFUSED, error=str(answer))
        else:
            run.operation = answer
            _say(run, State.APPLIED, "")
            asked = {"instances": run.instances}
            begun.append(
                (jobs[job_id], Happening("job.scale", _key(run), SCHEDULED, asked, operation=answer))
            )
    history_write(begun)
    return len(begun)


def _key(run: ScheduleRun) -> str:
    return f"schedule:{run.schedule_id}:{run.due_at.isoformat()}"


def _say(run: ScheduleRun, state: ScheduleRun.State, text: str, **values: object) -> None:
    run.state, run.text, run.values = state, text, values
