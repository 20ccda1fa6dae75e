"""The logs page, whose lines come over the API; and the end of one log, for the header of a job in trouble."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.core.views.pages import PageRequest
from apps.jobs.log_sources import LogSource, log_source, log_sources
from apps.jobs.masking import job_engine
from apps.jobs.models import Job
from apps.jobs.selectors import versions_of
from apps.jobs.views.job_page import find_job, render_job
from clients.errors import NotFound, RemoteError, Unavailable
from engines.base import InstanceId

FILES = ("stdout", "stderr")
BOTH = "both"
TAIL_BYTES = 16 * 1024
MAX_CHOICES = 500
MAX_VERSIONS = 50


@require_GET
def logs(request: PageRequest, tag: str) -> HttpResponse:
    """All instances, or one (`?task=…`); both files, or one; all versions, or one. `?at=` begins at a line."""
    job = find_job(request, tag)
    sources = log_sources(job, at_most=MAX_CHOICES)
    task = request.GET.get("task", "")
    chosen = _source(job, task) if task else None
    if chosen and all(source.task_id != chosen.task_id for source in sources):
        sources.append(chosen)
    query = _query(request, chosen)
    context = {
        "tab": "logs",
        "sources": sources,
        "chosen": chosen,
        "file": query["file"],
        "version": query.get("version"),
        "events": "events" not in query,
        "versions": list(versions_of(job).values_list("number", flat=True)[:MAX_VERSIONS]),
        "query": urlencode(query),
        "address": reverse("job-logs-merged", kwargs={"tag": job.tag}),
        "download": _download(job, query),
        "operation_address": reverse("core:operation", args=[0]),
    }
    return render_job(request, job, "jobs/logs.html", context)


@require_GET
def log_piece(request: PageRequest, tag: str) -> HttpResponse:
    """The end of one instance's log, in short."""
    job = find_job(request, tag)
    instance = _source(job, request.GET.get("task", ""))
    asked = request.GET.get("file", "")
    file = asked if asked in FILES else FILES[0]
    text = error = ""
    try:
        text = (
            job_engine(job)
            .read_log(
                InstanceId(instance.task_id), host=instance.host, file=file, offset=None, length=TAIL_BYTES
            )
            .text
        )
    except RemoteError as exc:
        error = _words(exc, instance=instance, file=file)
    context = {"job": job, "instance": instance, "file": file, "text": text, "error": error}
    return render(request, "jobs/_log_tail.html", context)


def _source(job: Job, task_id: str) -> LogSource:
    source = log_source(job, task_id)
    if source is None:
        raise Http404
    return source


def _query(request: PageRequest, chosen: LogSource | None) -> dict[str, Any]:
    """What the page asks the API for: what its address says, as far as that makes sense."""
    asked = request.GET
    file, version, at = asked.get("file", ""), asked.get("version", ""), asked.get("at", "")
    query: dict[str, Any] = {"file": file if file in FILES else BOTH}
    if chosen:
        query["task"] = chosen.task_id
    if version.isdecimal() and len(version) < 10:
        query["version"] = int(version)
    if asked.get("events") == "no":
        query["events"] = "false"
    if chosen and at and query["file"] != BOTH:
        query["at"] = at
    return query


def _download(job: Job, query: dict[str, Any]) -> str:
    choice = {name: value for name, value in query.items() if name in ("file", "task", "version")}
    return f"{reverse('job-logs-download', kwargs={'tag': job.tag})}?{urlencode(choice)}"


def _words(error: RemoteError, *, instance: LogSource, file: str) -> str:
    """Why a log cannot be read, and what that means."""
    values = {"file": file, "host": instance.host, "error": error.message}
    if isinstance(error, NotFound):
        return (
            _("%(host)s has no %(file)s of this instance: it has not started yet, or its folder is gone.")
            % values
        )
    if isinstance(error, Unavailable):
        return _("%(host)s cannot be asked for %(file)s now (%(error)s). This page goes on trying.") % values
    return _("%(file)s could not be read on %(host)s: %(error)s") % values
