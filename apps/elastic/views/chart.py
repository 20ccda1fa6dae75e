"""The history chart: a part of the job's page that comes by itself, since it asks the monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_safe

from apps.core.views.pages import PageRequest
from apps.elastic.charting import Curve, Size, begin_of, draw
from apps.elastic.history import decisions_between, limits_shown, marks_of, recorded_of, sizes_of
from apps.elastic.policies import METRICS, UNITS
from apps.elastic.selectors import decisions_of, policy_of
from apps.elastic.words import NAMES, measured
from apps.jobs.models import Job
from apps.jobs.views.job_page import find_job

DAY = timedelta(days=1)
SPANS: Mapping[str, tuple[timedelta, Promise]] = {
    "15m": (timedelta(minutes=15), gettext_lazy("15 minutes")),
    "1h": (timedelta(hours=1), gettext_lazy("1 hour")),
    "6h": (timedelta(hours=6), gettext_lazy("6 hours")),
    "1d": (DAY, gettext_lazy("1 day")),
    "3d": (timedelta(days=3), gettext_lazy("3 days")),
}


@require_safe
def chart(request: PageRequest, tag: str) -> HttpResponse:
    """`?last=` of SPANS. Unless it says one, the last hour; 15 minutes where nothing was decided before. The axis
    begins where something is known."""
    job = find_job(request, tag)
    policy = policy_of(job)
    if policy is None:
        raise Http404
    end = timezone.now()
    last = _last(request.GET.get("last", ""), job=job, end=end)
    start = end - SPANS[last][0]
    names = [entry["metric"] for entry in policy.metrics]
    recorded = recorded_of(job, names, start=start, end=end)
    decisions = decisions_between(job, start=start, end=end)
    limits = limits_shown(policy)
    titles = dict(METRICS)
    curves = [
        Curve(
            name=name,
            title=f"{capfirst(str(titles[name]))} ({UNITS[name]})",
            values=[(sample.time_s, sample.value) for sample in recorded.samples[name]],
            limits=[(value, f"{sign} {measured(name, value)}") for value, sign in limits.get(name, [])],
            apart_s=recorded.apart_s,
        )
        for name in names
    ]
    known = [*(time_s for curve in curves for time_s, _ in curve.values[:1])]
    known += [decision.at.timestamp() for decision in decisions]
    begin_s = begin_of(known, start_s=start.timestamp(), end_s=end.timestamp())
    has_days = end.timestamp() - begin_s > DAY.total_seconds()
    drawn = draw(
        curves,
        sizes_of(job, decisions, start=start, end=end),
        marks_of(decisions),
        start_s=begin_s,
        end_s=end.timestamp(),
        clock=_day_and_clock if has_days else _clock,
        say=partial(_say, "m-d H:i:s" if has_days else "H:i:s"),
        labels={
            "instances": pgettext("number", "Instances"),
            "wanted": _("wanted"),
            "running": _("running"),
        },
    )
    context = {
        "job": job,
        "chart": drawn,
        "last": last,
        "choices": [(name, label) for name, (_span, label) in SPANS.items()],
        "away": recorded.away,
        "is_empty": not any(curve.values for curve in curves),
        "known_since": _moment(min(known)) if begin_s > start.timestamp() else None,
    }
    return render(request, "elastic/_chart.html", context)


def _last(text: str, *, job: Job, end: datetime) -> str:
    if text in SPANS:
        return text
    short, usual = (SPANS[name][0] for name in ("15m", "1h"))
    decided = decisions_of(job).filter(last_at__gte=end - usual, at__lt=end - short)
    return "1h" if decided.exists() else "15m"


def _moment(time_s: float) -> datetime:
    return timezone.localtime(datetime.fromtimestamp(time_s, tz=UTC))


def _clock(time_s: float) -> str:
    return date_format(_moment(time_s), "H:i")


def _day_and_clock(time_s: float) -> str:
    return date_format(_moment(time_s), "m-d H:i")


def _say(clock: str, time_s: float, values: Mapping[str, float], size: Size | None) -> str:
    """As "12:03:20 · CPU 63 % · wanted 4 · running 4"."""
    parts = [date_format(_moment(time_s), clock)]
    parts += [f"{NAMES.get(name, name)} {measured(name, value)}" for name, value in values.items()]
    if size is not None:
        parts += [f"{_('wanted')} {size.wanted}", f"{_('running')} {size.running}"]
    return " · ".join(parts)
