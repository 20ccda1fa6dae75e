"""Reading what a product line costs: what is held for it now, and what was held over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, FloatField, OuterRef, Q, Subquery, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, TruncDay
from django.utils import timezone

from apps.accounts.models import ProductLine
from apps.jobs.models import Job, JobVersion, LineUsage

DAYS_SHOWN = 14


@dataclass(frozen=True, slots=True)
class Amounts:
    """CPUs and GiB of memory; held at a moment, or times hours."""

    cpu: float = 0.0
    memory_gib: float = 0.0


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the reader's. `percent` is its share of the largest day's CPU-hours, for a bar."""

    day: datetime
    used: Amounts
    percent: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a line's running instances hold now, and what was held in the last 24 hours, 7 and 30 days."""

    now: Amounts
    day: Amounts
    week: Amounts
    month: Amounts


def usage_of(line: ProductLine, *, now: datetime) -> Usage:
    """Two queries. The hour that has begun is in it as far as it was counted."""
    spans = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
    rows = LineUsage.objects.filter(product_line=line, hour__gt=now - spans["month"])
    sums = rows.aggregate(
        **{
            f"{span}_{column}": Sum(column, filter=Q(hour__gt=now - length), default=0.0)
            for span, length in spans.items()
            for column in ("cpu_h", "memory_gib_h")
        }
    )
    over_time = {span: Amounts(sums[f"{span}_cpu_h"], sums[f"{span}_memory_gib_h"]) for span in spans}
    return Usage(now=held_now(line), **over_time)


def held_now(line: ProductLine) -> Amounts:
    """What the running instances were promised by the versions that were asked for."""
    asked = JobVersion.objects.filter(job=OuterRef("pk"), number=OuterRef("target_version"))
    jobs = (
        Job.objects.alive()
        .filter(product_line=line, running__gt=0)
        .annotate(
            cpus=Subquery(asked.values(number_=Cast(KT("spec__cpus"), FloatField()))[:1]),
            memory_mib=Subquery(asked.values(number_=Cast(KT("spec__memory_mib"), FloatField()))[:1]),
        )
    )
    sums = jobs.aggregate(
        cpu=Sum(F("running") * F("cpus"), default=0.0, output_field=FloatField()),
        memory=Sum(F("running") * F("memory_mib"), default=0.0, output_field=FloatField()),
    )
    return Amounts(sums["cpu"], sums["memory"] / 1024)


def usage_by_day(line: ProductLine, *, now: datetime) -> list[Day]:
    """The last days of the reader's, the oldest first; those of which nothing was counted are there with nothing."""
    today = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=number) for number in reversed(range(DAYS_SHOWN))]
    rows = (
        LineUsage.objects.filter(product_line=line, hour__gte=days[0])
        .annotate(day=TruncDay("hour"))
        .values("day")
        .annotate(cpu=Sum("cpu_h"), memory=Sum("memory_gib_h"))
        .order_by("day")
    )
    found = {row["day"].date(): Amounts(row["cpu"], row["memory"]) for row in rows}
    used = [found.get(day.date(), Amounts()) for day in days]
    most = max(amounts.cpu for amounts in used) or 1.0
    return [
        Day(day, amounts, round(100 * amounts.cpu / most)) for day, amounts in zip(days, used, strict=True)
    ]
