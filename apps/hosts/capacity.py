"""How full the pool is: sums over the hosts that are in service."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, FloatField, Q, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from apps.hosts.models import Host

IN_SERVICE = Q(active=True, draining=False, gone_since__isnull=True)


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a resource is used of all there is. CPUs; MiB for memory and disk."""

    used: float
    total: float

    @property
    def percent(self) -> int:
        """0–100; rounded down, so that 100 means full."""
        return min(100, int(100 * self.used / self.total)) if self.total > 0 else 0


@dataclass(frozen=True, slots=True)
class Capacity:
    """A cluster's hosts, and what those in service have and have promised."""

    hosts: int
    in_service: int
    cpus: Amount
    mem: Amount
    disk: Amount


def capacity_by_cluster() -> dict[int, Capacity]:
    """Each cluster's capacity by the cluster's primary key: one query, whatever the number of hosts."""
    rows = (
        Host.objects.order_by()
        .values("cluster_id")
        .annotate(
            hosts_in_service=Count("pk", filter=IN_SERVICE),
            hosts_all=Count("pk"),
            cpus=_sum("resources", "cpus"),
            cpus_used=_sum("used", "cpus"),
            mem=_sum("resources", "mem"),
            mem_used=_sum("used", "mem"),
            disk=_sum("resources", "disk"),
            disk_used=_sum("used", "disk"),
        )
    )
    return {
        row["cluster_id"]: Capacity(
            hosts=row["hosts_all"],
            in_service=row["hosts_in_service"],
            cpus=Amount(used=row["cpus_used"], total=row["cpus"]),
            mem=Amount(used=row["mem_used"], total=row["mem"]),
            disk=Amount(used=row["disk_used"], total=row["disk"]),
        )
        for row in rows
    }


def _sum(column: str, name: str) -> Coalesce:
    """The sum of one scalar over the hosts in service."""
    return Coalesce(Sum(Cast(KT(f"{column}__{name}"), FloatField()), filter=IN_SERVICE), 0.0)
