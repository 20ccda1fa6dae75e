"""Reading the event stream: a thread that only queues, so that a busy mirror never makes the engine drop us."""

from __future__ import annotations

import logging
import queue
import threading

from clients.errors import RemoteError
from engines.base import Engine, EngineEvent

log = logging.getLogger(__name__)


class EventStream:
    """One connection to an engine's events. `error` is set once it has ended."""

    def __init__(self, engine: Engine, *, name: str) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[EngineEvent] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self.opened = threading.Event()
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._read, name=f"events-{name}", daemon=True)
        self._thread.start()

    def wait_open(self, timeout_s: float) -> bool:
        """Whether the stream opened (and has not failed) within the time."""
        return self.opened.wait(timeout_s) and self.error is None

    def drain(self, *, wait_s: float) -> list[EngineEvent]:
        """What has come in; waits up to `wait_s` for the first event. Raises the stream's error once it has ended
        and everything before that was taken."""
        self._wake.wait(wait_s)
        self._wake.clear()
        events: list[EngineEvent] = []
        while not self._queue.empty():
            events.append(self._queue.get())
        if not events and self.error is not None:
            raise self.error
        return events

    def close(self) -> None:
        """Let the thread end with its next line (a keep-alive comes every few seconds)."""
        self._stop.set()

    def _read(self) -> None:
        try:
            for event in self._engine.events():
                self.opened.set()
                if self._stop.is_set():
                    return
                self._queue.put(event)
                self._wake.set()
        except RemoteError as exc:
            self.error = exc
        except Exception as exc:
            log.exception("event_stream_crashed")
            self.error = exc
        finally:
            self.opened.set()
            self._wake.set()
