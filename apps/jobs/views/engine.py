"""What the scheduler has of a job, asked for when somebody opens that part of the page."""

from __future__ import annotations

import json

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.core.views.pages import PageRequest
from apps.jobs.definitions import engine_definition
from apps.jobs.views.job_page import find_job
from clients.errors import RemoteError


@require_GET
def engine(request: PageRequest, tag: str) -> HttpResponse:
    """The definition in the scheduler's words, secrets masked, or in words why there is none to show."""
    job = find_job(request, tag)
    context: dict[str, object] = {"job": job}
    try:
        found = engine_definition(job)
    except RemoteError as exc:
        context["error"] = exc.message
    else:
        context["text"] = "" if found is None else json.dumps(found, indent=2, ensure_ascii=False)
    return render(request, "jobs/_engine.html", context)
