"""Reading scaling: a job's policy, its decisions, what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.elastic.models import ScalingDecision, ScalingPause, ScalingPolicy, ScalingState
from apps.elastic.services.policies import PROPOSED_WITHIN
from apps.jobs.models import Job


def policy_of(job: Job) -> ScalingPolicy | None:
    """The job's policy, with its state and who last changed or paused it."""
    policies = ScalingPolicy.objects.select_related("state", "state__approved_by", "paused_by", "updated_by")
    return policies.filter(job=job).first()


def decisions_of(job: Job) -> QuerySet[ScalingDecision]:
    """The newest first."""
    return ScalingDecision.objects.filter(job=job).select_related("operation").order_by("-id")


def pause_of_all(*, now: datetime) -> ScalingPause | None:
    """The pause of all scaling, while it lasts."""
    return ScalingPause.objects.select_related("by").filter(until__gt=now).first()


@dataclass(frozen=True, slots=True)
class Proposal:
    """So few instances at once that a person has to approve it."""

    instances: int
    since: datetime


def proposal_of(policy: ScalingPolicy, *, now: datetime) -> Proposal | None:
    """What waits for a person now."""
    state: ScalingState | None = getattr(policy, "state", None)
    if state is None or state.proposed is None or state.proposed_at is None:
        return None
    if now - state.proposed_at >= PROPOSED_WITHIN or state.approved == state.proposed:
        return None
    return Proposal(state.proposed, state.proposed_at)
