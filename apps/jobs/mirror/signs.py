"""How the mirror of a cluster does, for whoever reads from it: its row of `ClusterWatch`."""

from __future__ import annotations

from django.utils import timezone

from apps.core.live import announce
from apps.core.models import Cluster, ClusterWatch


def watch_report(cluster: Cluster, *, error: str, version: str = "") -> None:
    """True as of now, or cut off, since when and why. `version`: the engine's, where it was asked for."""
    now = timezone.now()
    watch, _created = ClusterWatch.objects.get_or_create(cluster=cluster)
    was = watch.error
    watch.heartbeat_at = now
    watch.connected = not error
    watch.error = error
    if not error:
        watch.synced_at, watch.error_since = now, None
    elif watch.error_since is None:
        watch.error_since = now
    watch.engine_version = version or watch.engine_version
    watch.save()
    if bool(was) != bool(error):
        announce("clusters")


def watch_beat(cluster: Cluster) -> None:
    """A sign of life."""
    ClusterWatch.objects.filter(cluster=cluster).update(heartbeat_at=timezone.now())
