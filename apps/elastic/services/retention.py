"""How long decisions are kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from apps.elastic.models import ScalingDecision

BATCH = 5000


def decisions_prune(*, now: datetime) -> int:
    """Delete those that last came more than OCEAN_DECISION_DAYS ago, the oldest first. Returns how many."""
    old = ScalingDecision.objects.filter(last_at__lt=now - timedelta(days=settings.OCEAN_DECISION_DAYS))
    pks = list(old.order_by("last_at").values_list("pk", flat=True)[:BATCH])
    ScalingDecision.objects.filter(pk__in=pks).delete()
    return len(pks)
