"""Mass update of the jobs that follow a template: the preview, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from apps.core.views.pages import PageRequest
from apps.jobs.forms.parameters import SENT, ParameterForm
from apps.jobs.models import JobTemplate
from apps.jobs.templating.merge import Side
from apps.jobs.templating.selectors import latest_of
from apps.jobs.templating.updates import MAX_JOBS, Choice, JobUpdate, Outcome, update_apply, update_plan
from apps.jobs.views.changes import ShownChange, as_text, shown_changes
from apps.jobs.views.templates import find_template

WORDS = {
    Outcome.CHANGES: _("a new version"),
    Outcome.UNCHANGED: _("nothing changes"),
    Outcome.CONFLICT: _("both changed the same field: decide"),
    Outcome.INVALID: _("would not be right"),
    Outcome.FORBIDDEN: _("not yours to change"),
    Outcome.STALE: _("somebody saved meanwhile: look again"),
    Outcome.SAVED: _("saved"),
}


@dataclass(frozen=True, slots=True)
class ShownConflict:
    field: str
    key: str
    base: str
    job: str
    template: str


@dataclass(frozen=True, slots=True)
class ShownUpdate:
    """A job's part in words. `can_be_chosen`: it would get a new version, or does when its conflicts are decided."""

    update: JobUpdate
    words: Any
    changes: list[ShownChange]
    conflicts: list[ShownConflict]

    @property
    def can_be_chosen(self) -> bool:
        return self.update.outcome in {Outcome.CHANGES, Outcome.UNCHANGED, Outcome.CONFLICT}


@require_http_methods(["GET", "HEAD", "POST"])
def template_update(request: PageRequest, name: str) -> HttpResponse:
    """Every job on an older version, with what would change. A POST saves versions of those that are ticked."""
    template = find_template(request, name)
    version = latest_of(template)
    # Only what all jobs lack is asked for: their own values stay otherwise.
    asked = [row for row in version.parameters if "default" not in row]
    form = ParameterForm(asked, data=request.GET if SENT in request.GET else None)
    given = form.given() if form.is_bound else {}
    if request.method == "POST":
        choices = _choices(request)
        done = update_apply(template, by=request.user, choices=choices, given=given) if choices else []
        return _render(request, template, done, done=True)
    return _render(request, template, update_plan(template, by=request.user, given=given), form=form)


def _choices(request: PageRequest) -> list[Choice]:
    """The ticked jobs, with the version that was shown of each and who wins its conflicts."""
    found = []
    for tag in request.POST.getlist("job")[:MAX_JOBS]:
        version = request.POST.get(f"version:{tag}", "")
        prefix = f"take:{tag}:"
        take: dict[str, Side] = {}
        for key, value in request.POST.items():
            if key.startswith(prefix) and value in ("job", "template"):
                take[key.removeprefix(prefix)] = "job" if value == "job" else "template"
        found.append(Choice(tag, int(version) if version.isdecimal() and len(version) < 10 else None, take))
    return found


def _render(
    request: PageRequest,
    template: JobTemplate,
    updates: list[JobUpdate],
    *,
    done: bool = False,
    form: ParameterForm | None = None,
) -> HttpResponse:
    saved = [update for update in updates if update.outcome == Outcome.SAVED]
    context = {
        "template": template,
        "updates": [_shown(update) for update in updates],
        "done": done,
        "saved": saved,
        "form": form if form and form.fields else None,
        "max": MAX_JOBS,
    }
    return render(request, "jobs/template_update.html", context)


def _shown(update: JobUpdate) -> ShownUpdate:
    conflicts = [
        ShownConflict(
            conflict.field,
            f"take:{update.job.tag}:{conflict.field}",
            as_text(conflict.base),
            as_text(conflict.job),
            as_text(conflict.template),
        )
        for conflict in update.conflicts
    ]
    return ShownUpdate(update, WORDS[update.outcome], shown_changes(update.changes), conflicts)
