"""One look at the scheduler for the steps that are taken together."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone

from clients.errors import RemoteError
from engines.base import Engine, WorkloadId, WorkloadStatus

FRESH_S = 1.0
"""A step whose turn comes later than this after the answer looks for itself."""


class SharedLook:
    """What the scheduler says of some workloads, asked for by the first step that wants to know, while the others wait
    for the answer. Each step takes it once: what it asks for after it has acted is a look of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tags: dict[WorkloadId, str] = {}
        self._taken: set[WorkloadId] = set()
        self._asking = threading.Lock()
        self._fresh_until = 0.0
        self._asked_at: datetime | None = None
        self._found: Mapping[WorkloadId, WorkloadStatus] = {}
        self._fault: RemoteError | None = None

    def add(self, path: WorkloadId, *, tag: str) -> None:
        """Before any step is taken: this one, too, is to be asked for."""
        self._tags[path] = tag

    def take(self, path: WorkloadId) -> tuple[WorkloadStatus | None, datetime] | None:
        """The workload (None: the scheduler has it not), and when it was asked for; None where the step has to look for
        itself. Raises what the call for all of them raised."""
        with self._asking:
            if path in self._taken or path not in self._tags:
                return None
            self._taken.add(path)
            asked_at = self._asked_at or self._ask()
            if time.monotonic() > self._fresh_until:
                return None
            if self._fault is not None:
                raise self._fault
            return self._found.get(path), asked_at

    def _ask(self) -> datetime:
        self._asked_at = asked_at = timezone.now()
        try:
            self._found = self._engine.get_some(self._tags)
        except RemoteError as exc:
            self._fault = exc
        self._fresh_until = time.monotonic() + FRESH_S
        return asked_at
