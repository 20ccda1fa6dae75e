"""Scaling as a whole: every policy and how it stands, the pause of all, and what was done in the last hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.rights import is_sre, product_lines_visible
from apps.core.selectors import clusters_shown
from apps.core.views.pages import PageRequest
from apps.core.views.tables import TablePage
from apps.elastic.activity import activity_of
from apps.elastic.filters import PolicyFilter
from apps.elastic.forms.actions import PauseForm
from apps.elastic.models import ScalingPolicy
from apps.elastic.selectors import pause_of_all, policies_visible
from apps.elastic.services import scaling_pause_all, scaling_resume_all
from apps.elastic.tables import PolicyTable


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
    context = {"activity": activity_of(request.user, now=now), "all_paused": pause_of_all(now=now)}
    return render(request, "elastic/_card.html", context)
