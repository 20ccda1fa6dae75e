"""The job form: a new job, or the next version of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.rights import Right, lines_with
from apps.core.errors import Forbidden, InvalidInput, StaleVersion
from apps.core.models import Cluster
from apps.core.views.pages import PageRequest
from apps.jobs.forms import JobForm, PlaceForm
from apps.jobs.models import Job, JobTemplate, JobVersion, job_tag
from apps.jobs.selectors import secret_names, versions_of
from apps.jobs.services import job_create, job_version_add
from apps.jobs.services.drafts import require_editable
from apps.jobs.spec import spec_diff, spec_merge, spec_validate
from apps.jobs.views.changes import ShownChange, shown_changes, top_level
from apps.jobs.views.job_page import find_job

_API = "/api/v1/jobs/"
GET_AND_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_AND_POST)
def job_new(request: PageRequest) -> HttpResponse:
    """A new job, perhaps from a template (`?template=`). Saving makes a draft; publishing goes on to the preview."""
    lines = lines_with(request.user, Right.CHANGE)
    if not lines.exists():
        raise Forbidden(_("Creating jobs needs the role developer on a product line. Ask one of its owners."))
    template = _template(request)
    if request.method != "POST":
        place = _place(lines, initial=_initial_place(request, lines))
        form = JobForm(spec=template.spec if template else None, place=place)
        return _render_new(request, form, template=template)
    form = JobForm(data=request.POST, place=_place(lines, data=request.POST))
    try:
        job = job_create(new=form.new_job(), by=request.user)
    except InvalidInput as exc:
        form.put_errors(exc.errors)
        return _render_new(request, form, template=template, status=422)
    messages.success(request, _("Saved as a draft: version 1. Nothing runs until it is published."))
    return _saved(request, job, version=1)


@require_http_methods(GET_AND_POST)
def job_edit(request: PageRequest, tag: str) -> HttpResponse:
    """The next version of a job, made from the one that the person looked at (`edited_version`)."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    if request.method != "POST":
        base = _version(job, request.GET.get("version"))
        return _render_edit(request, job, JobForm(spec=base.spec), edited_version=job.latest_version)
    base = _version(job, request.POST.get("edited_version"))
    form = JobForm(data=request.POST)
    try:
        patch = _patch(base.spec, form)
        version = job_version_add(
            job=job, patch=patch, by=request.user, edited_version=base.number, note=form.note_text
        )
    except InvalidInput as exc:
        form.put_errors(exc.errors)
        return _render_edit(request, job, form, edited_version=base.number, status=422)
    except StaleVersion:
        return _render_stale(request, job, base=base, patch=patch, note=form.note_text)
    if version.number == base.number:
        messages.info(
            request, _("Nothing was changed: version %(n)s is still the latest.") % {"n": base.number}
        )
    else:
        messages.success(request, _("Saved as version %(n)s.") % {"n": version.number})
    return _saved(request, job, version=version.number)


@require_POST
def job_api_call(request: PageRequest, tag: str = "") -> HttpResponse:
    """The call of the API that does what the form would do, as it stands. Secrets are in it by name only."""
    job = find_job(request, tag) if tag else None
    place = None if job else _place(lines_with(request.user, Right.CHANGE), data=request.POST)
    form = JobForm(data=request.POST, place=place)
    base = _version(job, request.POST.get("edited_version")) if job else None
    try:
        spec = _patch(base.spec, form) if base else form.spec()
    except InvalidInput as exc:
        return render(request, "jobs/form/_api_call.html", {"error": exc})
    if job is not None and base is not None:
        call = {"spec": spec, "version": base.number, "note": form.note_text}
        path = f"{_API}{job.tag}/"
        return _render_call(request, "PATCH", path, call)
    names = ("product_line", "service", "cluster", "name")
    call = {**{name: request.POST.get(name, "") for name in names}, "spec": spec, "note": form.note_text}
    return _render_call(request, "POST", _API, call)


@dataclass(frozen=True, slots=True)
class Rival:
    """What somebody else saved since: the versions, and what they changed. `overridden`: fields that both changed,
    of which the person's own stand in the form."""

    versions: list[JobVersion]
    changes: list[ShownChange]
    overridden: list[str]


