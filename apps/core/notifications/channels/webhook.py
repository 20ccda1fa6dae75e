"""To a receiver of the group's own: signed JSON (see `clients.webhook`)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from apps.core.models import NotificationChannel
from apps.core.notifications.channels.base import Outgoing, egress
from apps.core.notifications.channels.fields import AddressField
from apps.core.notifications.people import Reader, reading
from apps.core.notifications.rendering import render
from apps.core.serializers import Strict
from clients.webhook import webhook_send


class WebhookFields(Strict):
    """`url` takes JSON by POST; `secret` signs it."""

    url = AddressField(max_length=2000)
    secret = serializers.CharField(max_length=200, required=False, allow_blank=True, trim_whitespace=False)


class Webhook:
    kind = NotificationChannel.Kind.WEBHOOK
    fields: type[Strict] = WebhookFields
    secrets: frozenset[str] = frozenset({"url", "secret"})

    def shown(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"server": server_of(config["url"]), "signed": bool(config.get("secret"))}

    def needs_sre(self, config: Mapping[str, Any]) -> bool:
        return False

    def deliver(self, outgoing: Outgoing) -> Iterator[str]:
        config = outgoing.config
        webhook_send(
            config["url"],
            payload_of(outgoing),
            secret=config.get("secret", ""),
            delivery=outgoing.repeat_key(),
            at_s=int(time.time()),
            egress=egress(),
        )
        yield ""


def payload_of(outgoing: Outgoing) -> dict[str, Any]:
    """The body: texts in the group's language, `events` counts all, `parts` the different ones."""
    notification = outgoing.notification
    group = notification.group
    with reading(Reader(language=group.language)):
        message = render(notification)
    return {
        "id": notification.pk,
        "group": group.name,
        "matter": notification.key,
        "severity": notification.severity,
        "subject": message.subject,
        "text": message.body,
        "events": notification.events,
        "parts": [
            {
                "subject": part.subject,
                "lines": list(part.lines),
                "severity": part.severity,
                "count": part.count,
                "first": part.at.isoformat(),
                "last": part.last_at.isoformat(),
                "url": part.url,
            }
            for part in message.parts
        ],
        "url": message.url,
    }


def server_of(url: str) -> str:
    """What may be shown of an address: its scheme and server, never its path, which may be a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"
