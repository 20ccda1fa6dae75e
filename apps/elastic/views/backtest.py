"""Trying a change of the policy on past days, from the job form, before it is saved."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.errors import InvalidInput
from apps.core.views.pages import PageRequest
from apps.elastic.backtesting import Compared, backtest_compared
from apps.elastic.forms.part import ScalingPart
from apps.elastic.planning.backtest import Backtest
from apps.elastic.words import duration
from apps.jobs.services.drafts import require_editable
from apps.jobs.views.job_page import find_job


@require_POST
def backtest(request: PageRequest, tag: str) -> HttpResponse:
    """What is typed into the tab "Autoscaling", over `backtest_span`."""
    job = find_job(request, tag)
    require_editable(job, by=request.user)
    part = ScalingPart(request.user, job, request.POST)
    span, label = part.backtest_span
    context: dict[str, Any] = {"span": label}
    try:
        compared = backtest_compared(job, part.fields(), span=span)
    except InvalidInput as exc:
        errors = [(part.label_of(error.field), error.detail) for error in exc.errors]
        return render(request, "elastic/_backtest.html", {**context, "errors": errors}, status=422)
    return render(
        request, "elastic/_backtest.html", {**context, "compared": compared, "lines": lines_of(compared)}
    )


def lines_of(compared: Compared) -> list[tuple[str, str, str]]:
    """Each figure: its name, of today's policy, of the change."""
    changed, today = compared.changed, compared.today
    if changed is None:
        return []
    rows = [
        (_("Above the limit"), _breach),
        (_("Instance-hours"), lambda one: f"{one.instance_hours:.3g}"),
        (_("Changes"), lambda one: str(one.changes)),
        (_("Changes back within ten minutes"), lambda one: str(one.flaps)),
        (_("Instances, least to most"), lambda one: f"{one.least}–{one.most}"),
    ]
    return [(name, say(today) if today else "–", say(changed)) for name, say in rows]


def _breach(one: Backtest) -> str:
    return f"{one.breach_share * 100:.2f} % ({duration(one.breach_s)})"
