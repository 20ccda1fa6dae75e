"""A job's page "Autoscaling": how it stands, what it did, and what one can do about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.errors import InvalidInput
from apps.core.models import Cluster
from apps.core.views.pages import PageRequest, render_page
from apps.elastic.filters import DecisionFilter
from apps.elastic.forms.actions import PauseForm
from apps.elastic.models import ScalingDecision, ScalingPolicy
from apps.elastic.schedules.selectors import calendar_of, runs_of, schedules_unrung
from apps.elastic.selectors import decisions_of, newest_decision, pause_of_all, policy_of
from apps.elastic.services import policy_pause, policy_renew_callback, policy_resume, proposal_approve
from apps.elastic.standing import rules_of, standing_of
from apps.elastic.tables import DecisionTable
from apps.jobs.models import Job
from apps.jobs.views.detail import JobTablePage
from apps.jobs.views.job_page import find_job

CALENDAR_DAYS = 7
RUNS_SHOWN = 8
PARTS = {
    "scaling-calendar": "elastic/_calendar.html",
    "job-header": "jobs/_header.html",
    "scaling-standing": "elastic/_standing.html",
    "decisions": "tables/_region.html",
}


class ScalingPage(JobTablePage):
    """Everything of one job's scaling; each part refreshes by itself."""

    tab = "scaling"
    table_class = DecisionTable
    filterset_class = DecisionFilter
    template_name = "elastic/job.html"
    toolbar = ("acted",)

    def get_queryset(self) -> QuerySet[ScalingDecision]:
        return decisions_of(self.job)

    @cached_property
    def policy(self) -> ScalingPolicy | None:
        return policy_of(self.job)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {
            **context,
            "policy": self.policy,
            "rules": rules_of(self.policy) if self.policy else [],
            "standing": self._standing(),
            "pause_form": PauseForm(),
            "is_called_by_falcon": self.job.cluster.metrics == Cluster.Monitoring.FALCON,
            **calendar_context(self.job),
        }

    def _standing(self) -> Any:
        if self.policy is None:
            return None
        now = timezone.now()
        return standing_of(
            self.policy,
            job=self.job,
            decision=newest_decision(self.job),
            all_paused=pause_of_all(now=now),
            now=now,
        )

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        return render_page(self.request, self.template_name, context, parts=PARTS)


def calendar_context(job: Job) -> dict[str, Any]:
    """What the schedules will do in the next days, and what became of the last times."""
    found = calendar_of(job, now=timezone.now(), days=CALENDAR_DAYS)
    runs = runs_of(job)[:RUNS_SHOWN]
    return {
        "calendar": found,
        "runs": runs,
        "unrung": list(schedules_unrung(job)),
        "has_schedules": bool(found["entries"] or runs or found["holds"]),
    }


@require_POST
def pause(request: PageRequest, tag: str) -> HttpResponse:
    job, policy = _found(request, tag)
    form = PauseForm(request.POST)
    if form.is_valid():
        rested = policy_pause(policy=policy, rest=form.rest(), by=request.user)
        text = _("Scaling rests; it goes on by itself. Until: %(until)s.")
        until = timezone.localtime(rested.paused_until).strftime("%Y-%m-%d %H:%M")
        messages.success(request, text % {"until": until})
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("elastic:scaling", job.tag)


@require_POST
def resume(request: PageRequest, tag: str) -> HttpResponse:
    job, policy = _found(request, tag)
    policy_resume(policy=policy, by=request.user)
    messages.success(request, _("Scaling goes on."))
    return redirect("elastic:scaling", job.tag)


@require_POST
def renew_callback(request: PageRequest, tag: str) -> HttpResponse:
    job, policy = _found(request, tag)
    policy_renew_callback(policy=policy, by=request.user)
    messages.success(
        request, _("Signed anew. Falcon gets the new address within seconds; then the old one ends.")
    )
    return redirect("elastic:scaling", job.tag)


@require_POST
def approve(request: PageRequest, tag: str) -> HttpResponse:
    """Approve the number of instances that the person saw."""
    job, policy = _found(request, tag)
    typed = request.POST.get("instances", "")
    instances = int(typed) if typed.isdecimal() and len(typed) < 10 else -1
    try:
        proposal_approve(policy=policy, instances=instances, by=request.user)
    except InvalidInput as exc:
        messages.error(request, str(exc))
    else:
        text = _("Approved: it goes to %(instances)s instances if that is still wanted.")
        messages.success(request, text % {"instances": instances})
    return redirect("elastic:scaling", job.tag)


def _found(request: PageRequest, tag: str) -> tuple[Job, ScalingPolicy]:
    job = find_job(request, tag)
    policy = policy_of(job)
    if policy is None:
        raise Http404
    policy.job = job
    return job, policy
