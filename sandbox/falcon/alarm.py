"""Alarm: takes events from two queues, one after the other in each: archive, action, callback. No retries.

Source: falcon-plus modules/alarm/cron/{event_reader,event_consumer,callback}.go, toolkits/net httplib.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from sandbox.falcon.judge import Event
from sandbox.falcon.portal.tables import Action, Tables

log = logging.getLogger(__name__)

HIGH, LOW = range(3), range(3, 7)
CONNECT_TIMEOUT_S = 3.0
TIMEOUT_S = 20.0
_CASES_KEPT = 5_000
_EVENTS_KEPT = 50
_CALLS_KEPT = 200


class Alarm:
    """`blocked` says whether callbacks are held back on purpose."""

    def __init__(self, tables: Tables, *, blocked: Callable[[], bool]) -> None:
        self._tables = tables
        self._blocked = blocked
        self._queues: dict[int, deque[Event]] = {priority: deque() for priority in (*HIGH, *LOW)}
        self._arrived = {HIGH: asyncio.Event(), LOW: asyncio.Event()}
        self._cases: dict[str, dict[str, Any]] = {}
        self._events: dict[str, deque[dict[str, Any]]] = {}
        self.calls: deque[dict[str, Any]] = deque(maxlen=_CALLS_KEPT)

    def push(self, event: Event) -> None:
        """Another priority than 0 to 6 is never consumed."""
        queue = self._queues.get(event.rule.priority)
        if queue is not None:
            queue.append(event)
            self._arrived[HIGH if event.rule.priority in HIGH else LOW].set()

    async def run(self) -> None:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
            headers={"User-Agent": "beegoServer"},
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            await asyncio.gather(self._consume(HIGH, session), self._consume(LOW, session))

    def cases(self) -> list[dict[str, Any]]:
        return list(self._cases.values())

    def events(self, event_id: str) -> list[dict[str, Any]]:
        return list(self._events.get(event_id, ()))

    def waiting(self) -> dict[str, int]:
        return {f"event:p{priority}": len(queue) for priority, queue in self._queues.items()}

    async def _consume(self, priorities: range, session: aiohttp.ClientSession) -> None:
        """Of several queues the first that has something, so a lower number goes first."""
        arrived = self._arrived[priorities]
        while True:
            await arrived.wait()
            arrived.clear()
            while event := self._next(priorities):
                try:
                    await self._handle(event, session)
                except Exception:
                    log.exception("event_failed", extra={"event": event.id})

    def _next(self, priorities: range) -> Event | None:
        return next((self._queues[p].popleft() for p in priorities if self._queues[p]), None)

    async def _handle(self, event: Event, session: aiohttp.ClientSession) -> None:
        self._archive(event)
        # Looked up anew for each event; one that was deleted reads as an empty one, and nothing is called.
        action = self._tables.actions.get(event.rule.action_id)
        if action is not None and action.callback == 1 and action.url:
            await self._call(event, action, session)

    async def _call(self, event: Event, action: Action, session: aiohttp.ClientSession) -> None:
        if self._blocked():
            return
        url = callback_url(action.url, event)
        call: dict[str, Any] = {"url": url, "event": event.id, "status": None, "error": ""}
        self.calls.append(call)
        try:
            async with session.get(URL(url, encoded=True)) as response:
                await response.read()
                call["status"] = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            call["error"] = str(error) or type(error).__name__
            log.warning("callback_failed", extra={"url": url, "error": call["error"]})

    def _archive(self, event: Event) -> None:
        rule = event.rule
        template = rule.template or {}
        earlier = self._cases.pop(event.id, None)
        self._cases[event.id] = {
            "id": event.id,
            "endpoint": event.endpoint,
            "metric": rule.metric,
            "func": rule.func,
            "cond": f"{event.value:g} {rule.operator} {rule.threshold:g}",
            "note": rule.note,
            "max_step": rule.max_step,
            "current_step": event.step,
            "priority": rule.priority,
            "status": event.status,
            "timestamp": earlier["timestamp"] if earlier else event.time,
            "update_at": event.time,
            "process_note": 0,
            "process_status": "unresolved",
            "tpl_creator": template.get("creator", ""),
            "expression_id": 0 if rule.is_strategy else rule.id,
            "strategy_id": rule.id if rule.is_strategy else 0,
            "template_id": template.get("id", 0),
        }
        self._events.setdefault(event.id, deque(maxlen=_EVENTS_KEPT)).appendleft(
            {
                "event_caseId": event.id,
                "step": event.step,
                "cond": self._cases[event.id]["cond"],
                "status": 0 if event.status == "PROBLEM" else 1,
                "timestamp": event.time,
            }
        )
        if len(self._cases) > _CASES_KEPT:
            oldest = next(iter(self._cases))
            del self._cases[oldest], self._events[oldest]


def callback_url(url: str, event: Event) -> str:
    """The action's URL with what upstream adds, in no order; nothing signed, no epoch, no threshold."""
    rule = event.rule
    tags = [f"{key}:{value}" for key, value in event.tags]
    parameters = [
        ("endpoint", event.endpoint),
        ("metric", rule.metric),
        ("status", event.status),
        ("step", str(event.step)),
        ("priority", str(rule.priority)),
        ("time", datetime.fromtimestamp(event.time).strftime("%Y-%m-%d %H:%M:%S")),  # noqa: DTZ006 - local, as upstream
        ("tpl_id", str(rule.template["id"] if rule.template else 0)),
        ("exp_id", str(0 if rule.is_strategy else rule.id)),
        ("stra_id", str(rule.id if rule.is_strategy else 0)),
        ("left_value", readable(event.value)),
        ("tags", ",".join(random.sample(tags, len(tags)))),
    ]
    random.shuffle(parameters)
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def readable(value: float) -> str:
    """At most five decimals, no zeros at the end."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
