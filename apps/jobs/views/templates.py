"""Job templates: specs to start from. SREs edit them in the admin site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.accounts.rights import Right, lines_with
from apps.core.tables import OceanTable
from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage
from apps.jobs.filters import JobTemplateFilter
from apps.jobs.models import JobTemplate
from apps.jobs.spec import spec_in_order


class TemplateTable(OceanTable):
    region = "templates"
    caption = _("Templates")
    empty_template = "jobs/template/_empty.html"

    name = tables.TemplateColumn(template_name="jobs/template/_link.html", verbose_name=_("name"))
    title = tables.Column(verbose_name=_("title"), empty_values=())
    created_at = tables.TemplateColumn(
        "{% load ocean %}{% ago record.created_at %}", verbose_name=_("created")
    )

    def render_title(self, record: JobTemplate) -> str:
        return template_title(record)


class TemplateList(TablePage):
    table_class = TemplateTable
    filterset_class = JobTemplateFilter
    template_name = "jobs/templates.html"

    def get_queryset(self) -> QuerySet[JobTemplate]:
        return JobTemplate.objects.all()


def template(request: PageRequest, name: str) -> HttpResponse:
    found = get_object_or_404(JobTemplate, name=name)
    context = {
        "template": found,
        "title": template_title(found),
        "rows": list(_rows(spec_in_order(found.spec))),
        "may_create": lines_with(request.user, Right.CHANGE).exists(),
    }
    return render_page(request, "jobs/template.html", context)


def template_title(found: JobTemplate) -> str:
    """The title in the reader's language, where there is one."""
    return found.title_zh if found.title_zh and (get_language() or "").startswith("zh") else found.title


def _rows(spec: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each field by its path, as error messages and the API name it: `ports[0].name`."""
    for key, value in spec.items():
        yield from _row(f"{path}{key}", value)


def _row(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from _rows(value, f"{path}.")
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _row(f"{path}[{place}]", item)
    elif value not in (None, "", []):
        yield path, value
