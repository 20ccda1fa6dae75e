"""The pages of one job: instances, history, versions, differences, configuration."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.decorators.http import require_GET

from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage
from apps.jobs.filters import InstanceFilter, JobVersionFilter
from apps.jobs.models import Instance, Job, JobVersion
from apps.jobs.selectors import instances_of, versions_of
from apps.jobs.services.drafts import may_edit
from apps.jobs.spec import spec_diff
from apps.jobs.tables import InstanceTable, VersionTable
from apps.jobs.templating.selectors import origin_of
from apps.jobs.views.changes import shown_changes
from apps.jobs.views.job_page import find_job, header, render_job
from apps.jobs.views.spec_sections import spec_sections

MAX_CHOICES = 200
"""Versions to choose from in the menus of a difference; older ones are reached by the address."""


class JobTablePage(TablePage):
    """A tab of a job's page that is a table."""

    tab: str
    template_name: str

    @cached_property
    def job(self) -> Job:
        return find_job(self.request, self.kwargs["tag"])

    def get_table_kwargs(self) -> dict[str, Any]:
        return {"job": self.job, "may_change": may_edit(self.job, by=self.request.user)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        may_change = may_edit(self.job, by=self.request.user)
        return {
            **super().get_context_data(**kwargs),
            **header(self.job),
            "job": self.job,
            "tab": self.tab,
            "may_change": may_change,
        }

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        parts = {context["table"].region: "tables/_region.html", "job-header": "jobs/_header.html"}
        return render_page(self.request, self.template_name, context, parts=parts)


class InstancesPage(JobTablePage):
    """The first thing one sees of a job: what runs, where, and how it is."""

    tab = "instances"
    table_class = InstanceTable
    filterset_class = InstanceFilter
    template_name = "jobs/instances.html"
    toolbar = ("search", "state")

    def get_queryset(self) -> QuerySet[Instance]:
        return instances_of(self.job)

    def get_table_kwargs(self) -> dict[str, Any]:
        number = self.job.target_version or self.job.latest_version
        spec = versions_of(self.job).filter(number=number).values_list("spec", flat=True).first() or {}
        return {
            **super().get_table_kwargs(),
            "protocols": [port["protocol"] for port in spec.get("ports", [])],
        }


class VersionsPage(JobTablePage):
    tab = "versions"
    table_class = VersionTable
    filterset_class = JobVersionFilter
    template_name = "jobs/versions.html"

    def get_queryset(self) -> QuerySet[JobVersion]:
        return versions_of(self.job)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        numbers = _numbers(self.job)
        running = self.job.running_version
        chosen = {"from_number": running or numbers[-1], "to_number": numbers[0]}
        return {**super().get_context_data(**kwargs), "numbers": numbers, **chosen}


@require_GET
def version_detail(request: PageRequest, tag: str, number: int) -> HttpResponse:
    """One version as it was saved."""
    job = find_job(request, tag)
    version = get_object_or_404(versions_of(job), number=number)
    context = {
        "tab": "versions",
        "version": version,
        "sections": spec_sections(version.spec),
        "raw": _raw(version),
    }
    return render_job(request, job, "jobs/version.html", context)


@require_GET
def configuration(request: PageRequest, tag: str) -> HttpResponse:
    """What the job should be: the version that was asked for last, or the draft."""
    job = find_job(request, tag)
    version = get_object_or_404(versions_of(job), number=job.target_version or job.latest_version)
    context = {
        "tab": "configuration",
        "origin": origin_of(job),
        "version": version,
        "sections": spec_sections(version.spec),
        "raw": _raw(version),
    }
    return render_job(request, job, "jobs/configuration.html", context)


@require_GET
def diff(request: PageRequest, tag: str) -> HttpResponse:
    """What differs between two versions (`?from=2&to=5`; without them the two latest)."""
    job = find_job(request, tag)
    numbers = _numbers(job)
    old = _number(request.GET.get("from"), default=numbers[:2][-1])
    new = _number(request.GET.get("to"), default=numbers[0])
    rows = {row.number: row for row in versions_of(job).filter(number__in=[old, new])}
    before, after = _one_of(rows, old), _one_of(rows, new)
    context = {
        "tab": "versions",
        "changes": shown_changes(spec_diff(before.spec, after.spec)),
        "numbers": numbers,
        "from_number": old,
        "to_number": new,
    }
    return render_job(request, job, "jobs/diff.html", context)


def _numbers(job: Job) -> list[int]:
    """The newest versions' numbers, the latest first."""
    return list(versions_of(job).values_list("number", flat=True)[:MAX_CHOICES])


def _number(text: str | None, *, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else default


def _one_of(rows: dict[int, JobVersion], number: int) -> JobVersion:
    if number not in rows:
        raise Http404
    return rows[number]


def _raw(version: JobVersion) -> str:
    """The spec as the API has it; secrets are in it by name only."""
    return json.dumps(version.spec, indent=2, ensure_ascii=False)
