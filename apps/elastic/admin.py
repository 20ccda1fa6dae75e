"""Scaling, for SREs to look at: policies are changed on the job's page, decisions are the loop's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.core.admin_site import ReadOnlyAdmin, ReadOnlyInline, person_of
from apps.elastic.models import (
    ScalingDecision,
    ScalingPolicy,
    ScalingSchedule,
    ScalingState,
    ScheduleRun,
)
from apps.elastic.schedules.services import schedule_token_revoke


class ScalingStateInline(ReadOnlyInline):
    model = ScalingState
    fields = ["saved_at", "proposed", "proposed_at", "memory"]


@admin.register(ScalingPolicy)
class ScalingPolicyAdmin(ReadOnlyAdmin):
    list_display = ["job", "enabled", "min", "max", "what", "advise_only", "paused_until", "updated_at"]
    list_filter = ["enabled", "advise_only", "predict", "job__cluster"]
    list_select_related = ["job"]
    search_fields = ["job__tag"]
    raw_id_fields = ["job"]
    inlines = [ScalingStateInline]

    @admin.display(description=_("metrics"))
    def what(self, policy: ScalingPolicy) -> str:
        return ", ".join(entry["metric"] for entry in policy.metrics)


@admin.register(ScalingDecision)
class ScalingDecisionAdmin(ReadOnlyAdmin):
    list_display = ["job", "at", "last_at", "count", "verdict", "instances", "wanted", "acted"]
    list_filter = ["verdict", "acted"]
    list_select_related = ["job"]
    search_fields = ["job__tag"]
    ordering = ["-id"]


@admin.action(
    description=_("Revoke the tokens of the selected schedules: Chronos is given new ones"),
    permissions=["view"],
)
def revoke_tokens(_admin: Any, request: HttpRequest, queryset: QuerySet[ScalingSchedule]) -> None:
    with transaction.atomic():
        schedules = list(queryset.select_related("job__product_line"))
        for schedule in schedules:
            schedule_token_revoke(schedule=schedule, by=person_of(request))
    text = ngettext("%(count)s token is revoked.", "%(count)s tokens are revoked.", len(schedules))
    messages.success(request, text % {"count": len(schedules)})


@admin.register(ScalingSchedule)
class ScalingScheduleAdmin(ReadOnlyAdmin):
    list_display = [
        "job",
        "start",
        "time_zone",
        "interval",
        "kind",
        "instances",
        "enabled",
        "next_at",
        "chronos",
        "chronos_error",
    ]
    list_filter = ["enabled", "kind", "misfire", "chronos", "job__cluster"]
    list_select_related = ["job"]
    search_fields = ["job__tag", "note"]
    raw_id_fields = ["job", "created_by"]
    actions = [revoke_tokens]


@admin.register(ScheduleRun)
class ScheduleRunAdmin(ReadOnlyAdmin):
    list_display = ["job", "due_at", "at", "state", "trigger", "kind", "instances", "missed", "why"]
    list_filter = ["state", "trigger"]
    list_select_related = ["job"]
    search_fields = ["job__tag"]
    ordering = ["-id"]
    exclude = ["text", "values"]

    @admin.display(description=_("why"))
    def why(self, run: ScheduleRun) -> str:
        return run.rendered
