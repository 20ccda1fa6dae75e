"""Jobs whose entries in Falcon are to be brought up to date soon: a Redis set, which outlives a worker.

A hint that is lost costs a minute at most: the sweep compares everything anyway.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.breaker import Breaker

log = logging.getLogger(__name__)

breaker = Breaker(rest_s=2.0)
CHANGED = "ocean:falcon:changed"
TAKEN_AT_ONCE = 500


def mark(job_ids: Collection[int]) -> None:
    """Never raises and never waits long: it is called where events are applied."""
    if not job_ids or breaker.is_open:
        return
    try:
        _redis().sadd(CHANGED, *job_ids)
    except redis.RedisError as exc:
        breaker.failed()
        log.warning("hint_lost", extra={"jobs": len(job_ids), "error": str(exc)})


def take() -> set[int]:
    """Some of them; whoever takes them either does the work or marks them again. Raises redis.RedisError."""
    found: Any = _redis().spop(CHANGED, TAKEN_AT_ONCE)
    return {int(item) for item in found or ()}


def follow_instances(sender: object, *, job_ids: Collection[int], **_more: object) -> None:
    """Receives `apps.jobs.signals.instances_changed`."""
    mark(job_ids)


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )
