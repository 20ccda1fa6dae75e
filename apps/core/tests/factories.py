"""Rows for tests: minimal, valid, each in its own right. `overrides` are the model's fields."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.utils import timezone

from apps.core.models import Cluster, ClusterWatch, Operation

_numbers = count(1)


def make_cluster(**overrides: Any) -> Cluster:
    """An enabled cluster whose servers nobody runs: any call to them fails at once."""
    name = overrides.pop("name", None) or f"staging-{next(_numbers)}"
    return Cluster.objects.create(
        **{
            "name": name,
            "idc": "lg",
            "environment": "staging",
            "marathon_urls": ["http://127.0.0.1:1"],
            "mesos_urls": ["http://127.0.0.1:1"],
            "chronos_urls": ["http://127.0.0.1:1"],
            **overrides,
        }
    )


def make_watch(cluster: Cluster, **overrides: Any) -> ClusterWatch:
    """A watcher that reported just now and knows the cluster's truth."""
    now = timezone.now()
    return ClusterWatch.objects.create(
        cluster=cluster, **{"heartbeat_at": now, "synced_at": now, "connected": True, **overrides}
    )


def make_operation(**overrides: Any) -> Operation:
    """A queued operation on a target of its own; see `apps.jobs.tests.factories.make_job_operation`."""
    number = next(_numbers)
    return Operation.objects.create(
        **{
            "kind": "job.scale",
            "target_type": "test",
            "target_id": number,
            "target": f"target-{number}",
            "parameters": {"asked": {}},
            **overrides,
        }
    )
