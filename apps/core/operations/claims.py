"""Taking operations that are due: as many as one worker can do at a time, by one lease.

The rows are locked while they are taken and others skip them, so a ring that is answered twice gives each of them to
one worker, and a worker that is killed at any line leaves rows that the sweeper hands to the next one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from apps.core.models import Operation, OperationLog

LEASE = timedelta(seconds=settings.OCEAN_STEP_LIMIT_S + 5)
"""A little longer than a step may take (`runner.STEP_LIMIT_S`)."""
AT_MOST = 50
"""Operations that one worker takes together."""

ALONE_AFTER = 2
"""An operation that so many workers in a row stopped at is taken by itself: if it was that which ended them, it takes
no other along."""

RESUMED = gettext_noop("Taken over from a worker that stopped half-way.")


def owner_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def claim(kinds: Collection[str], *, now: datetime, only: int | None = None) -> list[Operation]:
    """Operations of these kinds that are due, the longest first, held by this process; of clusters that have their
    share of the workers, none. `only`: that one, if it is due.

    They have a time to be looked at (`wake_at`) while they are held, so that whoever takes it away, telling one
    something or waking it, is heard when the step is over (`recording`)."""
    with transaction.atomic():
        found = _due(kinds, now=now, only=only)
        lease = now + LEASE
        Operation.objects.filter(pk__in=[operation.pk for operation in found]).update(
            state=Operation.State.RUNNING,
            lease_owner=owner_name(),
            lease_expires_at=lease,
            wake_at=lease,
            attempts=F("attempts") + 1,
            started_at=Coalesce("started_at", Value(now)),
        )
        left_behind = [one for one in found if one.state == Operation.State.RUNNING]
        OperationLog.objects.bulk_create(
            OperationLog(operation=one, text=RESUMED, level=OperationLog.Level.WARNING) for one in left_behind
        )
    for operation in found:
        operation.state = Operation.State.RUNNING
        operation.lease_owner, operation.lease_expires_at = owner_name(), lease
        operation.wake_at = lease
        operation.attempts += 1
        operation.started_at = operation.started_at or now
    for operation in left_behind:
        operation.memory["resumed"] = True
    return found


def _due(kinds: Collection[str], *, now: datetime, only: int | None) -> list[Operation]:
    due = Operation.objects.claimable(now=now).filter(kind__in=list(kinds))
    if only is not None:
        due = due.filter(pk=only)
    if full := _full_clusters(now=now):
        due = due.exclude(cluster__in=full)
    due = due.select_related("cluster", "product_line", "requested_by")
    due = due.select_for_update(skip_locked=True, of=("self",))
    found = list(due.order_by(F("wake_at").asc(nulls_first=True), "pk")[:AT_MOST])
    return next(([one] for one in found if one.attempts >= ALONE_AFTER), found)


def _full_clusters(*, now: datetime) -> list[int]:
    """Those that as many workers as may are at work on, so that a slow one does not get them all (a guard, not a lock:
    races cost nothing)."""
    held = Operation.objects.filter(
        cluster__isnull=False, state=Operation.State.RUNNING, lease_expires_at__gte=now
    )
    workers = held.order_by().values("cluster").annotate(workers=Count("lease_owner", distinct=True))
    full = workers.filter(workers__gte=settings.OCEAN_WORKERS_PER_CLUSTER)
    return list(full.values_list("cluster", flat=True))