def _render_stale(
    request: PageRequest, job: Job, *, base: JobVersion, patch: Mapping[str, Any], note: str
) -> HttpResponse:
    """The form again on top of what was saved since: the person's changes win where both changed a field, all
    else is as the other left it, and the next save says so."""
    latest = versions_of(job)[0]
    theirs = spec_diff(base.spec, latest.spec)
    rival = Rival(
        versions=list(versions_of(job).filter(number__gt=base.number)),
        changes=shown_changes(theirs),
        overridden=sorted({top_level(change.field) for change in theirs} & set(patch)),
    )
    form = JobForm(spec=spec_merge(latest.spec, patch), note=note)
    return _render_edit(request, job, form, edited_version=latest.number, rival=rival, status=409)


def _patch(base: Mapping[str, Any], form: JobForm) -> dict[str, Any]:
    """The top-level fields that the person changed. Raises InvalidInput for what is wrong with the whole."""
    spec = spec_validate(spec_merge(dict(base), form.spec()))
    return {key: value for key, value in spec.items() if value != base.get(key)}


def _saved(request: PageRequest, job: Job, *, version: int) -> HttpResponse:
    if "publish" in request.POST:
        return HttpResponseRedirect(f"{reverse('jobs:publish', args=[job.tag])}?version={version}")
    return HttpResponseRedirect(job.get_absolute_url())


def _version(job: Job, number: str | None) -> JobVersion:
    """The version with this number, the latest without one. Unknown: 404."""
    if not number:
        return get_object_or_404(versions_of(job), number=job.latest_version)
    return get_object_or_404(
        versions_of(job), number=int(number) if number.isdecimal() and len(number) < 10 else 0
    )


def _template(request: PageRequest) -> JobTemplate | None:
    name = request.GET.get("template", "")
    return get_object_or_404(JobTemplate, name=name, kind="job") if name else None


def _place(lines: Any, **kwargs: Any) -> PlaceForm:
    return PlaceForm(product_lines=lines, clusters=Cluster.objects.filter(enabled=True), **kwargs)


def _initial_place(request: PageRequest, lines: Any) -> dict[str, Any]:
    """What the address names, and the only product line of somebody who has just one."""
    initial: dict[str, Any] = {name: request.GET.get(name, "") for name in PlaceForm.base_fields}
    if not initial["product_line"] and len(found := lines[:2]) == 1:
        initial["product_line"] = found[0].tag
    return initial


def _render_new(
    request: PageRequest, form: JobForm, *, template: JobTemplate | None, status: int = 200
) -> HttpResponse:
    assert form.place_form is not None
    names = {
        name: form.place_form[name].value() or "?" for name in ("name", "service", "cluster", "product_line")
    }
    context = {
        "form": form,
        "tag": job_tag(**names),
        "templates": JobTemplate.objects.filter(kind="job"),
        "template": template,
        "cancel_url": reverse("jobs:list"),
        "api_call_url": reverse("jobs:api_call_new"),
        "secrets": secret_names(
            request.user, product_line=str(form.place_form["product_line"].value() or "")
        ),
    }
    return render(request, "jobs/form.html", context, status=status)


def _render_edit(
    request: PageRequest,
    job: Job,
    form: JobForm,
    *,
    edited_version: int,
    rival: Rival | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "job": job,
        "tag": job.tag,
        "edited_version": edited_version,
        "rival": rival,
        "cancel_url": job.get_absolute_url(),
        "api_call_url": reverse("jobs:api_call", args=[job.tag]),
        "secrets": secret_names(request.user, product_line=job.product_line.tag),
    }
    return render(request, "jobs/form.html", context, status=status)


def _render_call(request: PageRequest, method: str, path: str, call: Mapping[str, Any]) -> HttpResponse:
    context = {
        "method": method,
        "url": request.build_absolute_uri(path),
        "body": json.dumps(call, indent=2, ensure_ascii=False),
    }
    return render(request, "jobs/form/_api_call.html", context)
