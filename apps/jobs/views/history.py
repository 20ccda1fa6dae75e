"""A job's time line, and how the job was at two moments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from apps.core.views.pages import PageRequest, render_page
from apps.jobs.forms.past import HistoryForm, MomentsForm
from apps.jobs.past import compare as compare_moments
from apps.jobs.past import people_of, timeline
from apps.jobs.services.drafts import may_edit
from apps.jobs.views.changes import shown_changes
from apps.jobs.views.job_page import find_job, header

ALMOST_MS = timedelta(microseconds=999)

PARTS = {"job-header": "jobs/_header.html", "history": "jobs/history/_timeline.html"}


@require_safe
def history(request: PageRequest, tag: str) -> HttpResponse:
    """Who did what when and why, and what the scheduler reported; `before` leads to what was earlier."""
    job = find_job(request, tag)
    target = request.headers.get("HX-Target")
    context: dict[str, Any] = {"job": job, "tab": "history", "may_change": may_edit(job, by=request.user)}
    if target != "history":
        context |= header(job)
    if target != "job-header":
        form = HistoryForm(request.GET, people=people_of(job))
        context |= {
            "form": form,
            "page": timeline(job, form.wish()),
            "is_filtered": form.is_valid() and _filtered(form),
        }
    return render_page(request, "jobs/history.html", context, parts=PARTS)


@require_safe
def compare(request: PageRequest, tag: str) -> HttpResponse:
    """`?at=…&at=…` (two lines of the time line, one alone means until now) or `?start=…&end=…` by the clock."""
    job = find_job(request, tag)
    form = MomentsForm(_moments(request))
    context: dict[str, Any] = {
        "job": job,
        "tab": "history",
        "may_change": may_edit(job, by=request.user),
        "form": form,
    }
    if form.is_valid():
        start, end = sorted([form.cleaned_data["start"], form.cleaned_data["end"]])
        found = compare_moments(job, start=start, end=end)
        context |= {
            "found": found,
            "both": [found.before, found.after],
            "changes": shown_changes(found.changes),
        }
    if request.headers.get("HX-Target") in (None, "job-header"):
        context |= header(job)
    status = 200 if form.is_valid() or not request.GET else 422
    return render_page(request, "jobs/compare.html", context, parts=PARTS, status=status)


def _moments(request: PageRequest) -> dict[str, str] | None:
    """What the form is filled with: None before anything was chosen."""
    if chosen := request.GET.getlist("at")[:2]:
        first, *rest = sorted(chosen)
        # The field of a browser counts in milliseconds: a chosen line stays within.
        end = {"end": _local(rest[0], later=ALMOST_MS)} if rest else {}
        return {"start": _local(first), **end}
    if "start" in request.GET or "end" in request.GET:
        return {name: request.GET.get(name, "") for name in ("start", "end")}
    return None


def _local(text: str, *, later: timedelta = timedelta(0)) -> str:
    """A moment with its zone as the reader's clock shows it; what is none stays, for the form to refuse."""
    try:
        moment = parse_datetime(text)
        if moment is None or moment.tzinfo is None:
            return text
        return timezone.localtime(moment + later).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError):
        return text


def _filtered(form: HistoryForm) -> bool:
    return any(form.cleaned_data.get(name) for name in ("kind", "who", "level"))
