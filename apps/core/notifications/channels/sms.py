"""By text message, through an HTTP gateway whose call is a template (see `clients.sms`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apps.core.models import NotificationChannel
from apps.core.notifications.channels.base import Outgoing, egress
from apps.core.notifications.channels.fields import AddressField
from apps.core.notifications.channels.webhook import server_of
from apps.core.notifications.people import Reader, readers_of, reading
from apps.core.notifications.rendering import render
from apps.core.serializers import Strict
from clients.errors import Call, Refused
from clients.sms import FORM, JSON, SmsGateway, places, sms_send

CALL: Call = {"remote": "SMS gateway", "operation": "notify"}
MAX_PHONES = 20
BODY = '{"phone": "{phone}", "text": "{text}", "token": "{token}"}'


class SmsFields(Strict):
    """How the gateway is called: `{phone}`, `{text}` and `{token}` stand for the values, in `url` and in the `body` of
    a POST; `token` is also sent as `Authorization: Bearer …`."""

    url = AddressField(max_length=2000)
    method = serializers.ChoiceField(choices=["POST", "GET"], default="POST")
    content_type = serializers.ChoiceField(choices=[JSON, FORM], default=JSON)
    body = serializers.CharField(max_length=2000, default=BODY, allow_blank=True)
    token = serializers.CharField(max_length=500, required=False, allow_blank=True, trim_whitespace=False)
    phones = serializers.ListField(
        child=serializers.RegexField(r"^\+?[0-9]{5,19}\Z"), max_length=MAX_PHONES, default=list
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        said = places(attrs["url"]) | (places(attrs["body"]) if attrs["method"] == "POST" else set())
        if not {"phone", "text"} <= said:
            text = _(
                "The gateway is told neither number nor text: write {phone} and {text} where they belong."
            )
            field = "body" if attrs["method"] == "POST" else "url"
            raise serializers.ValidationError({field: [serializers.ErrorDetail(text, code="no_place")]})
        return attrs


class Sms:
    kind = NotificationChannel.Kind.SMS
    fields: type[Strict] = SmsFields
    secrets: frozenset[str] = frozenset({"url", "token"})

    def shown(self, config: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: config[name] for name in ("method", "content_type", "body", "phones")}
        return {"server": server_of(config["url"]), **kept, "token": bool(config.get("token"))}

    def needs_sre(self, config: Mapping[str, Any]) -> bool:
        return True  # whoever writes the template decides what is sent to which machine

    def deliver(self, outgoing: Outgoing) -> Iterator[str]:
        group = outgoing.notification.group
        readers = {reader.phone: reader for reader in readers_of(group) if reader.phone}
        further = dict.fromkeys(outgoing.config["phones"], Reader(language=group.language))
        everybody = {**further, **readers}
        if not everybody:
            raise Refused("nobody in the group has a phone number", **CALL)
        gateway = _gateway(outgoing.config)
        allowed = egress()
        for phone, reader in everybody.items():
            if phone in outgoing.reached:
                continue
            with reading(reader):
                text = render(outgoing.notification).short
            sms_send(gateway, phone=phone, text=text, egress=allowed)
            yield phone


def _gateway(config: Mapping[str, Any]) -> SmsGateway:
    token = config.get("token", "")
    return SmsGateway(
        url=config["url"],
        method=config["method"],
        body=config["body"],
        content_type=config["content_type"],
        headers={"Authorization": "Bearer {token}"} if token else {},
        token=token,
    )
