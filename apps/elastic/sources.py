"""The one factory that makes a metric source from a cluster's row."""

from __future__ import annotations

import logging
from typing import Literal, cast

from apps.core.models import Cluster
from engines.metrics.base import MetricSource
from engines.metrics.factory import MetricsAddress, make_source

log = logging.getLogger(__name__)


def metrics_address(cluster: Cluster) -> MetricsAddress | None:
    """Where the cluster's monitoring is; None where it has none."""
    if not cluster.metrics:
        return None
    return MetricsAddress(
        kind=cast("Literal['falcon', 'prometheus']", cluster.metrics),
        name=f"{cluster.get_metrics_display()} {cluster.name}",
        url=cluster.metrics_url,
        username=cluster.metrics_username,
        password=cluster.metrics_password,
        prometheus_label=cluster.metrics_label,
        prometheus_queries=cluster.metrics_queries,
    )


def get_source(cluster: Cluster) -> MetricSource | None:
    """A source of the caller's own: it remembers what it has handed out, and is for one caller at a time. None where
    the cluster has no monitoring that can be used."""
    return _source(metrics_address(cluster))


class ClusterSources:
    """The loop's sources, one for each cluster, for as long as the cluster's settings stay what they are."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[MetricsAddress | None, MetricSource | None]] = {}

    def refresh(self) -> None:
        """Read the clusters' settings again. One query. One that cannot be used is none, and holds up no other."""
        for cluster in Cluster.objects.filter(enabled=True):
            address = metrics_address(cluster)
            known = self._known.get(cluster.pk)
            if known is None or known[0] != address:
                self._known[cluster.pk] = (address, _source(address))

    def __call__(self, cluster_id: int) -> MetricSource | None:
        known = self._known.get(cluster_id)
        return known[1] if known else None


def _source(address: MetricsAddress | None) -> MetricSource | None:
    try:
        return make_source(address) if address is not None else None
    except ValueError as exc:
        log.warning("metrics_unusable", extra={"source": address.name if address else "", "error": str(exc)})
        return None
