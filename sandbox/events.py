"""The event bus behind `GET /v2/events`.

An event is turned into bytes once, whoever listens. A subscriber with more than 1,024 undelivered events is
cut (Marathon 1.8+). Publishers of many events at once yield to the loop now and then, so that a reader that
keeps up is not cut for a burst it never had a chance to read. Source: Marathon's core/event/impl/stream/.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from sandbox.faults.state import EventFaults
from sandbox.timestamps import format_timestamp, now

UNDELIVERED_LIMIT = 1024

Json = dict[str, Any]


class Event:
    """One event in its two sizes. `groups` gives `plan.original` and `plan.target`, which may be megabytes:
    they are built only when somebody wants the heavy form."""

    def __init__(self, kind: str, payload: Json, groups: Callable[[], tuple[Json, Json]] | None) -> None:
        self.kind = kind
        self._payload = payload
        self._groups = groups
        self._light: bytes | None = None
        self._heavy: bytes | None = None

    def frame(self, *, light: bool) -> bytes:
        """The event as it goes over the wire."""
        if light or self._groups is None:
            if self._light is None:
                self._light = self._render(self._payload)
            return self._light
        if self._heavy is None:
            original, target = self._groups()
            plan = {**self._payload["plan"], "original": original, "target": target}
            self._heavy = self._render({**self._payload, "plan": plan})
        return self._heavy

    def _render(self, payload: Json) -> bytes:
        data = json.dumps(payload, separators=(",", ":"))
        return f"event: {self.kind}\r\ndata: {data}\r\n\r\n".encode()


class Subscriber:
    """One open stream: frames wait here until its writer fetches them."""

    def __init__(self, *, kinds: frozenset[str], light: bool, remote: str) -> None:
        self.kinds = kinds
        self.light = light
        self.remote = remote
        self.closed = False
        self.on_close: Callable[[], None] = lambda: None
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def offer(self, event: Event) -> None:
        if self.closed or (self.kinds and event.kind not in self.kinds):
            return
        if len(self._waiting) >= UNDELIVERED_LIMIT:
            self.close()
            return
        self._waiting.append(event.frame(light=self.light))
        self._wake.set()

    def close(self) -> None:
        """End the stream; what is still waiting is lost."""
        self.closed = True
        self._waiting.clear()
        self._wake.set()
        self.on_close()

    async def fetch(self, timeout_s: float) -> bytes:
        """All waiting frames as one; empty after `timeout_s` without any, or when closed."""
        if not self._waiting and not self.closed:
            try:
                await asyncio.wait_for(self._wake.wait(), timeout_s)
            except TimeoutError:
                return b""
        return self.pending()

    def pending(self) -> bytes:
        """Take what is waiting now."""
        self._wake.clear()
        frames = b"".join(self._waiting)
        self._waiting.clear()
        return frames


class EventBus:
    def __init__(self, faults: EventFaults) -> None:
        self._subscribers: set[Subscriber] = set()
        self._faults = faults

    def publish(
        self, kind: str, payload: Json, *, groups: Callable[[], tuple[Json, Json]] | None = None
    ) -> None:
        """Send to everyone. `groups`: see `Event`."""
        if not self._subscribers:
            return
        complete = {**payload, "eventType": kind, "timestamp": format_timestamp(now())}
        for event in self._faults.spoil(Event(kind, complete, groups)):
            for subscriber in tuple(self._subscribers):
                subscriber.offer(event)

    def attach(self, subscriber: Subscriber) -> None:
        self._subscribers.add(subscriber)
        self.publish("event_stream_attached", {"remoteAddress": subscriber.remote})

    def detach(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        self.publish("event_stream_detached", {"remoteAddress": subscriber.remote})

    def cut(self) -> int:
        """Close every stream; returns how many."""
        for subscriber in self._subscribers:
            subscriber.close()
        return len(self._subscribers)
