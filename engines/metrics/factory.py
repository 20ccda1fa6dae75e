"""From a cluster's monitoring to its source of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from clients.falcon import FalconLogin, FalconPortal, FalconToken, FalconTransport
from clients.http import Credentials, Timeouts
from engines.metrics.base import Metric, MetricSource
from engines.metrics.falcon import FalconSource
from engines.metrics.prometheus import LABEL, QUERIES, PrometheusSource


@dataclass(frozen=True, slots=True)
class MetricsAddress:
    """Where a cluster's monitoring is, and how to be let in.

    With a `username`, `password` is that person's. Without one it is a token: Falcon's `default_token` (rights are then
    root's), or a bearer token for Prometheus. `prometheus_queries` replace single ones of the usual."""

    kind: Literal["falcon", "prometheus"]
    name: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    step_s: int = 5
    ca_bundle: str | None = None
    prometheus_label: str = LABEL
    prometheus_queries: Mapping[Metric, str] = field(default_factory=dict, hash=False)


def make_source(address: MetricsAddress) -> MetricSource:
    """The source of a cluster's metrics. Calls nothing yet. Raises ValueError for what cannot be used."""
    if address.kind == "falcon":
        return FalconSource(
            address.url,
            _falcon_access(address),
            name=address.name,
            step_s=address.step_s,
            ca_bundle=address.ca_bundle,
        )
    return PrometheusSource(
        address.url,
        name=address.name,
        step_s=address.step_s,
        label=address.prometheus_label,
        queries={**QUERIES, **address.prometheus_queries},
        credentials=Credentials(address.username, address.password) if address.username else None,
        token=None if address.username else address.password or None,
        ca_bundle=address.ca_bundle,
    )


def make_falcon_portal(address: MetricsAddress, *, timeouts: Timeouts | None = None) -> FalconPortal:
    """The portal API of a Falcon. Raises ValueError for what cannot be used."""
    transport = FalconTransport(
        address.url,
        _falcon_access(address),
        name=address.name,
        timeouts=timeouts,
        ca_bundle=address.ca_bundle,
    )
    return FalconPortal(transport)


def _falcon_access(address: MetricsAddress) -> FalconToken | FalconLogin:
    if address.username:
        return FalconLogin(address.username, address.password)
    return FalconToken(address.password)
