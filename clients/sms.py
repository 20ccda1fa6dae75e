"""A text message by whatever HTTP gateway a company has: its address, method and body are a template.

`{phone}`, `{text}` and `{token}` stand for the values, and are written as the place needs them: percent-encoded in the
address and in a form, as a JSON string's content in JSON. Any other brace stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from clients.answers import accepted
from clients.egress import Egress
from clients.http import HttpClient, Timeouts

TIMEOUTS = Timeouts(connect_s=5.0, read_s=10.0, total_s=15.0)
MAX_ANSWER_BYTES = 64 * 1024
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
NAMES = ("phone", "text", "token")
_PLACE = re.compile(r"\{(phone|text|token)\}")


@dataclass(frozen=True, slots=True)
class SmsGateway:
    """How a gateway is called. `body` is empty for GET; `token` is what the templates call `{token}`."""

    url: str
    method: Literal["GET", "POST"] = "POST"
    body: str = '{"phone": "{phone}", "text": "{text}"}'
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default="", repr=False)


def sms_send(gateway: SmsGateway, *, phone: str, text: str, egress: Egress) -> None:
    """Send one text message. Raises as `clients.webhook.webhook_send`. (What a gateway says inside a 200 is its own
    language, which we do not read.)"""
    values = {"phone": phone, "text": text, "token": gateway.token}
    url = _filled(gateway.url, values, _percent)
    body = None
    headers = {name: _filled(value, values, _plain) for name, value in gateway.headers.items()}
    if gateway.method == "POST":
        body = _filled(gateway.body, values, _in_json if gateway.content_type == JSON else _percent).encode()
        headers["Content-Type"] = f"{gateway.content_type}; charset=utf-8"
    client = HttpClient("SMS gateway", timeouts=TIMEOUTS, max_body_bytes=MAX_ANSWER_BYTES, egress=egress)
    answer = client.send(gateway.method, url, operation="send", data=body, headers=headers)
    accepted(answer, remote="SMS gateway", operation="send")


def places(template: str) -> set[str]:
    """The values that a template has a place for."""
    return set(_PLACE.findall(template))


def _filled(template: str, values: Mapping[str, str], encode: Callable[[str], str]) -> str:
    return _PLACE.sub(lambda place: encode(values[place.group(1)]), template)


def _percent(value: str) -> str:
    return quote(value, safe="")


def _in_json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _plain(value: str) -> str:
    return value
