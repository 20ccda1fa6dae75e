"""Scaling, for SREs to look at: policies are changed on the job's page, decisions are the loop's."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from apps.core.admin_site import ReadOnlyAdmin, ReadOnlyInline
from apps.elastic.models import (
    ScalingDecision,
    ScalingPolicy,
    ScalingSchedule,
    ScalingState,
    ScheduleRun,
)


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
