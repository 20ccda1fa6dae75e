"""Live pages: a change is announced once, by topic, and every open page that shows the topic hears of it.

`announce` publishes on one Redis channel; each web process listens once (`Hub`) and hands topics to the pages that
asked for them, merged so that a page gets at most two messages a second however fast things change.
Topics: `job:<id>`, `jobs`, `operation:<id>`, `operations`, `hosts`, `clusters` … A message carries topics only, never
content: the page fetches its fragment through the ordinary, permission-checked view.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.breaker import Breaker

log = logging.getLogger(__name__)

CHANNEL = "ocean:live"
MERGE_S = 0.5
KEEP_ALIVE_S = 15.0
RECONNECT_S = 5.0
"""While Redis is away nobody can be told of anything: pages are sent to look this often."""
_publisher: redis.Redis | None = None
breaker = Breaker(rest_s=5.0)


def announce(*topics: str) -> None:
    """Tell open pages that these topics changed. Never raises and never waits long: a page that misses it looks
    again by itself within seconds."""
    global _publisher
    if not topics or breaker.is_open:
        return
    if _publisher is None:
        _publisher = redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
        )
    try:
        _publisher.publish(CHANNEL, json.dumps(topics))
    except redis.RedisError as exc:
        breaker.failed()
        log.warning("announce_failed", extra={"error": str(exc)})


class Page:
    """One open page's topics and those that changed since it was last told."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self.changed: set[str] = set()
        self.wake = asyncio.Event()


class Hub:
    """One for each web process: a single Redis subscription, many pages."""

    def __init__(self) -> None:
        self._pages: set[Page] = set()
        self._reader: asyncio.Task[None] | None = None

    async def messages(self, topics: frozenset[str]) -> AsyncIterator[str]:
        """Server-sent events for one page, until its reader goes away."""
        page = Page(topics)
        self._pages.add(page)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        try:
            yield "retry: 2000\n\n"
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        await page.wake.wait()
                if not page.changed:
                    yield ": still here\n\n"
                    continue
                page.wake.clear()
                changed, page.changed = sorted(page.changed), set()
                yield f"data: {json.dumps(changed)}\n\n"
                await asyncio.sleep(MERGE_S)
        finally:
            self._pages.discard(page)

    async def _read(self) -> None:
        """Listen while anyone is interested. After a gap every page is told that all of its topics may have changed."""
        while self._pages:
            try:
                async with redis.asyncio.Redis.from_url(
                    settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=10
                ) as connection:
                    pubsub = connection.pubsub()
                    await pubsub.subscribe(CHANNEL)
                    self._hand_out(None)
                    while self._pages:
                        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=5.0)
                        if message:
                            self._hand_out(json.loads(message["data"]))
            except (redis.RedisError, OSError, ValueError) as exc:
                log.warning("live_stream_lost", extra={"error": str(exc)})
                self._hand_out(None)
                await asyncio.sleep(RECONNECT_S)

    def _hand_out(self, topics: list[str] | None) -> None:
        # As a set: a page has a few topics, a message of a storm hundreds.
        changed = None if topics is None else frozenset(topics)
        for page in self._pages:
            hit = page.topics if changed is None else page.topics & changed
            if hit:
                page.changed |= hit
                page.wake.set()


hub = Hub()
