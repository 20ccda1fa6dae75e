"""What a person asks of a job beside publishing: each a question that says in numbers what will happen, and its answer.

A question is a page of its own; with scripts the same address fills a dialog (`#dialog`) on the job's page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from apps.core.errors import InvalidInput, TargetBusy
from apps.core.forms import add_errors
from apps.core.models import Operation
from apps.core.views.pages import PageRequest, render_page
from apps.jobs.forms import ActionForm, ConfirmForm, KillForm, ScaleForm
from apps.jobs.models import Job, JobVersion
from apps.jobs.rollout_words import PlannedRollout
from apps.jobs.selectors import instances_of, versions_of
from apps.jobs.services import (
    instance_kill,
    job_delete,
    job_restart,
    job_retry,
    job_scale,
    job_start,
    job_stop,
    job_undo,
)
from apps.jobs.services.actions import DELETE, publish_under_way, version_undone_to
from apps.jobs.services.drafts import require_editable
from apps.jobs.spec.strategy import in_batches
from apps.jobs.views.job_page import find_job

GET_AND_POST = ["GET", "HEAD", "POST"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before an action: `sentences` say what it will do, `verb` is on the button."""

    title: str
    sentences: list[str]
    verb: str
    danger: bool = False


@require_http_methods(GET_AND_POST)
def scale(request: PageRequest, tag: str) -> HttpResponse:
    job = _editable(request, tag)
    number = request.GET.get("instances", "")
    asked = int(number) if number.isdecimal() and len(number) < 7 else job.wanted
    form = ScaleForm(_data(request), job=job, initial={"instances": asked})
    now = _("Instances wanted now: %(count)s; running: %(running)s.")
    question = Question(
        title=_("Scale %(name)s") % {"name": job.name},
        sentences=[now % {"count": job.wanted, "running": job.running}],
        verb=_("Scale"),
    )
    return _answer(
        request,
        job,
        question,
        form,
        lambda: job_scale(
            job=job,
            instances=form.cleaned_data["instances"],
            until=form.cleaned_data["until"],
            by=request.user,
            **form.asked,
        ),
    )


@require_http_methods(GET_AND_POST)
def restart(request: PageRequest, tag: str) -> HttpResponse:
    job = _editable(request, tag)
    form = ActionForm(_data(request), job=job)
    version = _asked_for(job)
    rollout = PlannedRollout(
        version=version.number,
        instances=job.wanted,
        old_version=version.number,
        present=job.wanted,
        strategy=in_batches(version.spec["strategy"]),
        in_place=bool(version.spec["volumes"]),
    )
    question = Question(_("Restart %(name)s") % {"name": job.name}, rollout.sentences(), _("Restart"))
    return _answer(
        request,
        job,
        question,
        form,
        lambda: job_restart(job=job, by=request.user, **form.asked),
    )


@require_http_methods(GET_AND_POST)
def retry(request: PageRequest, tag: str) -> HttpResponse:
    job = _editable(request, tag)
    form = ActionForm(_data(request), job=job)
    sentences = [
        _("Instances that are held back after failures are started now, and the wait begins anew."),
        _("It helps when what made them fail is mended: another service, a file, a host."),
    ]
    question = Question(_("Try %(name)s again") % {"name": job.name}, sentences, _("Try again now"))
    return _answer(request, job, question, form, lambda: job_retry(job=job, by=request.user, **form.asked))


@require_http_methods(GET_AND_POST)
def undo(request: PageRequest, tag: str) -> HttpResponse:
    """Undo the publish that is under way, or go back to the version that ran before the last one."""
    job = _editable(request, tag)
    form = ActionForm(_data(request), job=job)
    question = Question(
        _("Undo the publish of %(name)s") % {"name": job.name}, _undone(job), _("Undo"), danger=True
    )
    return _answer(request, job, question, form, lambda: job_undo(job=job, by=request.user, **form.asked))


@require_http_methods(GET_AND_POST)
def stop(request: PageRequest, tag: str) -> HttpResponse:
    job = _editable(request, tag)
    form = ConfirmForm(_data(request), job=job)
    sentences = [
        _ends_all(job),
        _("Nothing of it serves until it is started again."),
        ngettext(
            "Its versions stay, and starting it brings back %(count)s instance.",
            "Its versions stay, and starting it brings back %(count)s instances.",
            job.wanted,
        )
        % {"count": job.wanted},
    ]
    question = Question(_("Stop %(name)s") % {"name": job.name}, sentences, _("Stop"), danger=True)
    return _answer(
        request,
        job,
        question,
        form,
        lambda: job_stop(job=job, by=request.user, **form.asked),
    )


