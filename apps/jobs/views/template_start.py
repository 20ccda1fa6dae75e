"""A new job from a template: `?template=name`, and its parameters as `p-…` beside it, so that the address says all."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from apps.core.errors import FieldError, InvalidInput
from apps.core.views.pages import PageRequest
from apps.jobs.forms.parameters import SENT, ParameterForm
from apps.jobs.models import JobTemplate, JobTemplateVersion
from apps.jobs.services.drafts import Origin
from apps.jobs.templating.selectors import job_templates_visible
from apps.jobs.templating.use import Made, spec_make


@dataclass(frozen=True, slots=True)
class Start:
    """The template that a new job starts from. `made` is None while its parameters are not all right."""

    template: JobTemplate
    version: JobTemplateVersion
    form: ParameterForm
    made: Made | None
    errors: list[FieldError]

    @property
    def origin(self) -> Origin | None:
        return Origin(self.version, self.made.values) if self.made else None


def start_of(request: PageRequest) -> Start | None:
    """The start that the address names. A template that is unknown, or may not be known: 404."""
    name = request.GET.get("template", "")
    if not name:
        return None
    template = get_object_or_404(job_templates_visible(request.user), name=name)
    version = _version(request, template)
    if SENT not in request.GET:
        form = ParameterForm(version.parameters)
        try:
            return Start(template, version, form, spec_make(version, {}), [])
        except InvalidInput:  # something has no default: it is asked for
            return Start(template, version, form, None, [])
    form = ParameterForm(version.parameters, data=request.GET)
    try:
        return Start(template, version, form, spec_make(version, form.given()), [])
    except InvalidInput as exc:
        return Start(template, version, form, None, form.put_errors(exc.errors))


def render_start(request: PageRequest, start: Start) -> HttpResponse:
    """The parameters alone: there is no spec to show yet."""
    context = {
        "start": start,
        "templates": job_templates_visible(request.user),
        "cancel_url": reverse("jobs:template", args=[start.template.name]),
    }
    status = 422 if SENT in request.GET else 200
    return render(request, "jobs/form_parameters.html", context, status=status)


def _version(request: PageRequest, template: JobTemplate) -> JobTemplateVersion:
    """The version that the form was made from, the latest at first."""
    given = request.POST.get("template_version", "")
    number = int(given) if given.isdecimal() and len(given) < 10 else template.latest_version
    version = JobTemplateVersion.objects.filter(template=template, number=number).first()
    if version is None:
        raise Http404
    return version
