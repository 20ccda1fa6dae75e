"""A schedule as people write it: the fields that the API and the form take, and their rules."""

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
from apps.elastic.models import ScalingSchedule
from apps.elastic.models.schedule import START_FORMAT, ScheduleKind
from apps.elastic.schedules.calendar import NotAnInterval, read_interval
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
