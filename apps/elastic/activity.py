"""What scaling did lately for all that a person sees, in few numbers.

Each comes by an index of just the rows that it is about (what was done, what is blind, what waits): it costs as much as
happened, however many jobs and decisions there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q

from apps.accounts.rights import scope
from apps.elastic.models import BLIND, ScalingDecision, ScalingPolicy, ScalingState

if TYPE_CHECKING:
    from apps.accounts.models import User

HOUR = timedelta(hours=1)
LATELY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Activity:
    """`out`, `back`: changes of the last hour. `blind`: jobs without metrics now; `waiting`: for a person."""

    policies: int
    out: int
    back: int
    blind: int
    waiting: int


def activity_of(user: User, *, now: datetime) -> Activity:
    """Four queries."""
    decisions = scope(
        ScalingDecision.objects.filter(job__deleted_at__isnull=True, job__scaling__isnull=False),
        user,
        path="job__product_line",
    )
    acts = decisions.filter(acted=True, at__gte=now - HOUR).aggregate(
        out=Count("pk", filter=Q(wanted__gt=F("instances"))),
        back=Count("pk", filter=Q(wanted__lt=F("instances"))),
    )
    blind = decisions.filter(verdict__in=BLIND, last_at__gte=now - LATELY)
    policies = ScalingPolicy.objects.filter(enabled=True, job__deleted_at__isnull=True)
    waiting = ScalingState.objects.filter(
        proposed__isnull=False, proposed_at__gt=now - LATELY, policy__job__deleted_at__isnull=True
    )
    return Activity(
        policies=scope(policies, user, path="job__product_line").count(),
        out=acts["out"],
        back=acts["back"],
        blind=blind.aggregate(jobs=Count("job", distinct=True))["jobs"],
        waiting=scope(waiting, user, path="policy__job__product_line").count(),
    )