@require_http_methods(GET_AND_POST)
def start(request: PageRequest, tag: str) -> HttpResponse:
    job = _editable(request, tag)
    form = ActionForm(_data(request), job=job)
    version = _asked_for(job)
    count = job.wanted_before_stop or version.spec["instances"] or 1
    text = ngettext(
        "Starts %(count)s instance of version %(version)s.",
        "Starts %(count)s instances of version %(version)s.",
        count,
    )
    sentences = [text % {"count": count, "version": version.number}]
    question = Question(_("Start %(name)s") % {"name": job.name}, sentences, _("Start"))
    return _answer(
        request,
        job,
        question,
        form,
        lambda: job_start(job=job, by=request.user, **form.asked),
    )


@require_http_methods(GET_AND_POST)
def delete(request: PageRequest, tag: str) -> HttpResponse:
    job = _editable(request, tag)
    form = ConfirmForm(_data(request), job=job)
    sentences = [
        _ends_all(job),
        _("It leaves the scheduler and the lists, with all its versions (%(count)s); this cannot be undone.")
        % {"count": job.latest_version},
    ]
    question = Question(_("Delete %(name)s") % {"name": job.name}, sentences, _("Delete"), danger=True)
    return _answer(
        request,
        job,
        question,
        form,
        lambda: job_delete(job=job, by=request.user, **form.asked),
    )


@require_http_methods(GET_AND_POST)
def kill(request: PageRequest, tag: str, task_id: str) -> HttpResponse:
    job = _editable(request, tag)
    instance = get_object_or_404(instances_of(job).select_related("job__product_line"), task_id=task_id)
    form = KillForm(_data(request), job=job)
    sentences = [
        _("Ends the instance on %(host)s (%(task)s).") % {"host": instance.host or "–", "task": task_id},
        _("The scheduler starts another one in its place, unless you lower the number of instances."),
    ]
    question = Question(
        _("End an instance of %(name)s") % {"name": job.name}, sentences, _("End it"), danger=True
    )
    return _answer(
        request,
        job,
        question,
        form,
        lambda: instance_kill(
            instance=instance,
            by=request.user,
            shrink=form.cleaned_data["shrink"],
            **form.asked,
        ),
    )


def _editable(request: PageRequest, tag: str) -> Job:
    """The job, if the person may act on it: else 404, or Forbidden in words."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    return job


def _data(request: PageRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _asked_for(job: Job) -> JobVersion:
    """The version that the scheduler was last asked for; the latest one of a draft."""
    return get_object_or_404(versions_of(job), number=job.target_version or job.latest_version)


def _undone(job: Job) -> list[str]:
    """What undoing will do."""
    under_way = publish_under_way(job)
    if under_way is None:
        try:
            before = version_undone_to(job)
        except InvalidInput as exc:
            return [str(exc)]
        return [_("Publishes version %(version)s again, which ran before.") % {"version": before}]
    version = under_way.parameters["version"]
    previous = under_way.parameters.get("previous") or {"version": job.running_version, "wanted": job.wanted}
    if previous["version"] is None:
        return [_("Ends every instance of version %(version)s: nothing ran before.") % {"version": version}]
    text = ngettext(
        "Version %(previous)s serves again with %(count)s instance; what was started of version %(version)s ends.",
        "Version %(previous)s serves again with %(count)s instances; what was started of version %(version)s ends.",
        previous["wanted"],
    )
    return [text % {"previous": previous["version"], "count": previous["wanted"], "version": version}]


def _ends_all(job: Job) -> str:
    count = max(job.wanted, job.running)
    if not count:
        return _("No instance of it runs now.")
    text = ngettext("Ends its %(count)s instance.", "Ends all its %(count)s instances.", count)
    return text % {"count": count}


def _answer(
    request: PageRequest, job: Job, question: Question, form: ActionForm, act: Callable[[], Operation]
) -> HttpResponse:
    """Ask; or once a right answer came, act and go where it can be watched. What is wrong is said with the question."""
    busy: TargetBusy | None = None
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                operation = act()
            except InvalidInput as exc:
                add_errors(form, exc)
            except TargetBusy as exc:
                busy, status = exc, 409
            else:
                # A deleted job has no page of its own any more; its operation has.
                return _go(request, operation if operation.kind == DELETE else job)
    context = {"job": job, "question": question, "form": form, "busy": busy}
    parts = {"dialog": "jobs/_action_dialog.html"}
    return render_page(request, "jobs/action.html", context, parts=parts, status=status)


def _go(request: PageRequest, to: Job | Operation) -> HttpResponse:
    url = to.get_absolute_url()
    return HttpResponseClientRedirect(url) if request.htmx else HttpResponseRedirect(url)
