"""The history chart: a part of the job's page that comes by itself, since it asks the monitoring."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_safe

from apps.core.views.pages import PageRequest
from apps.elastic.charting import Curve, Size, draw
from apps.elastic.history import decisions_between, limits_shown, marks_of, recorded_of, sizes_of
from apps.elastic.policies import METRICS, UNITS
from apps.elastic.selectors import policy_of
from apps.elastic.words import NAMES, measured
from apps.jobs.views.job_page import find_job

HOURS = (1, 6, 24, 72)


@require_safe
def chart(request: PageRequest, tag: str) -> HttpResponse:
    """`?hours=` of HOURS: the last hour, unless it says another."""
    job = find_job(request, tag)
    policy = policy_of(job)
    if policy is None:
        raise Http404
    hours = _hours(request.GET.get("hours", ""))
    end = timezone.now()
    start = end - timedelta(hours=hours)
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
    drawn = draw(
        curves,
        sizes_of(job, decisions, start=start, end=end),
        marks_of(decisions),
        start_s=start.timestamp(),
        end_s=end.timestamp(),
        clock=_day_or_clock if hours > 24 else _clock,
        say=_say,
        labels={
            "instances": pgettext("number", "Instances"),
            "wanted": _("wanted"),
            "running": _("running"),
        },
    )
    context = {
        "job": job,
        "chart": drawn,
        "hours": hours,
        "choices": HOURS,
        "away": recorded.away,
        "is_empty": not any(curve.values for curve in curves),
    }
    return render(request, "elastic/_chart.html", context)


def _hours(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 and int(text) in HOURS else HOURS[0]


def _moment(time_s: float) -> datetime:
    return timezone.localtime(datetime.fromtimestamp(time_s, tz=UTC))


def _clock(time_s: float) -> str:
    return date_format(_moment(time_s), "H:i")


def _day_or_clock(time_s: float) -> str:
    return date_format(_moment(time_s), "m-d H:i")


def _say(time_s: float, values: Mapping[str, float], size: Size | None) -> str:
    """As "12:03:20 · CPU 63 % · wanted 4 · running 4"."""
    parts = [date_format(_moment(time_s), "H:i:s")]
    parts += [f"{NAMES.get(name, name)} {measured(name, value)}" for name, value in values.items()]
    if size is not None:
        parts += [f"{_('wanted')} {size.wanted}", f"{_('running')} {size.running}"]
    return " · ".join(parts)
