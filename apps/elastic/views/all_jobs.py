"""Scaling as a whole: every policy and how it stands, the pause of all, and what was done in the last hour."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.rights import is_sre, product_lines_visible
from apps.core.selectors import clusters_shown
from apps.core.views.pages import PageRequest
from apps.core.views.tables import TablePage
from apps.elastic.filters import PolicyFilter
from apps.elastic.forms.actions import PauseForm
from apps.elastic.models import ScalingDecision, ScalingPolicy
from apps.elastic.selectors import pause_of_all, policies_visible
from apps.elastic.services import scaling_pause_all, scaling_resume_all
from apps.elastic.standing import BLIND
from apps.elastic.tables import PolicyTable

HOUR = timedelta(hours=1)
LATELY = timedelta(minutes=2)


class PolicyList(TablePage):
    table_class = PolicyTable
    filterset_class = PolicyFilter
    template_name = "elastic/list.html"
    toolbar = ("search", "enabled", "paused", "product_line", "cluster")

    def get_queryset(self) -> QuerySet[ScalingPolicy]:
        return policies_visible(self.request.user)

    def choices(self) -> Mapping[str, list[tuple[str, str]]]:
        lines = product_lines_visible(self.request.user)
        return {
            "product_line": [(line.tag, line.title or line.tag) for line in lines],
            "cluster": [(cluster.name, cluster.name) for cluster in clusters_shown()],
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "all_paused": pause_of_all(now=timezone.now()),
            "may_pause": is_sre(self.request.user),
            "pause_form": PauseForm(),
        }


@require_POST
def pause(request: PageRequest) -> HttpResponse:
    """Pause the scaling of all jobs (SREs)."""
    form = PauseForm(request.POST)
    if form.is_valid():
        scaling_pause_all(rest=form.rest(), by=request.user)
        messages.success(request, _("No job is scaled by metric for now; all go on by themselves."))
    else:
        messages.error(request, " ".join(str(text) for texts in form.errors.values() for text in texts))
    return redirect("elastic:list")


@require_POST
def resume(request: PageRequest) -> HttpResponse:
    scaling_resume_all(by=request.user)
    messages.success(request, _("Scaling goes on."))
    return redirect("elastic:list")


@require_safe
def card(request: PageRequest) -> HttpResponse:
    """The dashboard's card: what was done in the last hour, and what waits for somebody."""
    now = timezone.now()
    policies = policies_visible(request.user)
    decided = ScalingDecision.objects.filter(last_at__gte=now - HOUR, job__in=policies.values("job"))
    counts = decided.aggregate(
        out=Count("pk", filter=Q(acted=True, wanted__gt=F("instances"))),
        back=Count("pk", filter=Q(acted=True, wanted__lt=F("instances"))),
        blind=Count("job", filter=Q(verdict__in=BLIND, last_at__gte=now - LATELY), distinct=True),
    )
    context = {
        "counts": counts,
        "policies": policies.filter(enabled=True).count(),
        "waiting": policies.filter(
            state__proposed_at__gt=now - LATELY, state__proposed__isnull=False
        ).count(),
        "all_paused": pause_of_all(now=now),
    }
    return render(request, "elastic/_card.html", context)
