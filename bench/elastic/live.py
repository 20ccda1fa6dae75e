"""The simulator's step x3, in earnest: a service of known capacity on the sandbox, scaled by the running Ocean, under
Poisson arrivals. What is measured is what the simulator computes: by the 5 s, whether the p99 of the wait for a worker
was at most 250 ms.

Each request goes to the instance with the fewest under way, as a balancer's `leastconn` does; the simulator shares the
backlog between all that serve, to which that is nearest.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.elastic.model import CAPACITY, SLO_DELAY_S
from bench.elastic.traces import BIN_S

LOOK_EVERY_S = 0.5
GIVES_UP_AFTER_S = 20.0
_WAIT = re.compile(r"wait;dur=([\d.]+)")
_NEVER = math.inf


@dataclass(slots=True)
class Seen:
    """What the mirror said at a moment."""

    at_s: float
    wanted: int
    healthy: int


@dataclass(slots=True)
class Live:
    """One run: `rates` are requests/s, one each 5 s. Times are seconds since the first bin."""

    job_url: str
    token: str
    rates: Sequence[float]
    seed: int = 1
    waits: dict[int, list[float]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    sent: int = 0
    failed: int = 0
    _under_way: dict[str, int] = field(default_factory=dict)
    _began: float = 0.0

    def run(self) -> None:
        asyncio.run(self._run())

    def bad_bins(self) -> list[int]:
        """Those whose requests waited too long."""
        return [number for number, waits in sorted(self.waits.items()) if _p99(waits) > SLO_DELAY_S]

    def startup_s(self, *, after_s: float) -> float:
        """From the first order after that moment to when as many were healthy."""
        before = max((seen for seen in self.seen if seen.at_s <= after_s), key=lambda seen: seen.at_s)
        ordered = next(s for s in self.seen if s.at_s > after_s and s.wanted > before.wanted)
        return (
            next(s.at_s for s in self.seen if s.at_s > ordered.at_s and s.healthy >= ordered.wanted)
            - ordered.at_s
        )

    def ordered_s(self, *, after_s: float) -> float:
        """From that moment to the first order that the mirror shows."""
        before = [seen.wanted for seen in self.seen if seen.at_s <= after_s][-1]
        return next(s.at_s for s in self.seen if s.at_s > after_s and s.wanted > before) - after_s

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=GIVES_UP_AFTER_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            await self._look(session)
            # Bins begin where samples end, as the simulator's do.
            await asyncio.sleep(BIN_S - time.time() % BIN_S)
            self._began = time.monotonic()
            looking = asyncio.create_task(self._keep_looking(session))
            await self._send(session)
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _send(self, session: aiohttp.ClientSession) -> None:
        draw = random.Random(self.seed)
        running: set[asyncio.Task[None]] = set()
        due = 0.0
        while (number := int(due // BIN_S)) < len(self.rates):
            late = self._began + due - time.monotonic()
            if late > 0:
                await asyncio.sleep(late)
            elif self.sent % 50 == 0:
                await asyncio.sleep(0)
            task = asyncio.create_task(self._request(session, number))
            running.add(task)
            task.add_done_callback(running.discard)
            self.sent += 1
            due += draw.expovariate(self.rates[number])
        await asyncio.gather(*running)

    async def _request(self, session: aiohttp.ClientSession, number: int) -> None:
        waited = _NEVER
        while self._under_way:
            url = min(self._under_way, key=lambda each: (self._under_way[each], random.random()))
            self._under_way[url] += 1
            try:
                async with session.get(url) as answer:
                    await answer.read()
                    found = _WAIT.search(answer.headers.get("Server-Timing", ""))
                    if answer.status == 200 and found:
                        waited = float(found[1]) / 1000
                break
            except aiohttp.ClientConnectionError:
                self._under_way.pop(url, None)  # it has gone: another takes the request
            except (aiohttp.ClientError, TimeoutError):
                break
            finally:
                if self._under_way.get(url):
                    self._under_way[url] -= 1
        self.failed += waited == _NEVER
        self.waits.setdefault(number, []).append(waited)

    async def _keep_looking(self, session: aiohttp.ClientSession) -> None:
        while True:
            await self._look(session)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, session: aiohttp.ClientSession) -> None:
        rows = (await self._get(session, "instances/?page_size=100"))["results"]
        healthy = {
            f"http://127.0.0.1:{row['ports'][0]}/"
            for row in rows
            if row["state"] == "running" and row["healthy"]
        }
        self._under_way = {url: self._under_way.get(url, 0) for url in healthy}
        counts = (await self._get(session, ""))["instances"]
        self.seen.append(Seen(time.monotonic() - self._began, counts["wanted"], counts["healthy"]))

    async def _get(self, session: aiohttp.ClientSession, path: str) -> Any:
        headers = {"Authorization": f"Token {self.token}"}
        async with session.get(self.job_url + path, headers=headers) as answer:
            answer.raise_for_status()
            return await answer.json()


def _p99(waits: Sequence[float]) -> float:
    return sorted(waits)[math.ceil(len(waits) * 0.99) - 1]


def instances_at_first(rate: float, *, set_point: float) -> int:
    """As the simulator begins: what holds the set-point."""
    return math.ceil(rate / (set_point * CAPACITY))
