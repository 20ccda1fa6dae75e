"""Schedules, their runs and what is coming, as the API reads and shows them."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.serializers import Strict
from apps.elastic.models import ScalingSchedule, ScheduleRun
from apps.elastic.models.schedule import START_FORMAT, ScheduleKind
from apps.elastic.schedules.calendar import NotAnInterval, read_interval
from apps.elastic.schedules.selectors import CALENDAR_DAYS
from apps.jobs.spec.strategy import MAX_INSTANCES

_START_FORMATS = (START_FORMAT, f"{START_FORMAT}:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


@cache
def time_zones() -> frozenset[str]:
    """The names that this machine's time zone data knows."""
    return frozenset(available_timezones())


def _read_clock(text: str) -> datetime | None:
    for written in _START_FORMATS:
        with suppress(ValueError):
            return datetime.strptime(text, written)  # noqa: DTZ007 - a clock's face
    return None


@extend_schema_field(OpenApiTypes.STR)
class StartField(serializers.CharField):
    """What the clock shows: `2016-10-01T02:00`."""

    default_error_messages = {
        "invalid_start": _("Write the date and time as the clock shows them: 2016-10-01T02:00."),
        "year": _("The year has to be from 1970 to 2999."),
    }

    def to_internal_value(self, data: Any) -> str:
        start = _read_clock(super().to_internal_value(data).strip())
        if start is None or start.second:
            self.fail("invalid_start")
        if not 1970 <= start.year <= 2999:
            self.fail("year")
        return start.strftime(START_FORMAT)


@extend_schema_field(OpenApiTypes.STR)
class IntervalField(serializers.CharField):
    """An ISO 8601 duration of whole minutes; empty: once."""

    default_error_messages = {
        "invalid_interval": _(
            "Write an ISO 8601 duration of at least a minute: P1D (a day), PT2H (two hours), P1W, P1M; empty for once."
        ),
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data).strip()
        try:
            return str(read_interval(text)) if text else ""
        except NotAnInterval:
            self.fail("invalid_interval")


class TimeZoneField(serializers.CharField):
    """A name of the IANA time zone database."""

    default_error_messages = {
        "unknown_time_zone": _("There is no time zone of this name; Asia/Shanghai and UTC are two."),
    }

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data).strip()
        if name not in time_zones():
            self.fail("unknown_time_zone")
        return name


class ScheduleFields(Strict):
    """A row as it is written. Without a time zone it is the person's own."""

    start = StartField(max_length=32)
    time_zone = TimeZoneField(max_length=63, required=False)
    interval = IntervalField(max_length=32, allow_blank=True, default="")
    instances = serializers.IntegerField(min_value=0, max_value=MAX_INSTANCES)
    kind = serializers.ChoiceField(choices=ScheduleKind.choices, default=ScheduleKind.FLOOR)
    misfire = serializers.ChoiceField(
        choices=ScalingSchedule.Misfire.choices, default=ScalingSchedule.Misfire.MAKE_UP
    )
    enabled = serializers.BooleanField(default=True)
    note = serializers.CharField(max_length=300, allow_blank=True, default="")


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
