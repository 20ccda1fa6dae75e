"""The doorbell: tell the workers that operations of a queue are due. The rows are the truth; a lost ring is made good
by the sweeper.

Whoever answers a ring takes all that is due, so a queue is rung for once until somebody answers, however much happens.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from math import ceil
from time import monotonic, time

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.breaker import Breaker

log = logging.getLogger(__name__)

RUN_TASK = "core.run_operations"
MAX_COUNTDOWN = timedelta(minutes=1)
"""A longer delay stays in `wake_at`, for the sweeper: Redis redelivers what is counted down past its visibility."""
ANSWERED_WITHIN_S = 1.0
"""A ring that nobody has answered for so long is rung again."""
LATER_EVERY_S = 0.5
"""What is to be looked at later is rung for at moments so far apart, once for all that is due by then."""
TURN_S = 0.15
"""For so long a worker waits for the one that is at the same queue's operations."""
_pause = threading.Event()
breaker = Breaker(rest_s=5.0)
_bell: redis.Redis | None = None


def ring(queue: str, *, after_s: float = 0.0) -> None:
    """Send now. Never raises, and with the broker away waits for it at most once in a while: the sweeper finds the
    rows later."""
    if after_s > MAX_COUNTDOWN.total_seconds() or breaker.is_open:
        return
    if after_s < LATER_EVERY_S:
        if after_s or not _rings(queue):
            send(RUN_TASK, queue, queue=queue, after_s=after_s)
        return
    moment = ceil((time() + after_s) / LATER_EVERY_S)
    if not _rings(f"{queue}:{moment}", for_s=after_s + LATER_EVERY_S):
        send(RUN_TASK, queue, queue=queue, after_s=moment * LATER_EVERY_S - time())


def answered(queue: str) -> None:
    """Somebody is about to look at what is due: what becomes so from now on is rung for anew."""
    try:
        _redis().delete(_key(queue))
    except redis.RedisError as exc:
        log.warning("ring_not_answered", extra={"queue": queue, "error": str(exc)})


@contextmanager
def turn(queue: str) -> Iterator[None]:
    """One worker after the other, where that takes a moment only: in a burst the next one finds more at once. Nobody
    waits for longer than TURN_S, nor where the broker is away."""
    key, over = f"ocean:turn:{queue}", monotonic() + TURN_S
    try:
        while not (mine := _redis().set(key, 1, nx=True, px=round(TURN_S * 1000))) and monotonic() < over:
            _pause.wait(TURN_S / 6)
    except redis.RedisError:
        mine = None
    ends = monotonic() + TURN_S
    try:
        yield
    finally:
        if mine and monotonic() < ends:
            with suppress(redis.RedisError):
                _redis().delete(key)


def send(task: str, argument: int | str, *, queue: str, after_s: float = 0.0) -> None:
    """Ask a worker for a task by its name. Never raises: what must happen is a row that somebody finds later."""
    if breaker.is_open:
        return
    try:
        current_app.send_task(
            task,
            args=[argument],
            queue=queue,
            countdown=after_s or None,
            retry=False,
            ignore_result=True,
        )
    except (OperationalError, OSError) as exc:
        breaker.failed()
        log.warning("ring_failed", extra={"task": task, "argument": argument, "error": str(exc)})


def ring_on_commit(queue: str) -> None:
    """Send when the current transaction has committed (at once outside one)."""
    transaction.on_commit(lambda: ring(queue), robust=True)


def _rings(what: str, *, for_s: float = ANSWERED_WITHIN_S) -> bool:
    """Whether it rings already, and nobody has answered yet. From now on it does."""
    try:
        return not _redis().set(_key(what), 1, nx=True, px=round(for_s * 1000))
    except redis.RedisError:
        breaker.failed()
        return True


def _key(what: str) -> str:
    return f"ocean:rung:{what}"


def _redis() -> redis.Redis:
    global _bell
    if _bell is None:
        _bell = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )
    return _bell
