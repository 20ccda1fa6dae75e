"""The publish preview: what changes, what it will do in words and numbers, and the button that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_http_methods

from apps.core.errors import InvalidInput, TargetBusy
from apps.core.models import Operation
from apps.core.views.pages import PageRequest, render_page
from apps.jobs.forms import ActionForm, Asked, StrategyForm
from apps.jobs.models import Job, JobVersion
from apps.jobs.planning import publish_instances
from apps.jobs.rollout_words import PlannedRollout
from apps.jobs.selectors import versions_of
from apps.jobs.services import job_publish, job_rollback
from apps.jobs.services.actions import publish_under_way, version_before
from apps.jobs.services.drafts import require_editable
from apps.jobs.spec import spec_diff
from apps.jobs.spec.strategy import complete_strategy
from apps.jobs.spec.validation import strategy_given
from apps.jobs.views.changes import ShownChange, shown_changes
from apps.jobs.views.job_page import find_job
from apps.jobs.views.spec_sections import Section, spec_sections

GET_AND_POST = ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be published. `running` is the version that runs now, None before the first publish, when there
    is no difference to show but the whole (`sections`)."""

    version: JobVersion
    running: JobVersion | None
    instances: int
    changes: list[ShownChange]
    sections: list[Section]


@require_http_methods(GET_AND_POST)
def publish(request: PageRequest, tag: str) -> HttpResponse:
    """`?version=` (the latest without one), by its own strategy or the one that is typed over it here."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    data = request.POST if request.method == "POST" else request.GET
    version = _version(job, data.get("version"), default=job.latest_version)
    strategy = _Strategy(version, data if "strategy-kind" in data else None)
    return _preview(
        request,
        job,
        version,
        strategy=strategy,
        act=lambda asked: job_publish(
            job=job,
            by=request.user,
            version=version.number,
            strategy=strategy.override or None,
            replace="replace" in request.POST,
            **asked,
        ),
    )


@require_http_methods(GET_AND_POST)
def rollback(request: PageRequest, tag: str) -> HttpResponse:
    """`?version=`, or the one that ran before the present one. Raises InvalidInput (400) when none did."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    data = request.POST if request.method == "POST" else request.GET
    asked = data.get("version")
    version = _version(job, asked, default=0 if asked else version_before(job))
    return _preview(
        request,
        job,
        version,
        strategy=None,
        act=lambda asked: job_rollback(job=job, by=request.user, version=version.number, **asked),
    )


class _Strategy:
    """The version's strategy with what was typed over it."""

    def __init__(self, version: JobVersion, data: Mapping[str, Any] | None) -> None:
        self._spec = version.spec
        self.own = complete_strategy(version.spec["strategy"])
        self.form = StrategyForm(data, initial=self.own, prefix="strategy")
        self.override: dict[str, Any] = {}
        self.used = self.own
        if self.form.is_bound and self.form.is_valid():
            self.override = {k: v for k, v in self.form.cleaned_data.items() if v != self.own[k]}
            self._judge()

    def _judge(self) -> None:
        try:
            self.used = strategy_given({**self.own, **self.override}, spec=self._spec)
        except InvalidInput as exc:
            self.put_errors(exc)

    def put_errors(self, error: InvalidInput) -> None:
        for found in error.errors:
            name = found.field.removeprefix("strategy.")
            self.form.say(name if name in self.form.fields else "kind", found.detail)

    @property
    def is_right(self) -> bool:
        return not self.form.is_bound or self.form.is_valid()


def _preview(
    request: PageRequest,
    job: Job,
    version: JobVersion,
    *,
    strategy: _Strategy | None,
    act: Callable[[Asked], Operation],
) -> HttpResponse:
    """Show it; or confirmed, ask for it and go to the job's page, where it can be watched."""
    form = ActionForm(request.POST if request.method == "POST" else None, job=job)
    busy: TargetBusy | None = None
    error: InvalidInput | None = None
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and (strategy is None or strategy.is_right):
            try:
                act(form.asked)
            except TargetBusy as exc:
                busy, status = exc, 409
            except InvalidInput as exc:
                error = exc
            else:
                return HttpResponseRedirect(job.get_absolute_url())
    preview = _look(job, version)
    rollout = PlannedRollout(
        version=version.number,
        instances=preview.instances,
        old_version=preview.running.number if preview.running else None,
        present=max(job.wanted, job.running) if job.is_published else 0,
        strategy=strategy.used if strategy else complete_strategy(version.spec["strategy"]),
        in_place=bool(version.spec["volumes"]),
    )
    context = {
        "job": job,
        "preview": preview,
        "sentences": rollout.sentences(),
        "strategy": strategy,
        "form": form,
        "busy": busy,
        "under_way": publish_under_way(job),
        "error": error,
        "is_rollback": strategy is None,
    }
    parts = {"publish-words": "jobs/_publish_words.html"}
    return render_page(request, "jobs/publish.html", context, parts=parts, status=status)


def _look(job: Job, version: JobVersion) -> Preview:
    numbers = [job.target_version or 0, job.running_version or 0]
    rows = {row.number: row for row in versions_of(job).filter(number__in=numbers)}
    asked_before, running = rows.get(job.target_version or 0), rows.get(job.running_version or 0)
    running = running or asked_before
    return Preview(
        version=version,
        running=running,
        instances=publish_instances(
            asked=version.spec["instances"],
            asked_before=asked_before.spec["instances"] if asked_before else None,
            wanted=job.wanted,
        ),
        changes=shown_changes(spec_diff(running.spec, version.spec)) if running else [],
        sections=[] if running else spec_sections(version.spec),
    )


def _version(job: Job, asked: str | None, *, default: int) -> JobVersion:
    number = int(asked) if asked and asked.isdecimal() and len(asked) < 10 else default
    return get_object_or_404(versions_of(job), number=number)
