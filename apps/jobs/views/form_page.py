"""What the job form and its YAML view share: the pages that they show, and where a save leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.core.models import Cluster
from apps.core.views.pages import PageRequest
from apps.jobs.forms import JobForm, PlaceForm
from apps.jobs.forms.parts import FormPart, parts_of
from apps.jobs.models import Job, JobVersion, job_tag
from apps.jobs.selectors import secret_names, versions_of
from apps.jobs.spec import spec_diff, spec_merge, spec_validate
from apps.jobs.templating.selectors import job_templates_visible
from apps.jobs.views.changes import ShownChange, shown_changes, top_level
from apps.jobs.views.template_start import Start

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class Rival:
    """What somebody else saved since: the versions, and what they changed. `overridden`: fields that both changed,
    of which the person's own stand in the form."""

    versions: list[JobVersion]
    changes: list[ShownChange]
    overridden: list[str]


def render_stale(
    request: PageRequest,
    job: Job,
    *,
    base: JobVersion,
    patch: Mapping[str, Any],
    form: JobForm | None = None,
    note: str = "",
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
    again = JobForm(
        spec=spec_merge(latest.spec, patch),
        note=form.note_text if form else note,
        parts=form.parts if form else typed_parts(request, job),
    )
    return render_edit(request, job, again, edited_version=latest.number, rival=rival, status=409)


def typed_parts(request: PageRequest, job: Job | None) -> list[FormPart]:
    """The tabs that other apps keep, with what was typed into them where it came along."""
    stored = parts_of(request.user, job)
    typed = {name.partition("-")[0] for name in request.POST}
    return parts_of(request.user, job, request.POST) if typed & {part.id for part in stored} else stored


def carried(request: PageRequest) -> list[tuple[str, str]]:
    """What was typed into those tabs, to go along unseen with a document that is edited."""
    ids = {part.id for part in parts_of(request.user, None)}
    return [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name.partition("-")[0] in ids
    ]


def patch_of(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level fields that the person changed. Raises InvalidInput for what is wrong with the whole."""
    spec = spec_validate(spec_merge(dict(base), given))
    return {key: value for key, value in spec.items() if value != base.get(key)}


def save_parts(parts: Sequence[FormPart], job: Job, *, by: User) -> list[str]:
    """Save what other apps keep, in the caller's transaction, and say what was. Raises InvalidInput."""
    return [said for part in parts if (said := part.save(job, by=by))]


def saved_new(request: PageRequest, job: Job, said: Sequence[str]) -> HttpResponse:
    messages.success(request, _("Saved as a draft: version 1. Nothing runs until it is published."))
    for words in said:
        messages.success(request, words)
    return _led_on(request, job, version=1)


def saved_version(
    request: PageRequest, job: Job, version: JobVersion, *, base: JobVersion, said: Sequence[str]
) -> HttpResponse:
    for words in said:
        messages.success(request, words)
    if version.number == base.number and not said:
        messages.info(
            request, _("Nothing was changed: version %(n)s is still the latest.") % {"n": base.number}
        )
    elif version.number != base.number:
        messages.success(request, _("Saved as version %(n)s.") % {"n": version.number})
    return _led_on(request, job, version=version.number)


def _led_on(request: PageRequest, job: Job, *, version: int) -> HttpResponse:
    if "publish" in request.POST:
        return HttpResponseRedirect(f"{reverse('jobs:publish', args=[job.tag])}?version={version}")
    return HttpResponseRedirect(job.get_absolute_url())


def version_of(job: Job, number: str | None) -> JobVersion:
    """The version with this number, the latest without one. Unknown: 404."""
    if not number:
        return get_object_or_404(versions_of(job), number=job.latest_version)
    return get_object_or_404(
        versions_of(job), number=int(number) if number.isdecimal() and len(number) < 10 else 0
    )


def place_form(lines: Any, **kwargs: Any) -> PlaceForm:
    return PlaceForm(product_lines=lines, clusters=Cluster.objects.filter(enabled=True), **kwargs)


def render_new(
    request: PageRequest, form: JobForm, *, start: Start | None, status: int = 200
) -> HttpResponse:
    assert form.place_form is not None
    names = {
        name: form.place_form[name].value() or "?" for name in ("name", "service", "cluster", "product_line")
    }
    context = {
        "form": form,
        "tag": job_tag(**names),
        "templates": job_templates_visible(request.user),
        "start": start,
        "cancel_url": reverse("jobs:list"),
        "api_call_url": reverse("jobs:api_call_new"),
        "secrets": secret_names(
            request.user, product_line=str(form.place_form["product_line"].value() or "")
        ),
    }
    return render(request, "jobs/form.html", context, status=status)


def render_edit(
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
