"""What wakes the loop between its ticks: Falcon's callbacks, and word of instances that have changed.

Callbacks lie in a Redis list, which lasts while no loop runs; word of instances goes by the channel of the live pages
and is only a hint: what was missed is read again within a minute.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.live import CHANNEL
from apps.elastic.falcon.signing import Ring

log = logging.getLogger(__name__)

RUNG: Final = "ocean:scaling:rung"
"""The list that callbacks push to: jobs' ids, and by which key they were signed."""
TAKE_AT_MOST = 1000
AWAY_S = 2.0


class Doorbell:
    """Use it as a context: it listens in a thread of its own meanwhile. Without Redis nothing rings, and the loop goes
    by its ticks alone."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._ended = threading.Event()
        self._redis = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=10, retry=Retry(NoBackoff(), 0)
        )
        self._changed: set[int] = set()
        self._lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, name="scale-listener", daemon=True)

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._redis.close()

    def wait(self, seconds: float) -> set[Ring]:
        """For which jobs somebody rang, and how; empty after so many seconds."""
        seconds = max(0.01, min(seconds, 1.0))
        try:
            first = self._redis.blpop([RUNG], timeout=seconds)
            if first is None:
                return set()
            more = self._redis.lpop(RUNG, TAKE_AT_MOST) or []
        except redis.RedisError as exc:
            log.warning("doorbell_away", extra={"error": str(exc)})
            self._stop.wait(seconds)
            return set()
        return {ring for item in [first[1], *more] if (ring := read(item.decode()))}

    def changed(self) -> set[int]:
        """The jobs of which something was announced since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
        return changed

    def _listen(self) -> None:
        while not (self._ended.is_set() or self._stop.is_set()):
            try:
                with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1) as connection:
                    pubsub = connection.pubsub(ignore_subscribe_messages=True)
                    pubsub.subscribe(CHANNEL)
                    while not (self._ended.is_set() or self._stop.is_set()):
                        message = pubsub.get_message(timeout=1.0)
                        if message:
                            self._take(message["data"])
            except (redis.RedisError, OSError, ValueError):
                self._ended.wait(AWAY_S)

    def _take(self, data: bytes) -> None:
        jobs = _ids(topic[4:] for topic in json.loads(data) if isinstance(topic, str) and topic[:4] == "job:")
        if jobs:
            with self._lock:
                self._changed |= jobs


def written(ring: Ring) -> str:
    """As it lies in the list."""
    return f"{ring.job_id} {ring.key}".rstrip()


def read(item: str) -> Ring | None:
    job, _, key = item.partition(" ")
    return Ring(int(job), key) if job.isdigit() else None


def _ids(items: Iterable[str]) -> set[int]:
    return {int(item) for item in items if item.isdigit()}
