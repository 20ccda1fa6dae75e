"""Writing templates: a new one, the next version of one, one made of a job, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.rights import Right, is_sre, lines_with
from apps.core.errors import FieldError, Forbidden, InvalidInput, StaleVersion
from apps.core.views.pages import PageRequest
from apps.jobs.forms.fields import PlainForm
from apps.jobs.forms.template import NewTemplateForm, TitlesForm
from apps.jobs.models import JobTemplate, JobVersion
from apps.jobs.selectors import versions_of
from apps.jobs.services.drafts import require_editable
from apps.jobs.spec import spec_in_order
from apps.jobs.templating.documents import read_template, write_template
from apps.jobs.templating.placeholders import WRITTEN, placeholder
from apps.jobs.templating.selectors import latest_of, may_keep
from apps.jobs.templating.services import NewTemplate, template_create, template_delete, template_edit
from apps.jobs.templating.use import Turned, job_save_as_template
from apps.jobs.views.job_page import find_job
from apps.jobs.views.templates import find_template, spec_rows

GET_AND_POST = ["GET", "HEAD", "POST"]
FIRST_SPEC = {
    "command": "exec ./server --port $PORT0 --level {{ level }}",
    "ports": [{"name": "http"}],
    "instances": "{{ instances }}",
}
FIRST_PARAMETERS: list[dict[str, Any]] = [
    {"name": "instances", "type": "integer", "default": 2, "min": 1, "max": 100},
    {"name": "level", "type": "choice", "default": "info", "choices": ["debug", "info"]},
]
"""What a new template starts with, to show how placeholders and parameters are written."""


@require_http_methods(GET_AND_POST)
def template_new(request: PageRequest) -> HttpResponse:
    form = _new_form(request)
    if request.method != "POST":
        return _render(request, form, text=write_template(FIRST_PARAMETERS, FIRST_SPEC))
    text = _typed(request)
    errors = _plain_errors(form)
    try:
        document = read_template(text)
        if errors:
            return _render(request, form, text=text, status=422)
        new = NewTemplate(**form.cleaned_data, parameters=document.parameters, spec=document.spec)
        try:
            template = template_create(new=new, by=request.user)
        except InvalidInput as exc:
            raise InvalidInput(*document.located(exc.errors)) from exc
    except InvalidInput as exc:
        return _render(request, form, text=text, errors=_put(form, exc.errors), status=422)
    messages.success(request, _("The template “%(name)s” is saved: version 1.") % {"name": template.name})
    return redirect(template)


@require_http_methods(GET_AND_POST)
def template_change(request: PageRequest, name: str) -> HttpResponse:
    """The next version, made from the one that the person looked at."""
    template = find_template(request, name)
    if not may_keep(request.user, template):
        raise Forbidden(_("This template is kept by others: developers of its product line, or SREs."))
    if request.method != "POST":
        latest = latest_of(template)
        titles = TitlesForm(initial={"title": template.title, "title_zh": template.title_zh})
        text = write_template(latest.parameters, latest.spec)
        return _render(request, titles, text=text, template=template, edited=latest.number)
    form, text = TitlesForm(request.POST), _typed(request)
    given = request.POST.get("edited_version", "")
    edited = int(given) if given.isdecimal() and len(given) < 10 else template.latest_version
    shown: dict[str, Any] = {"text": text, "template": template, "edited": edited}
    try:
        document = read_template(text)
        if _plain_errors(form):
            return _render(request, form, status=422, **shown)
        try:
            version = template_edit(
                template=template,
                by=request.user,
                spec=document.spec,
                parameters=document.parameters,
                titles=form.cleaned_data,
                edited_version=edited,
                note=form.cleaned_data["note"],
            )
        except InvalidInput as exc:
            raise InvalidInput(*document.located(exc.errors)) from exc
    except InvalidInput as exc:
        return _render(request, form, errors=_put(form, exc.errors), status=422, **shown)
    except StaleVersion as exc:
        # Nothing of theirs is lost: the text stays, and the next save is on top of what was saved since.
        stale = [FieldError("", exc.code, str(exc))]
        return _render(request, form, errors=stale, status=409, **{**shown, "edited": exc.latest})
    messages.success(request, _("Saved as version %(n)s.") % {"n": version.number})
    return redirect(template)


@require_POST
def template_end(request: PageRequest, name: str) -> HttpResponse:
    template = find_template(request, name)
    template_delete(template=template, by=request.user)
    messages.success(request, _("The template “%(name)s” is deleted.") % {"name": name})
    return redirect("jobs:templates")


@require_http_methods(GET_AND_POST)
def save_as_template(request: PageRequest, tag: str) -> HttpResponse:
    """A template with a job's values; those that are ticked become parameters, under the names given."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    version = get_object_or_404(versions_of(job), number=job.latest_version)
    initial = {"name": job.name, "title": job.name, "product_line": job.product_line.tag}
    form = _new_form(request, initial=initial)
    fields = _fields_of(request, version)
    context = {"job": job, "tab": "configuration", "form": form, "fields": fields}
    if request.method != "POST":
        return render(request, "jobs/save_as_template.html", context)
    turned = [Turned(row["path"], {"name": row["name"]}) for row in fields if row["chosen"]]
    if not _plain_errors(form):
        new = NewTemplate(**form.cleaned_data, spec={})
        try:
            template = job_save_as_template(job=job, new=new, turned=turned, by=request.user)
        except InvalidInput as exc:
            context["errors"] = _put(form, exc.errors)
        else:
            messages.success(
                request, _("The template “%(name)s” is saved: version 1.") % {"name": template.name}
            )
            return redirect(template)
    return render(request, "jobs/save_as_template.html", context, status=422)


