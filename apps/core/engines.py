"""The one factory that makes an engine from a cluster's row."""

from __future__ import annotations

from functools import lru_cache

from apps.core.models import Cluster
from clients.http import Credentials, Timeouts
from engines.base import Engine
from engines.factory import ClusterAddress, make_engine

IMPATIENT = Timeouts(connect_s=1.0, read_s=3.0, total_s=5.0)
"""For what a page asks while a person waits for it."""


def get_engine(cluster: Cluster, *, timeouts: Timeouts | None = None) -> Engine:
    """The cluster's engine; its connections are pooled for each process and set of addresses."""
    credentials = Credentials(cluster.username, cluster.password) if cluster.username else None
    return _engine(
        ClusterAddress(
            name=cluster.name,
            marathon_urls=tuple(cluster.marathon_urls),
            mesos_urls=tuple(cluster.mesos_urls),
            marathon_credentials=credentials,
        ),
        timeouts,
    )


@lru_cache(maxsize=64)
def _engine(address: ClusterAddress, timeouts: Timeouts | None) -> Engine:
    return make_engine(address, timeouts=timeouts)
