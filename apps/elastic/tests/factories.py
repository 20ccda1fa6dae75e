"""Rows for tests: minimal, valid, each in its own right. `overrides` are the model's fields."""

from __future__ import annotations

from typing import Any

from apps.elastic.models import ScalingDecision, ScalingPolicy
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
