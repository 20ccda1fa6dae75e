"""Pushing samples, through an agent (`/v1/push`) or a transfer (`/api/push`).

Source: falcon-plus modules/agent/http/push.go, modules/transfer/http/api.go. An agent's `success` proves only that the
body could be read; a transfer says how many were invalid.
"""

from __future__ import annotations

import json
from collections.abc import Collection

import requests

from clients.addresses import Addresses
from clients.errors import ProtocolError, Refused, Unavailable
from clients.falcon.wire import Sample
from clients.http import HttpClient, Timeouts

AGENT, TRANSFER = "/v1/push", "/api/push"


class FalconPush:
    """`url`: an agent's (port 1988) or a transfer's (6060) base address; `path` says which it is."""

    def __init__(
        self, url: str, *, path: str = TRANSFER, name: str = "falcon", timeouts: Timeouts | None = None
    ) -> None:
        self.name = name
        self._url = Addresses([url]).preferred + path
        self._http = HttpClient(name, timeouts=timeouts)

    def push(self, samples: Collection[Sample]) -> int:
        """Returns how many a transfer found invalid (0 from an agent). Raises Refused where nothing could be read."""
        operation = f"push {len(samples)} samples"
        body = json.dumps([sample.body() for sample in samples])
        response = self._http.send(
            "POST", self._url, operation=operation, data=body, headers={"Content-Type": "application/json"}
        )
        if response.status_code >= 500:
            raise Unavailable(f"HTTP {response.status_code}", remote=self.name, operation=operation)
        if response.status_code != 200:
            raise Refused(response.text.strip(), remote=self.name, operation=operation)
        if response.text == "success":
            return 0
        try:
            return int(response.json()["data"]["Invalid"])
        except (requests.exceptions.JSONDecodeError, KeyError, TypeError) as exc:
            text = f"neither agent nor transfer: {response.text[:80]}"
            raise ProtocolError(text, remote=self.name, operation=operation) from exc
