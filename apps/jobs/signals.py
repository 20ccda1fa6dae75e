"""What others may listen to."""

from __future__ import annotations

from django.dispatch import Signal

instances_changed = Signal()
"""Sent after the mirror's transaction committed, once for each batch: `job_ids`, a frozenset of those whose
instances or counts changed. Balancers, DNS, monitoring and grants follow it; receivers must be quick (write a row,
ring a bell) and idempotent."""

job_cloned = Signal()
"""Sent within the transaction that made `clone` of `job`, where the person (`by`) wants what other apps keep of
it, too: its autoscaling. Receivers raise InvalidInput for what cannot be there; then there is no clone."""

job_moved = Signal()
"""Sent within the transaction that ends a migration: `clone` has taken the place of `job`, which is no more. `since`:
when the migration began; what somebody has written at the clone after that is newer than what comes along."""
