"""What every page of one job shares: finding the job, and the header that says how it is."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from apps.core.models import Operation, OperationLog
from apps.core.operations.kinds import controls_of
from apps.core.operations.line import successor_of
from apps.core.views.pages import PageRequest, render_page
from apps.jobs.log_sources import failing_source
from apps.jobs.models import Job
from apps.jobs.personal import with_favourite
from apps.jobs.planning import RolloutCount
from apps.jobs.rollout.phases import phases_of
from apps.jobs.selectors import job_explain, jobs_visible, operations_of, rollout_of
from apps.jobs.services.actions import PUBLISH, RESTART, ROLLBACK
from apps.jobs.services.drafts import may_edit

LOG_LINES = 8


def find_job(request: PageRequest, tag: str) -> Job:
    """The job with this tag. Unknown and invisible are the same 404."""
    return get_object_or_404(with_favourite(jobs_visible(request.user), request.user), tag=tag)


def render_job(request: PageRequest, job: Job, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page of one job: the header of all of them, and its own part; each refreshes by itself."""
    own = {"job": job, "may_change": may_edit(job, by=request.user), **context}
    parts = {"job-header": "jobs/_header.html"}
    if request.headers.get("HX-Target") in (None, "job-header"):
        own |= header(job)
    return render_page(request, template, own, parts=parts)


def header(job: Job) -> dict[str, Any]:
    """What `jobs/_header.html` shows: what is wrong (an old mirror too), the operation that runs or failed last."""
    latest = operations_of(job).filter(after__isnull=True).first()
    shown = latest if latest and (latest.is_active or latest.state == Operation.State.FAILED) else None
    active = shown if shown and shown.is_active else None
    troubled = shown is not None or job.state == Job.State.DEGRADED
    since = shown.created_at if shown else job.config_changed_at
    return {
        "operation": active,
        "controls": controls_of(active) if active else (),
        "phases": phases_of(active.parameters, active.memory) if active else [],
        "successor": successor_of(active) if active else None,
        "failed_operation": shown if shown and not shown.is_active else None,
        "operation_log": _log_tail(shown) if shown else [],
        "rollout": _rollout(job, active) if active else None,
        "problems": job_explain(job, now=timezone.now()) if job.is_published else [],
        "failing": failing_source(job, since=since) if troubled else None,
    }


def _log_tail(operation: Operation) -> list[OperationLog]:
    return list(operation.log.order_by("-id")[:LOG_LINES])[::-1]


def _rollout(job: Job, operation: Operation) -> RolloutCount | None:
    """Old, new and healthy instances, for the operations that replace them, while they do (not before the
    scheduler was asked, nor while they put back what was before)."""
    memory = operation.memory
    if operation.kind not in {PUBLISH, ROLLBACK, RESTART} or "reason" in memory or not memory.get("asked"):
        return None
    return rollout_of(job, version=operation.parameters.get("version"))
