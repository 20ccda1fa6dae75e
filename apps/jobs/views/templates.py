"""Job templates: the list, and one with its versions and the jobs that follow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.accounts.rights import Right, is_sre, lines_with
from apps.core.tables import NUMBER, OceanTable
from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage
from apps.jobs.filters import JobOriginFilter, JobTemplateFilter
from apps.jobs.models import JobOrigin, JobTemplate, JobTemplateVersion
from apps.jobs.spec import spec_diff, spec_in_order
from apps.jobs.tables import Cell
from apps.jobs.templating.parameters import Parameter, help_of, label_of
from apps.jobs.templating.selectors import (
    comparable,
    is_changed,
    latest_of,
    may_keep,
    origins_of,
    template_versions,
    templates_visible,
    with_uses,
)
from apps.jobs.views.changes import as_text, shown_changes

VERSIONS_SHOWN = 50


class TemplateTable(OceanTable):
    region = "templates"
    live = "templates"
    caption = _("Templates")
    empty_template = "jobs/template/_empty.html"

    name = tables.TemplateColumn(template_name="jobs/template/_link.html", verbose_name=_("name"))
    title = tables.Column(accessor="shown_title", order_by="title", verbose_name=_("title"))
    product_line = Cell("_template_owner.html", order_by="product_line__tag", verbose_name=_("Product line"))
    latest_version = tables.Column(verbose_name=_("version"), attrs=NUMBER)
    jobs_count = tables.Column(verbose_name=_("Jobs"), attrs=NUMBER)
    created_at = tables.TemplateColumn(
        "{% load ocean %}{% ago record.created_at %}", verbose_name=_("created")
    )


class TemplateList(TablePage):
    table_class = TemplateTable
    filterset_class = JobTemplateFilter
    template_name = "jobs/templates.html"

    def get_queryset(self) -> QuerySet[JobTemplate]:
        return with_uses(templates_visible(self.request.user))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person = self.request.user
        may_create = is_sre(person) or lines_with(person, Right.CHANGE).exists()
        return {**super().get_context_data(**kwargs), "may_create": may_create}


class UsesTable(OceanTable):
    """The jobs that follow a template."""

    region = "template-jobs"
    live = "jobs templates"
    caption = _("Jobs that follow this template")
    empty_template = "jobs/template/_no_jobs.html"

    job = Cell("_template_job.html", order_by="job__tag", verbose_name=_("Job"))
    version = Cell("_template_version.html", order_by="version__number", verbose_name=_("Template version"))
    changed = tables.Column(orderable=False, verbose_name=_("By hand"), empty_values=(), accessor="pk")
    state = Cell("_template_state.html", order_by="job__state", verbose_name=_("State"), empty_values=())

    def render_changed(self, record: JobOrigin) -> Any:
        return _("changed since") if is_changed(record) else "–"


class TemplatePage(TablePage):
    """One template. Its table is where it is used."""

    table_class = UsesTable
    filterset_class = JobOriginFilter
    template_name = "jobs/template.html"

    @cached_property
    def template(self) -> JobTemplate:
        return find_template(self.request, self.kwargs["name"])

    def get_queryset(self) -> QuerySet[JobOrigin]:
        return origins_of(self.template, user=self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        template, person = self.template, self.request.user
        shown = self._shown()
        behind = self.get_queryset().filter(version__number__lt=template.latest_version)
        return {
            **super().get_context_data(**kwargs),
            "template": template,
            "version": shown,
            "parameters": [_parameter(row) for row in shown.parameters],
            "rows": list(spec_rows(spec_in_order(shown.spec))),
            "versions": template_versions(template)[:VERSIONS_SHOWN],
            "behind": behind.count(),
            "may_create": lines_with(person, Right.CHANGE).exists() and template.kind == "job",
            "may_keep": may_keep(person, template),
        }

    def _shown(self) -> JobTemplateVersion:
        """The version in the address (`?v=2`), else the latest."""
        asked = self.request.GET.get("v", "")
        if not asked:
            return latest_of(self.template)
        number = int(asked) if asked.isdecimal() and len(asked) < 10 else 0
        return get_object_or_404(template_versions(self.template), number=number)


@require_GET
def template_diff(request: PageRequest, name: str) -> HttpResponse:
    """What differs between two versions of a template (`?from=1&to=2`)."""
    template = find_template(request, name)
    numbers = [request.GET.get(side, "") for side in ("from", "to")]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        raise Http404
    rows = {str(row.number): row for row in template_versions(template).filter(number__in=numbers)}
    old, new = (rows.get(str(int(number))) for number in numbers)
    if old is None or new is None:
        raise Http404
    context = {
        "template": template,
        "old": old,
        "new": new,
        "changes": shown_changes(spec_diff(comparable(old), comparable(new))),
    }
    return render_page(request, "jobs/template_diff.html", context)


def find_template(request: PageRequest, name: str) -> JobTemplate:
    """Unknown and invisible are the same 404."""
    return get_object_or_404(templates_visible(request.user), name=name)


def spec_rows(spec: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each field by its path, as error messages and the API name it: `ports[0].name`."""
    for key, value in spec.items():
        yield from _row(f"{path}{key}", value)


def _row(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from spec_rows(value, f"{path}.")
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _row(f"{path}[{place}]", item)
    elif value not in (None, "", []):
        yield path, value


def _parameter(row: Parameter) -> dict[str, Any]:
    """A parameter as people read it."""
    bounds = " … ".join(f"{row[name]:g}" if name in row else "" for name in ("min", "max"))
    return {
        **row,
        "label": label_of(row),
        "help": help_of(row),
        "shown_default": as_text(row["default"]) if "default" in row else "",
        "bounds": bounds.strip() if bounds.strip(" …") else ", ".join(row.get("choices", [])),
    }
