"""Marathon's API as tests speak it: plain HTTP, whole replies."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests

from embedded.waiting import wait_until

Json = dict[str, Any]
TIMEOUT_S = 20.0

SERVER = "exec python3 -m http.server $PORT0"
HTTP_CHECK = {"protocol": "HTTP", "intervalSeconds": 1, "gracePeriodSeconds": 20, "timeoutSeconds": 2}


class Marathon:
    def __init__(self, url: str, auth: tuple[str, str] | None = None) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.auth = auth

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        options.setdefault("timeout", TIMEOUT_S)
        return self._session.request(method, self.url + path, json=body, **options)

    def get(self, path: str) -> Any:
        reply = self.call("GET", path)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def done(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A write that must be accepted, and its deployment's end."""
        reply = self.call(method, path, body)
        assert reply.status_code in (200, 201), reply.text
        self.wait_for_deployments()
        return reply

    def create(self, app_id: str, **definition: Any) -> Json:
        """Create an app of small tasks and wait until its deployment has ended."""
        body = {"id": app_id, "cpus": 0.01, "mem": 8, "cmd": "exec sleep 1000", **definition}
        reply: Json = self.done("POST", "/v2/apps", body).json()
        return reply

    def app(self, app_id: str) -> Json:
        found: Json = self.get(f"/v2/apps/{app_id}")["app"]
        return found

    def tasks(self, app_id: str) -> list[Json]:
        found: list[Json] = self.get(f"/v2/apps/{app_id}/tasks")["tasks"]
        return sorted(found, key=lambda task: str(task["id"]))

    def deployments(self) -> list[Json]:
        found: list[Json] = self.get("/v2/deployments")
        return found

    def wait_for_deployments(self) -> None:
        self.wait(lambda: not self.deployments(), "all deployments have ended")

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = TIMEOUT_S) -> None:
        wait_until(condition, what=what, timeout_s=timeout_s)

    @contextmanager
    def events(self, query: str = "plan-format=light") -> Iterator[EventLog]:
        """Everything from the stream while the block runs."""
        log = EventLog(self.url, query, self._session.auth)
        try:
            log.wait_for("event_stream_attached")
            yield log
        finally:
            log.close()


class EventLog:
    """The events of one stream, read by a thread as fast as they come."""

    def __init__(self, url: str, query: str, auth: Any) -> None:
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT_S)
        head = [f"GET /v2/events?{query} HTTP/1.1", f"Host: {address.netloc}", "Accept: text/event-stream"]
        if auth:
            head.append(f"Authorization: Basic {b64encode(':'.join(auth).encode()).decode()}")
        self._socket.sendall("\r\n".join([*head, "", ""]).encode())
        self.events: list[Json] = []
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        # The stream ends by a reset when it is cut.
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[6:]))
        self.ended.set()

    def kinds(self) -> list[str]:
        return [event["eventType"] for event in self.events]

    def of(self, kind: str) -> list[Json]:
        return [event for event in self.events if event["eventType"] == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[Json]:
        wait_until(lambda: len(self.of(kind)) >= count, what=f"{count} × {kind}", timeout_s=TIMEOUT_S)
        return self.of(kind)

    def close(self) -> None:
        """Hang up and let the reader end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.ended.wait(TIMEOUT_S)
        self._socket.close()
