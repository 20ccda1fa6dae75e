"""Writing the mirror of the hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.utils import timezone

from apps.core.live import announce
from apps.core.models import Cluster
from apps.hosts.models import Host
from engines.base import HostStatus

_MIRRORED = (
    "hostname", "address", "rack", "attributes", "resources", "used", "promised", "instances", "active", "draining",
    "registered_at", "gone_since",
)  # fmt: skip


def hosts_mirror(
    cluster: Cluster, statuses: Sequence[HostStatus], *, promised: Mapping[str, Mapping[str, float]]
) -> int:
    """Make the host rows of a cluster what Mesos says; only rows that differ are written. Returns how many changed.

    A host that Mesos no longer lists stays, with the time since when it is gone, so that its loss can be seen.
    """
    now = timezone.now()
    with transaction.atomic():
        known = {host.agent_id: host for host in Host.objects.filter(cluster=cluster)}
        write = []
        for status in statuses:
            row = _row(cluster, status, promised=promised.get(status.hostname, {}))
            old = known.pop(status.id, None)
            if old is None or any(getattr(old, name) != getattr(row, name) for name in _MIRRORED):
                write.append(row)
        if write:
            Host.objects.bulk_create(
                write,
                update_conflicts=True,
                unique_fields=["cluster", "agent_id"],
                update_fields=list(_MIRRORED),
                batch_size=500,
            )
        listed_again = {row.hostname for row in write}
        left = [host.pk for host in known.values() if host.gone_since is None]
        gone = Host.objects.filter(pk__in=left).update(
            gone_since=now, active=False, instances=0, used={}, promised={}
        )
        # An agent that registers anew under its old name has a new id: the old row is not a lost host.
        Host.objects.filter(cluster=cluster, gone_since__isnull=False, hostname__in=listed_again).delete()
    if write or gone:
        announce("hosts")
    return len(write) + gone


def _row(cluster: Cluster, status: HostStatus, *, promised: Mapping[str, float]) -> Host:
    return Host(
        cluster=cluster,
        agent_id=status.id,
        hostname=status.hostname,
        address=status.address,
        rack=status.attributes.get("rack", ""),
        attributes=dict(status.attributes),
        resources=dict(status.resources),
        used=dict(status.used),
        promised=dict(promised),
        instances=status.instances,
        active=status.active,
        draining=status.draining,
        registered_at=status.registered_at,
        gone_since=None,
    )
