"""What the pages of scaling use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format

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
