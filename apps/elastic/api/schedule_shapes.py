"""Schedules, their runs and what is coming, as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.serializers import Strict
from apps.elastic.models import ScalingSchedule, ScheduleRun
from apps.elastic.models.schedule import ScheduleKind
from apps.elastic.schedules.selectors import CALENDAR_DAYS


class ScheduleSerializer(serializers.ModelSerializer[ScalingSchedule]):
    """A row. `next`: its next slot; `chronos`: what its cluster's Chronos was last seen to hold of it."""

    next = serializers.DateTimeField(source="next_at", allow_null=True)
    last = serializers.DateTimeField(source="last_at", allow_null=True)
    chronos = serializers.SerializerMethodField()
    created = serializers.DateTimeField(source="created_at")
    created_by = serializers.StringRelatedField[Any]()

    class Meta:
        model = ScalingSchedule
        fields = [
            "id",
            "start",
            "time_zone",
            "interval",
            "instances",
            "kind",
            "misfire",
            "enabled",
            "note",
            "next",
            "last",
            "chronos",
            "created",
            "created_by",
        ]

    @extend_schema_field(
        {"type": "object", "properties": {"state": {"type": "string"}, "error": {"type": "string"}}}
    )
    def get_chronos(self, row: ScalingSchedule) -> dict[str, str]:
        return {"state": row.chronos, "error": row.chronos_error}


class ScheduleRunSerializer(serializers.ModelSerializer[ScheduleRun]):
    """What became of one slot. `lateness_s`: from when it was due to when it ran."""

    due = serializers.DateTimeField(source="due_at")
    lateness_s = serializers.SerializerMethodField()
    message = serializers.CharField(source="rendered")

    class Meta:
        model = ScheduleRun
        fields = [
            "id",
            "schedule",
            "due",
            "at",
            "lateness_s",
            "state",
            "trigger",
            "rung_by",
            "instances",
            "kind",
            "missed",
            "message",
            "operation",
        ]

    def get_lateness_s(self, run: ScheduleRun) -> float:
        return round((run.at - run.due_at).total_seconds(), 3)


class ComingSerializer(serializers.Serializer[Any]):
    """A slot that comes, and how many instances the job may have from then until `until`."""

    schedule = serializers.IntegerField()
    at = serializers.DateTimeField()
    local = serializers.CharField(help_text="What the schedule's own clock shows then.")
    time_zone = serializers.CharField()
    kind = serializers.ChoiceField(choices=ScheduleKind.choices)
    instances = serializers.IntegerField()
    holds = serializers.BooleanField(help_text="False: another slot of the same moment counts.")
    least = serializers.IntegerField()
    most = serializers.IntegerField()
    until = serializers.DateTimeField(allow_null=True)


class HoldsSerializer(serializers.Serializer[Any]):
    """What the schedules hold the job to now."""

    schedule = serializers.IntegerField(source="schedule_id")
    floor = serializers.IntegerField(allow_null=True)
    exact = serializers.IntegerField(allow_null=True)
    since = serializers.DateTimeField()


class LimitsSerializer(serializers.Serializer[Any]):
    min = serializers.IntegerField()
    max = serializers.IntegerField()


class CalendarSerializer(serializers.Serializer[Any]):
    """What will happen to a job by time. `limits`: of the policy that scales it by metric besides, if there is one."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    limits = LimitsSerializer(allow_null=True)
    holds = HoldsSerializer(allow_null=True)
    entries = ComingSerializer(many=True)
    truncated = serializers.BooleanField(help_text="There are more than fit here.")


class CalendarQuery(Strict):
    days = serializers.IntegerField(min_value=1, max_value=CALENDAR_DAYS, default=7)
