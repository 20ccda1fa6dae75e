"""Reading the event stream: a thread that only queues, so that a busy mirror never makes the engine drop us."""

from __future__ import annotations

import logging
import threading
from collections import deque

from django.utils import timezone

from apps.jobs.mirror.facts import Heard
from clients.errors import RemoteError
from engines.base import Engine, EngineEvent, EventKind, WorkloadId

log = logging.getLogger(__name__)

WAITING_AT_MOST = 100_000
"""Events that wait to be taken (some 60 MB). While the mirror cannot take any, what comes after is kept as one event
a workload: where to look is never lost, of what instances said of themselves only the last is."""


class EventStream:
    """One connection to an engine's events. `error` is set once it has ended."""

    def __init__(self, engine: Engine, *, name: str) -> None:
        self._engine = engine
        self._waiting: deque[Heard] = deque()
        self._collapsed: dict[WorkloadId, Heard] = {}
        self._collapsing = threading.Lock()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self.opened = threading.Event()
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._read, name=f"events-{name}", daemon=True)
        self._thread.start()

    def wait_open(self, timeout_s: float) -> bool:
        """Whether the stream opened (and has not failed) within the time."""
        return self.opened.wait(timeout_s) and self.error is None

    def drain(self, *, wait_s: float) -> list[Heard]:
        """What has come in; waits up to `wait_s` for the first event. Raises the stream's error once it has ended
        and everything before that was taken."""
        self._wake.wait(wait_s)
        self._wake.clear()
        heard = [self._waiting.popleft() for _ in range(len(self._waiting))]
        with self._collapsing:
            collapsed, self._collapsed = self._collapsed, {}
        for path, last in collapsed.items():
            # Something between was left out, so the workload has to be looked at, whatever the last one says.
            hint = EngineEvent(kind=EventKind.WORKLOAD, at=last.event.at, workload_ids=(path,))
            heard += [last, Heard(hint, last.at)]
        if not heard and self.error is not None:
            raise self.error
        return heard

    def close(self) -> None:
        """Let the thread end with its next line (a keep-alive comes every few seconds)."""
        self._stop.set()

    def _read(self) -> None:
        try:
            for event in self._engine.events():
                self.opened.set()
                if self._stop.is_set():
                    return
                self._put(Heard(event, timezone.now()))
                self._wake.set()
        except RemoteError as exc:
            self.error = exc
        except Exception as exc:
            log.exception("event_stream_crashed")
            self.error = exc
        finally:
            self.opened.set()
            self._wake.set()

    def _put(self, heard: Heard) -> None:
        if len(self._waiting) < WAITING_AT_MOST:
            self._waiting.append(heard)
        else:
            with self._collapsing:
                self._collapsed.update(dict.fromkeys(heard.event.workload_ids, heard))
