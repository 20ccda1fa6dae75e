"""One job's fault is no other's: what is done of many together is done of all but those that it cannot be done of."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import InterfaceError, OperationalError, transaction

log = logging.getLogger(__name__)

MAX_ERROR = 200
SAID_AGAIN_AFTER = timedelta(minutes=10)
_LOST = (OperationalError, InterfaceError)
"""The connection is gone, or the server: no job's fault."""

One = TypeVar("One")


def spare(do: Callable[[Sequence[One]], None], some: Iterable[One]) -> list[tuple[One, Exception]]:
    """Do it with all of them, in one transaction. Where that fails it is done with each half, and so on: returns those
    that it fails with, and how. So `do` may be called again with the same. Raises what a lost connection does."""
    todo = list(some)
    if not todo:
        return []
    try:
        with transaction.atomic():
            do(todo)
    except _LOST:
        raise
    except Exception as exc:  # noqa: BLE001 - one job's fault, which is told
        if len(todo) == 1:
            return [(todo[0], exc)]
        middle = len(todo) // 2
        return [*spare(do, todo[:middle]), *spare(do, todo[middle:])]
    return []


@dataclass(slots=True)
class Faults:
    """The jobs that the loop fails on; the log says so once, when it begins."""

    _known: dict[int, tuple[str, datetime]] = field(default_factory=dict)

    def note(self, job_id: int, exc: Exception, *, now: datetime) -> str:
        """The fault in words for the job's page."""
        error = f"{type(exc).__name__}: {exc}"[:MAX_ERROR].replace("\x00", "")
        known = self._known.get(job_id)
        if known is None or known[0] != error or now - known[1] > SAID_AGAIN_AFTER:
            log.error("scaling_crashed", exc_info=exc, extra={"job": job_id})
        self._known[job_id] = (error, now)
        return error

    def forget(self, *, now: datetime) -> None:
        """What has not come again for long is over."""
        for job_id in [job_id for job_id, (_, at) in self._known.items() if now - at > SAID_AGAIN_AFTER]:
            del self._known[job_id]
