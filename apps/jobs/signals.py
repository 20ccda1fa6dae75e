"""What others may listen to."""

from __future__ import annotations

from django.dispatch import Signal

instances_changed = Signal()
"""Sent after the mirror's transaction committed, once for each batch: `job_ids`, a frozenset of those whose
instances or counts changed. Balancers, DNS, monitoring and grants follow it; receivers must be quick (write a row,
ring a bell) and idempotent."""
