"""The one factory that makes an engine from a cluster's row."""

from __future__ import annotations

from functools import lru_cache

from engines.marathon import MarathonEngine

from apps.core.models import Cluster
from engines.base import Engine


def get_engine(cluster: Cluster) -> Engine:
    """The cluster's engine; connections are pooled for each process and set of addresses."""
    return _engine(
        tuple(cluster.marathon_urls), tuple(cluster.mesos_urls), cluster.username, cluster.password
    )


@lru_cache(maxsize=64)
def _engine(
    marathon_urls: tuple[str, ...], mesos_urls: tuple[str, ...], username: str, password: str
) -> Engine:
    credentials = (username, password) if username else None
    return MarathonEngine(marathon_urls, mesos_urls, credentials=credentials)
