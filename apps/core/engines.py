"""The one factory that makes an engine from a cluster's row."""

from __future__ import annotations

from functools import lru_cache

from apps.core.models import Cluster
from clients.http import Credentials
from engines.base import Engine
from engines.factory import ClusterAddress, make_engine


def get_engine(cluster: Cluster) -> Engine:
    """The cluster's engine; its connections are pooled for each process and set of addresses."""
    credentials = Credentials(cluster.username, cluster.password) if cluster.username else None
    return _engine(
        ClusterAddress(
            name=cluster.name,
            marathon_urls=tuple(cluster.marathon_urls),
            mesos_urls=tuple(cluster.mesos_urls),
            marathon_credentials=credentials,
        )
    )


@lru_cache(maxsize=64)
def _engine(address: ClusterAddress) -> Engine:
    return make_engine(address)
