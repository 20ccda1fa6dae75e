"""What every kind of channel is: what it must be told, how that may be shown, and how it delivers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings

from apps.core.models import Cluster, Notification, NotificationChannel
from apps.core.serializers import Strict
from clients.egress import Egress, servers_of


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is to be delivered by one channel. `reached` are those whom it reached already."""

    notification: Notification
    channel: NotificationChannel
    delivery: int
    reached: Set[str]

    @property
    def config(self) -> dict[str, Any]:
        return config_of(self.channel)

    def repeat_key(self, to: str = "") -> str:
        """The same for each attempt at the same delivery: by it a receiver knows a repeat."""
        return f"{self.notification.pk}-{self.delivery}{'-' if to else ''}{to}"


class ChannelKind(Protocol):
    """One kind of channel. Kinds hold nothing; they are registered in `apps.core.notifications.channels`."""

    @property
    def kind(self) -> NotificationChannel.Kind: ...

    @property
    def fields(self) -> type[Strict]:
        """What its configuration takes."""

    @property
    def secrets(self) -> frozenset[str]:
        """Fields that are written and never read back: left out of an edit, they stay as they are."""

    def shown(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration as it may be shown to who may change the group: without secrets."""

    def needs_sre(self, config: Mapping[str, Any]) -> bool:
        """Whether this very configuration is for SREs to set."""

    def deliver(self, outgoing: Outgoing) -> Iterator[str]:
        """Send to each who has not been reached, and yield each who now is (once, '' for a channel that reaches all at
        once). Raises RemoteError: Refused for what trying again cannot mend."""


def config_of(channel: NotificationChannel) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(channel.config or "{}")
    return config


def egress() -> Egress:
    """Where a typed address may lead: never to the schedulers that the console drives (a POST to one's API would be
    obeyed), nor to the monitoring that it goes by, nor to its own database and Redis."""
    urls = [settings.REDIS_URL.replace("rediss://", "https://").replace("redis://", "http://")]
    for cluster in Cluster.objects.all():
        urls += [*cluster.marathon_urls, *cluster.mesos_urls, *cluster.chronos_urls, cluster.metrics_url]
    database = settings.DATABASES["default"]
    servers = servers_of(filter(None, urls)) | {(str(database["HOST"]), int(database["PORT"] or 5432))}
    return Egress(
        loopback=settings.OCEAN_EMBEDDED,
        refused_networks=tuple(settings.OCEAN_NOTIFY_REFUSED_NETWORKS),
        refused_servers=servers,
    )
