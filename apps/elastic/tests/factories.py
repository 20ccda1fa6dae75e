"""Rows for tests: minimal, valid, each in its own right. `overrides` are the model's fields."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from apps.elastic.models import ScalingDecision, ScalingPolicy, ScalingSchedule, ScheduleRun
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job

CPU: dict[str, Any] = {
    "metric": "cpu",
    "mode": "threshold",
    "out": {"samples": 3, "above": 80},
    "in": {"samples": 3, "below": 60},
}
"""The slide's own."""


def make_policy(*, job: Job | None = None, **overrides: Any) -> ScalingPolicy:
    """An enabled policy with the slide's numbers, of a running job of its own."""
    return ScalingPolicy.objects.create(
        job=job or make_running_job(), **{"min": 1, "max": 5, "metrics": [CPU], **overrides}
    )


def make_decision(*, job: Job | None = None, **overrides: Any) -> ScalingDecision:
    """A decision that changed nothing."""
    return ScalingDecision.objects.create(
        job=job or make_running_job(), **{"verdict": "steady", "instances": 3, "wanted": 3, **overrides}
    )


def make_schedule(*, job: Job | None = None, **overrides: Any) -> ScalingSchedule:
    """The slide's first row, daily at two in Shanghai, with its next slot planned."""
    schedule = ScalingSchedule(
        job=job or make_running_job(),
        **{
            "start": "2016-10-01T02:00",
            "time_zone": "Asia/Shanghai",
            "interval": "P1D",
            "instances": 2,
            **overrides,
        },
    )
    if "next_at" not in overrides:
        schedule.next_at = schedule.next_slot(now=timezone.now())
    schedule.save()
    return schedule


def make_run(*, schedule: ScalingSchedule | None = None, **overrides: Any) -> ScheduleRun:
    """A slot that ran just now."""
    schedule = schedule or make_schedule()
    return ScheduleRun.objects.create(
        job=schedule.job,
        schedule=schedule,
        **{
            "due_at": timezone.now(),
            "state": ScheduleRun.State.APPLIED,
            "trigger": ScheduleRun.Trigger.CHRONOS,
            "rung_by": schedule,
            "instances": schedule.instances,
            "kind": schedule.kind,
            **overrides,
        },
    )
