"""From a cluster's addresses to its engine."""

from __future__ import annotations

from dataclasses import dataclass

from clients.http import Credentials, Timeouts
from engines.base import Engine
from engines.marathon import MarathonEngine


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Where a cluster's Marathon and Mesos masters are, and how to be let in. `ca_bundle`: a file of
    certificates to trust instead of the system's."""

    name: str
    marathon_urls: tuple[str, ...]
    mesos_urls: tuple[str, ...]
    marathon_credentials: Credentials | None = None
    mesos_credentials: Credentials | None = None
    ca_bundle: str | None = None


def make_engine(address: ClusterAddress, *, timeouts: Timeouts | None = None) -> Engine:
    """The engine of a cluster. Calls nothing yet. Raises ValueError for an address that is none."""
    return MarathonEngine(
        address.marathon_urls,
        address.mesos_urls,
        name=address.name,
        credentials=address.marathon_credentials,
        mesos_credentials=address.mesos_credentials,
        timeouts=timeouts,
        ca_bundle=address.ca_bundle,
    )
