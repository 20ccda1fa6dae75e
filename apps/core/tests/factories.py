"""Rows for tests: minimal, valid, each in its own right. `overrides` are the model's fields."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from django.utils import timezone

from apps.core.models import (
    Cluster,
    ClusterWatch,
    Drift,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationGroup,
    Operation,
)

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


def make_group(**overrides: Any) -> NotificationGroup:
    """A group for everybody, without members and channels."""
    members = overrides.pop("members", [])
    group = NotificationGroup.objects.create(**{"name": f"group-{next(_numbers)}", **overrides})
    group.members.set(members)
    return group


def make_channel(group: NotificationGroup | None = None, **overrides: Any) -> NotificationChannel:
    """A mail channel of the group (a new one, unless given). `config` is the kind's own, as a mapping."""
    config = overrides.pop("config", {})
    number = next(_numbers)
    return NotificationChannel.objects.create(
        **{
            "group": group or make_group(),
            "kind": NotificationChannel.Kind.MAIL,
            "name": f"channel-{number}",
            "config": json.dumps(config),
            **overrides,
        }
    )


def make_delivery(channel: NotificationChannel | None = None, **overrides: Any) -> NotificationDelivery:
    """A delivery that waits, of a message of its own about one thing, by the channel (a new one, unless given)."""
    channel = channel or make_channel()
    now = timezone.now()
    part = {
        "text": "%(who)s asked to cancel.",
        "values": {"who": "dev"},
        "lines": [],
        "path": "",
        "severity": "info",
        "at": now.isoformat(),
        "last_at": now.isoformat(),
        "count": 1,
    }
    told = overrides.pop("told", {})
    notification = Notification.objects.create(
        **{"group": channel.group, "key": "matter-1", "parts": [part], "released_at": now, **told}
    )
    return NotificationDelivery.objects.create(
        **{"notification": notification, "channel": channel, **overrides}
    )


def make_drift(**overrides: Any) -> Drift:
    """Something that disagrees."""
    return Drift.objects.create(
        **{"kind": "falcon", "object": f"job.{next(_numbers)}", "wanted": ["a"], "found": ["b"], **overrides}
    )