def _fields_of(request: PageRequest, version: JobVersion) -> list[dict[str, Any]]:
    """The fields that can become parameters, as they stand or as they were ticked."""
    found = []
    for number, (path, value) in enumerate(spec_rows(spec_in_order(version.spec))):
        if isinstance(value, str | int | float | bool):
            found.append(
                {
                    "path": path,
                    "value": value,
                    "number": number,
                    "chosen": f"field-{number}" in request.POST,
                    "name": request.POST.get(f"name-{number}", _name_for(path)).strip(),
                }
            )
    return found


def _name_for(path: str) -> str:
    """`env.LOG_LEVEL` → `log_level`."""
    last = path.replace("]", "").replace("[", ".").split(".")
    words = [word for word in last if not word.isdecimal()]
    return (
        "".join(char if char.isalnum() else "_" for char in words[-1].lower()).lstrip("0123456789_")
        or "value"
    )


def _new_form(request: PageRequest, *, initial: dict[str, Any] | None = None) -> NewTemplateForm:
    lines, everybody = lines_with(request.user, Right.CHANGE), is_sre(request.user)
    if not everybody and not lines.exists():
        raise Forbidden(
            _("Keeping templates needs the role developer on a product line. Ask one of its owners.")
        )
    data = request.POST if request.method == "POST" else None
    return NewTemplateForm(data, lines=lines, everybody=everybody, initial=initial)


def _typed(request: PageRequest) -> str:
    return request.POST.get("yaml", "").replace("\r\n", "\n")


def _plain_errors(form: PlainForm) -> bool:
    return not form.is_valid()


def _put(form: PlainForm, errors: Sequence[FieldError]) -> list[FieldError]:
    """Put the errors of plain fields there; returns the others, for the list above the text."""
    left = []
    for error in errors:
        if error.field in form.fields:
            form.say(error.field, error.detail)
        else:
            left.append(error)
    return left


def _render(
    request: PageRequest,
    form: PlainForm,
    *,
    text: str,
    errors: Sequence[FieldError] = (),
    template: JobTemplate | None = None,
    edited: int | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "text": text,
        "errors": errors,
        "template": template,
        "edited_version": edited,
        "example": placeholder("name"),
        "literal": WRITTEN,
        "rows": min(max(text.count("\n") + 3, 20), 50),
    }
    return render(request, "jobs/template_form.html", context, status=status)
