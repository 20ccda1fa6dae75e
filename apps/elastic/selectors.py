"""Reading scaling: a job's policy, its decisions, what waits for a person."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import OuterRef, QuerySet, Subquery

from apps.accounts.rights import scope
from apps.elastic.models import ScalingDecision, ScalingPause, ScalingPolicy, ScalingState
from apps.elastic.services.policies import PROPOSED_WITHIN
from apps.jobs.models import Job

if TYPE_CHECKING:
    from apps.accounts.models import User

OPEN_AT_MOST = 30
"""A repeat is taken in by one of a job's newest rows: there are a few verdicts at most between two changes."""


def policy_of(job: Job) -> ScalingPolicy | None:
    """The job's policy, with its state, what its Falcon has of it, and who last changed or paused it."""
    policies = ScalingPolicy.objects.select_related(
        "state", "state__approved_by", "falcon", "paused_by", "updated_by"
    )
    return policies.filter(job=job).first()


def policies_visible(user: User) -> QuerySet[ScalingPolicy]:
    """The policies of the jobs that the person sees."""
    policies = ScalingPolicy.objects.select_related("job", "state", "paused_by")
    return scope(policies.filter(job__deleted_at__isnull=True), user, path="job__product_line")


def decisions_of(job: Job) -> QuerySet[ScalingDecision]:
    """The newest first."""
    return ScalingDecision.objects.filter(job=job).select_related("operation").order_by("-id")


def newest_decision(job: Job) -> ScalingDecision | None:
    """What was decided last, which may be what had been decided before."""
    return newest_decisions([job.pk]).get(job.pk)


def newest_decisions(job_ids: Collection[int]) -> dict[int, ScalingDecision]:
    """What was decided last of each of these jobs: of its newest rows the one that took in the last repeat. Two
    queries, by the index."""
    rows = ScalingDecision.objects.filter(job=OuterRef(OuterRef("pk"))).order_by("-id").values("pk")
    newest = (
        ScalingDecision.objects.filter(pk__in=rows[:OPEN_AT_MOST])
        .order_by("-last_at", "-id")
        .values("pk")[:1]
    )
    ids = (
        Job.objects.filter(pk__in=job_ids).annotate(newest=Subquery(newest)).values_list("newest", flat=True)
    )
    found = ScalingDecision.objects.select_related("operation").filter(
        pk__in=[pk for pk in ids if pk is not None]
    )
    return {decision.job_id: decision for decision in found}


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
