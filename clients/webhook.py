"""Telling a receiver of somebody's own: JSON by POST, signed so that it can tell Ocean from anybody else.

    POST <url>
    Content-Type: application/json
    X-Ocean-Delivery: 17-3            the same for every repeat of one message: a receiver may drop repeats
    X-Ocean-Signature: t=1785312000,v1=<HMAC-SHA256 of "<t>.<body>" with the secret, in hex>

A receiver refuses what is older than some minutes (by `t`), so that a recorded request is worth nothing later.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from clients.answers import accepted
from clients.egress import Egress
from clients.http import HttpClient, Timeouts

TIMEOUTS = Timeouts(connect_s=5.0, read_s=10.0, total_s=15.0)
MAX_ANSWER_BYTES = 64 * 1024


def signature(secret: str, *, body: bytes, at_s: int) -> str:
    """The header's value for `body` sent at `at_s` (seconds since 1970)."""
    signed = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={signed}"


def webhook_send(
    url: str, payload: Mapping[str, Any], *, secret: str, delivery: str, at_s: int, egress: Egress
) -> None:
    """Send once. Returns when the receiver answered 2xx.

    Raises Unavailable or TimedOut for what may pass (no connection, 408, 425, 429, 5xx), Refused for any other answer
    and for an address that `egress` does not allow, ProtocolError for a redirect or an answer without end.
    """
    body = json.dumps(payload, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Ocean-Delivery": delivery}
    if secret:
        headers["X-Ocean-Signature"] = signature(secret, body=body, at_s=at_s)
    client = HttpClient("webhook", timeouts=TIMEOUTS, max_body_bytes=MAX_ANSWER_BYTES, egress=egress)
    answer = client.send("POST", url, operation="notify", data=body, headers=headers)
    accepted(answer, remote="webhook", operation="notify")
