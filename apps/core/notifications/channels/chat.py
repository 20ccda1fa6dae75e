"""To a chat or pager service by apprise: Feishu, DingTalk, WeCom, Slack and many others (see `clients.chat`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apps.core.models import NotificationChannel
from apps.core.notifications.channels.base import Outgoing
from apps.core.notifications.people import Reader, reading
from apps.core.notifications.rendering import render
from apps.core.serializers import Strict
from clients.chat import Unusable, chat_send, is_hosted, masked, service_of


class ChatUrlField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        url: str = super().to_internal_value(data)
        try:
            service_of(url)
        except Unusable as exc:
            text = _("This is no address that apprise knows, such as feishu://token or dingtalk://token.")
            raise serializers.ValidationError(text, code="unknown_service") from exc
        return url


class ChatFields(Strict):
    """`url` names the service and holds its key: `feishu://token`."""

    url = ChatUrlField(max_length=2000)


class Chat:
    kind = NotificationChannel.Kind.CHAT
    fields: type[Strict] = ChatFields
    secrets: frozenset[str] = frozenset({"url"})

    def shown(self, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"service": service_of(config["url"]), "url": masked(config["url"])}

    def needs_sre(self, config: Mapping[str, Any]) -> bool:
        return not is_hosted(config["url"])

    def deliver(self, outgoing: Outgoing) -> Iterator[str]:
        with reading(Reader(language=outgoing.notification.group.language)):
            message = render(outgoing.notification)
        chat_send(outgoing.config["url"], title=message.subject, body=message.body)
        yield ""
