"""The job form: a new job, or the next version of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.rights import Right, lines_with
from apps.core.errors import Forbidden, InvalidInput, StaleVersion
from apps.core.views.pages import PageRequest
from apps.jobs.forms import JobForm, PlaceForm
from apps.jobs.forms.parts import ApiCall, parts_of
from apps.jobs.models import Job, job_tag
from apps.jobs.services import job_create, job_version_add
from apps.jobs.services.drafts import require_editable
from apps.jobs.views.form_page import (
    patch_of,
    place_form,
    render_edit,
    render_new,
    render_stale,
    save_parts,
    saved_new,
    saved_version,
    typed_parts,
    version_of,
)
from apps.jobs.views.form_yaml import edited_as_yaml, is_yaml, new_as_yaml
from apps.jobs.views.job_page import find_job
from apps.jobs.views.suggestions import suggested
from apps.jobs.views.template_start import render_start, start_of

_API = "/api/v1/"
GET_AND_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_AND_POST)
def job_new(request: PageRequest) -> HttpResponse:
    """A new job, perhaps from a template (`?template=`). Saving makes a draft; publishing goes on to the preview."""
    lines = lines_with(request.user, Right.CHANGE)
    if not lines.exists():
        raise Forbidden(_("Creating jobs needs the role developer on a product line. Ask one of its owners."))
    start = start_of(request)
    if start and start.made is None:
        return render_start(request, start)
    if request.method != "POST":
        place = place_form(lines, initial=_initial_place(request, lines))
        spec = start.made.spec if start and start.made else None
        form = JobForm(spec=spec, place=place, parts=parts_of(request.user, None))
        return render_new(request, form, start=start)
    if is_yaml(request):
        return new_as_yaml(request, lines=lines, start=start)
    parts = parts_of(request.user, None, request.POST)
    form = JobForm(data=request.POST, place=place_form(lines, data=request.POST), parts=parts)
    try:
        new = replace(form.new_job(), origin=start.origin if start else None)
        with transaction.atomic():
            job = job_create(new=new, by=request.user)
            said = save_parts(form.parts, job, by=request.user)
    except InvalidInput as exc:
        form.put_errors([*exc.errors, *form.errors_in_parts()])
        return render_new(request, form, start=start, status=422)
    return saved_new(request, job, said)


@require_http_methods(GET_AND_POST)
def job_edit(request: PageRequest, tag: str) -> HttpResponse:
    """The next version of a job, made from the one that the person looked at (`edited_version`)."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    if request.method != "POST":
        base = version_of(job, request.GET.get("version"))
        spec = _with_suggestion(request, base.spec)
        form = JobForm(spec=spec, parts=parts_of(request.user, job))
        return render_edit(request, job, form, edited_version=job.latest_version)
    base = version_of(job, request.POST.get("edited_version"))
    if is_yaml(request):
        return edited_as_yaml(request, job, base=base)
    form = JobForm(data=request.POST, parts=parts_of(request.user, job, request.POST))
    try:
        patch = patch_of(base.spec, form.spec())
        with transaction.atomic():
            version = job_version_add(
                job=job, patch=patch, by=request.user, edited_version=base.number, note=form.note_text
            )
            said = save_parts(form.parts, job, by=request.user)
    except InvalidInput as exc:
        form.put_errors([*exc.errors, *form.errors_in_parts()])
        return render_edit(request, job, form, edited_version=base.number, status=422)
    except StaleVersion:
        return render_stale(request, job, base=base, patch=patch, form=form)
    return saved_version(request, job, version, base=base, said=said)


@require_POST
def job_api_call(request: PageRequest, tag: str = "") -> HttpResponse:
    """The calls of the API that do what the form would do, as it stands. Secrets are in them by name only."""
    job = find_job(request, tag) if tag else None
    place = None if job else place_form(lines_with(request.user, Right.CHANGE), data=request.POST)
    form = JobForm(data=request.POST, place=place, parts=typed_parts(request, job))
    try:
        calls = _calls_of_edit(request, job, form) if job else _calls_of_new(request, form)
    except InvalidInput as exc:
        return render(request, "jobs/form/_api_call.html", {"error": exc})
    shown = [
        {
            "method": call.method,
            "url": request.build_absolute_uri(f"{_API}{call.path}"),
            "body": None if call.body is None else json.dumps(call.body, indent=2, ensure_ascii=False),
        }
        for call in calls
    ]
    return render(request, "jobs/form/_api_call.html", {"calls": shown})


def _calls_of_new(request: PageRequest, form: JobForm) -> Sequence[ApiCall]:
    place = {name: request.POST.get(name, "") for name in PlaceForm.base_fields}
    body = {**place, "spec": form.spec(), "note": form.note_text}
    return [ApiCall("POST", "jobs/", body), *_calls_of_parts(form, job_tag(**place))]


def _calls_of_edit(request: PageRequest, job: Job, form: JobForm) -> Sequence[ApiCall]:
    """The job's own call, but where only what other apps keep was changed."""
    base = version_of(job, request.POST.get("edited_version"))
    patch = patch_of(base.spec, form.spec())
    of_parts = _calls_of_parts(form, job.tag)
    if of_parts and not patch:
        return of_parts
    body = {"spec": patch, "version": base.number, "note": form.note_text}
    return [ApiCall("PATCH", f"jobs/{job.tag}/", body), *of_parts]


def _calls_of_parts(form: JobForm, tag: str) -> list[ApiCall]:
    return [call for part in form.parts for call in part.calls(tag)]


def _with_suggestion(request: PageRequest, spec: dict[str, Any]) -> dict[str, Any]:
    """The spec that the form begins with: changed as the job's page suggested (`?change=`), where it still can be."""
    token = request.GET.get("change")
    if not token:
        return spec
    changed = suggested(spec, token)
    if changed is None:
        messages.warning(
            request, _("The suggested change no longer fits this version: nothing was filled in.")
        )
        return spec
    messages.info(request, _("The suggested change is filled in. Look at it, save it, and publish it."))
    return changed


def _initial_place(request: PageRequest, lines: Any) -> dict[str, Any]:
    """What the address names, and the only product line of somebody who has just one."""
    initial: dict[str, Any] = {name: request.GET.get(name, "") for name in PlaceForm.base_fields}
    if not initial["product_line"] and len(found := lines[:2]) == 1:
        initial["product_line"] = found[0].tag
    return initial
