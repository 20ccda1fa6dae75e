"""What the pages of scaling use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@dataclass(frozen=True, slots=True)
class Day:
    title: str
    entries: list[tuple[Any, Any]]


@register.filter
def by_day(entries: Iterable[tuple[Any, Any]]) -> list[Day]:
    """The calendar's entries by the days of the reader's zone."""
    days = groupby(entries, key=lambda pair: timezone.localtime(pair[1].at).date())
    return [Day(date_format(day, "D, m-d"), list(found)) for day, found in days]


@register.simple_tag
def slot_time(at: datetime) -> SafeString:
    """A slot's time of day in the reader's zone: slots are whole minutes."""
    local = timezone.localtime(at)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), f"{local:%H:%M}")


@register.simple_tag
def slot_elsewhere(at: datetime, zone: str) -> SafeString | str:
    """What the schedule's own clock shows, where that is something else."""
    here, there = timezone.localtime(at), at.astimezone(ZoneInfo(zone))
    if here.replace(tzinfo=None) == there.replace(tzinfo=None):
        return ""
    shown = f"{there:%H:%M}" if here.date() == there.date() else f"{there:%m-%d %H:%M}"
    return format_html(' <span class="text-secondary small">· {} {}</span>', shown, zone)
