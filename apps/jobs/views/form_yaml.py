"""The job form's other face: the same draft as a document of YAML.

Both post to the form's own address. `to_yaml` makes a document of what was typed into the form; `yaml` is a document
that was edited: with `to_form` it becomes the form again, otherwise it is saved, by the same rules. Each error names
its line and path, and what was typed is kept: also that of the tabs which are no part of the document, which goes along
unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.errors import FieldError, InvalidInput, StaleVersion
from apps.core.views.pages import PageRequest
from apps.jobs.documents import PLACE, JobDocument, job_document, read_document, write_document
from apps.jobs.forms import JobForm, PlaceForm
from apps.jobs.forms.parts import FormPart
from apps.jobs.models import Job, JobVersion
from apps.jobs.services import job_create, job_version_add
from apps.jobs.services.drafts import NewJob
from apps.jobs.spec import spec_validate
from apps.jobs.views.form_page import (
    carried,
    patch_of,
    place_form,
    render_edit,
    render_new,
    render_stale,
    save_parts,
    saved_new,
    saved_version,
    typed_parts,
)
from apps.jobs.views.template_start import Start

_NOT_FOR_A_FORM = {"unknown_field", "not_a_list", "not_a_dict", "null"}
"""Codes of errors of which the form could not even show the field."""


def is_yaml(request: PageRequest) -> bool:
    return "to_yaml" in request.POST or "yaml" in request.POST


def new_as_yaml(request: PageRequest, *, lines: Any, start: Start | None) -> HttpResponse:
    """A new job, from or to a document."""
    if "to_yaml" in request.POST:
        parts = typed_parts(request, None)
        form = JobForm(data=request.POST, place=place_form(lines, data=request.POST), parts=parts)
        place = {name: request.POST.get(name, "") for name in PLACE}
        try:
            text = write_document(place, form.spec(), note=form.note_text)
        except InvalidInput as exc:
            form.put_errors(exc.errors)
            return render_new(request, form, start=start, status=422)
        return _render(request, text, start=start)
    text = _typed(request)
    try:
        document = read_document(text)
        if "to_form" in request.POST:
            place_shown = place_form(lines, initial=_place(document))
            form = _form(document, place=place_shown, parts=typed_parts(request, None))
            return render_new(request, form, start=start)
        new = replace(_new_job(document, lines=lines), origin=start.origin if start else None)
        try:
            with transaction.atomic():
                job = job_create(new=new, by=request.user)
                said = save_parts(typed_parts(request, None), job, by=request.user)
        except InvalidInput as exc:
            raise InvalidInput(*document.located(exc.errors)) from exc
    except InvalidInput as exc:
        return _render(request, text, errors=exc.errors, start=start)
    return saved_new(request, job, said)


def edited_as_yaml(request: PageRequest, job: Job, *, base: JobVersion) -> HttpResponse:
    """The next version of a job, from or to a document."""
    if "to_yaml" in request.POST:
        form = JobForm(data=request.POST, parts=typed_parts(request, job))
        try:
            text = job_document(job, form.spec(), note=form.note_text)
        except InvalidInput as exc:
            form.put_errors(exc.errors)
            return render_edit(request, job, form, edited_version=base.number, status=422)
        return _render(request, text, job=job, base=base)
    text = _typed(request)
    patch: dict[str, Any] = {}
    try:
        document = read_document(text)
        if errors := document.errors_of_place(job):
            raise InvalidInput(*document.located(errors))
        if "to_form" in request.POST:
            form = _form(document, parts=typed_parts(request, job))
            return render_edit(request, job, form, edited_version=base.number)
        try:
            patch = patch_of(base.spec, spec_validate(document.spec))
            with transaction.atomic():
                version = job_version_add(
                    job=job, patch=patch, by=request.user, edited_version=base.number, note=document.note
                )
                said = save_parts(typed_parts(request, job), job, by=request.user)
        except InvalidInput as exc:
            raise InvalidInput(*document.located(exc.errors)) from exc
    except InvalidInput as exc:
        return _render(request, text, errors=exc.errors, job=job, base=base)
    except StaleVersion:
        return render_stale(request, job, base=base, patch=patch, note=document.note)
    return saved_version(request, job, version, base=base, said=said)


def _typed(request: PageRequest) -> str:
    # Browsers send a text area's line ends as CR LF.
    return request.POST.get("yaml", "").replace("\r\n", "\n")


def _new_job(document: JobDocument, *, lines: Any) -> NewJob:
    """Raises InvalidInput, with the line of each error."""
    place = place_form(lines, data=_place(document))
    if not place.is_valid():
        raise InvalidInput(*document.located(_errors_of(place)))
    return NewJob(**place.cleaned_data, spec=document.spec, note=document.note)


def _place(document: JobDocument) -> dict[str, str]:
    return {name: str(document.fields.get(name) or "") for name in PLACE}


def _errors_of(place: PlaceForm) -> Iterable[FieldError]:
    for name, found in place.errors.as_data().items():
        for error in found:
            yield FieldError(name, error.code or "invalid", " ".join(error.messages))


def _form(document: JobDocument, *, parts: Sequence[FormPart], place: PlaceForm | None = None) -> JobForm:
    """The form with the document in it. Raises InvalidInput for what the form has no place for; what is merely
    wrong or missing it shows as it is."""
    try:
        spec_validate(document.spec)
    except InvalidInput as exc:
        lost = [error for error in exc.errors if _has_no_place(error, document)]
        if lost:
            raise InvalidInput(*document.located(lost)) from exc
    return JobForm(spec=document.spec, note=document.note, place=place, parts=parts)


def _has_no_place(error: FieldError, document: JobDocument) -> bool:
    return error.code in _NOT_FOR_A_FORM or error.field == "spec" or document.is_group(error.field)


def _render(
    request: PageRequest,
    text: str,
    *,
    errors: Sequence[FieldError] = (),
    job: Job | None = None,
    base: JobVersion | None = None,
    start: Start | None = None,
) -> HttpResponse:
    context = {
        "start": start,
        "text": text,
        "errors": errors,
        "carried": carried(request),
        "job": job,
        "tag": job.tag if job else _("New job"),
        "edited_version": base.number if base else None,
        "cancel_url": job.get_absolute_url() if job else reverse("jobs:list"),
        "rows": min(max(text.count("\n") + 3, 20), 50),
    }
    return render(request, "jobs/form_yaml.html", context, status=422 if errors else 200)
