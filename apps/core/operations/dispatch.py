"""The doorbell: tell a worker that an operation has something to do. The row is the truth; a lost ring is
made good by the sweeper."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from apps.core.breaker import Breaker

log = logging.getLogger(__name__)

RUN_TASK = "core.run_operation"
MAX_COUNTDOWN = timedelta(minutes=1)
"""A longer delay stays in `wake_at`, for the sweeper: Redis redelivers what is counted down past its visibility."""
breaker = Breaker(rest_s=5.0)


def ring(operation_id: int, *, queue: str = "operations", after_s: float = 0.0) -> None:
    """Send now. Never raises, and with the broker away waits for it at most once in a while: the sweeper finds the
    row later."""
    send(RUN_TASK, operation_id, queue=queue, after_s=after_s)


def send(task: str, row_id: int, *, queue: str, after_s: float = 0.0) -> None:
    """Ask a worker for a task by its name. Never raises: what must happen is a row that somebody finds later."""
    if after_s > MAX_COUNTDOWN.total_seconds() or breaker.is_open:
        return
    try:
        current_app.send_task(
            task,
            args=[row_id],
            queue=queue,
            countdown=after_s or None,
            retry=False,
            ignore_result=True,
        )
    except (OperationalError, OSError) as exc:
        breaker.failed()
        log.warning("ring_failed", extra={"task": task, "row": row_id, "error": str(exc)})


def ring_on_commit(operation_id: int, *, queue: str = "operations") -> None:
    """Send when the current transaction has committed (at once outside one)."""
    transaction.on_commit(lambda: ring(operation_id, queue=queue), robust=True)
