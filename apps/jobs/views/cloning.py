"""Cloning a job, and migrating it: what would be different there, then the button."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from apps.accounts.rights import Right, lines_with
from apps.core.errors import Forbidden, InvalidInput, TargetBusy
from apps.core.forms import add_errors
from apps.core.views.pages import PageRequest, render_page
from apps.jobs.cloning.differences import Difference
from apps.jobs.forms.actions import new_key
from apps.jobs.forms.cloning import CloneForm, MigrateForm
from apps.jobs.models import Job
from apps.jobs.services.cloning import clone_plan, job_clone, job_migrate, migrate_plan
from apps.jobs.services.drafts import require_editable
from apps.jobs.views.job_page import find_job

GET_AND_POST = ["GET", "HEAD", "POST"]
PARTS = {"place-form": "jobs/cloning/_form.html"}


@require_http_methods(GET_AND_POST)
def clone(request: PageRequest, tag: str) -> HttpResponse:
    """A copy under another name, on another cluster or of another product line; `begin` makes it."""
    job = find_job(request, tag)
    lines = lines_with(request.user, Right.CHANGE)
    if job.managed_by or not lines.exists():
        require_editable(job, by=request.user)  # raises, in words
    first = job.product_line if lines.filter(pk=job.product_line_id).exists() else lines.first()
    initial = {
        "cluster": job.cluster.name,
        "product_line": first.tag if first else "",
        "service": job.service,
        "name": job.name,
        "version": str(job.latest_version),
    }
    form = CloneForm(_data(request, initial), job=job, by=request.user, initial=initial)
    found: list[Difference] | None = None
    if form.is_valid():
        wish = form.wish
        try:
            if _begins(request):
                made, _operation = job_clone(
                    job=job,
                    wish=wish,
                    by=request.user,
                    publish=form.cleaned_data["publish"],
                    **form.asked,
                )
                return HttpResponseRedirect(made.get_absolute_url())
            found = clone_plan(job=job, wish=wish, by=request.user)
        except InvalidInput as exc:
            add_errors(form, exc)
            found = _plan_of(lambda: clone_plan(job=job, wish=wish, by=request.user))
        except Forbidden as exc:
            form.add_error("product_line", str(exc))
    return _answer(request, job, form, found, migrates=False)


@require_http_methods(GET_AND_POST)
def migrate(request: PageRequest, tag: str) -> HttpResponse:
    """The job to another cluster, the new one well before the old one goes; `begin` starts it."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    form = MigrateForm(_data(request, None), job=job)
    form.fields["reason"].required = _begins(request)
    right = form.is_valid()
    form.fields["reason"].required = True  # as its label says, also where only the differences are asked for
    found: list[Difference] | None = None
    busy: TargetBusy | None = None
    if right:
        cluster = form.cleaned_data["cluster"]
        found = migrate_plan(job=job, cluster=cluster, by=request.user)
        if _begins(request):
            try:
                job_migrate(job=job, cluster=cluster, by=request.user, **form.asked)
                return HttpResponseRedirect(job.get_absolute_url())
            except InvalidInput as exc:
                add_errors(form, exc)
            except TargetBusy as exc:
                busy = exc
    return _answer(request, job, form, found, migrates=True, busy=busy)


def _data(request: PageRequest, initial: dict[str, str] | None) -> Any:
    """What was sent; else what the address says on top of what the job is, so that the plan is there at once."""
    if request.method == "POST":
        return request.POST
    if initial is None:
        return request.GET if "cluster" in request.GET else None
    data = request.GET.copy()
    for name, value in {"key": new_key(), **initial}.items():
        data.setdefault(name, value)
    return data


def _begins(request: PageRequest) -> bool:
    return request.method == "POST" and "begin" in request.POST


def _plan_of(plan: Any) -> list[Difference] | None:
    try:
        found: list[Difference] = plan()
    except InvalidInput:
        return None
    return found


def _answer(
    request: PageRequest,
    job: Job,
    form: CloneForm | MigrateForm,
    found: list[Difference] | None,
    *,
    migrates: bool,
    busy: TargetBusy | None = None,
) -> HttpResponse:
    context = {
        "job": job,
        "form": form,
        "differences": found,
        "refused": migrates and any(one.severity == "error" for one in found or []),
        "migrates": migrates,
        "busy": busy,
    }
    status = 409 if busy else 422 if _begins(request) else 200
    return render_page(request, "jobs/cloning/page.html", context, parts=PARTS, status=status)
