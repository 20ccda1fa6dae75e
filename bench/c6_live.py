"""C6, live pages: 200 pages open during the storm of C2 (2,000 events/s); from when the pretended Marathon makes an
event until a page that follows the job is told, p99 at most 1 s, with at most one core for the web processes. The pages
are light clients of `/live/`, which follow ten jobs each; one is a real Chromium on a job's page, in which the new
instance must be seen. (A light client does not fetch its fragment anew: what that costs is C4's business.)"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp
from playwright.sync_api import sync_playwright

from bench.company import CLUSTER, SEED, line, name, service
from bench.figures import Figure, percentile
from bench.mirrored import Lag, Mirrored, mirrored
from bench.options import Options
from bench.people import signed_in

FOLLOWED = 10
JUST_BEFORE_S = 0.05
"""A page may be told a moment before we have seen the change in the database ourselves."""
LOOKS = 10


@dataclass(slots=True)
class Pages:
    """What the light clients were told, and how long after the events."""

    seconds: list[float] = field(default_factory=list)
    messages: int = 0
    _open: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    _told: dict[int, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    followed: set[int] = field(default_factory=set)

    def visible(self, at: float, job: int, now: float) -> None:
        """The change of `at` is in the database."""
        if job not in self.followed:
            return
        with self._lock:
            told = self._told.get(job, 0.0)
            if told >= now - JUST_BEFORE_S:
                self.seconds.append(max(told, at) - at)
            else:
                self._open[job].append(at)

    def told(self, topics: list[str]) -> None:
        now = time.time()
        with self._lock:
            self.messages += 1
            for topic in topics:
                kind, _, number = topic.partition(":")
                if kind != "job":
                    continue
                self._told[int(number)] = now
                self.seconds += [now - at for at in self._open.pop(int(number), ())]


def run(options: Options) -> Iterator[Figure]:
    seconds = options.lasting(full=60, small=20)
    clients = 200 if options.full else 50
    with mirrored(options) as found:
        web = found.house.web()
        lag, pages = Lag(found.house, found.marathon), Pages()
        lag.on_visible = pages.visible
        with lag.measuring(), _open_pages(found, lag, pages, clients):
            before_s = web.cpu_s
            storm = threading.Thread(
                target=found.marathon.post, args=["storm"], kwargs={"rate": 2000, "seconds": seconds}
            )
            storm.start()
            seen = _chromium(found)
            storm.join()
            cores = (web.cpu_s - before_s) / seconds
            lag.drained_s(at_most_s=10)
        note = f"{len(pages.seconds)} changes, {pages.messages / seconds / clients:.1f} messages a page and second"
        yield Figure("C6", f"{clients} pages, change to page: p50", percentile(pages.seconds, 50), "s")
        yield Figure(
            "C6", f"{clients} pages, change to page: p99", percentile(pages.seconds, 99), "s", "<=", 1, note
        )
        yield Figure("C6", "change to what Chromium shows: slowest", max(seen), "s", note=f"of {len(seen)}")
        yield Figure("C6", "cores of the web processes", cores, "", "<=", 1)


@contextmanager
def _open_pages(found: Mirrored, lag: Lag, pages: Pages, count: int) -> Iterator[None]:
    """The light clients, in a thread with a loop of its own."""
    clients = _Clients(found, lag, pages, count)
    thread = threading.Thread(target=lambda: asyncio.run(clients.run()), daemon=True)
    thread.start()
    loop = clients.ready.result(60)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(clients.over.set)
        thread.join(10)


class _Clients:
    """`ready` gives the loop once every page is open; setting `over` in it ends them."""

    def __init__(self, found: Mirrored, lag: Lag, pages: Pages, count: int) -> None:
        self._found, self._lag, self._pages, self._count = found, lag, pages, count
        self.ready: Future[asyncio.AbstractEventLoop] = Future()
        self.over = asyncio.Event()

    async def run(self) -> None:
        house = self._found.house
        cookies = {cookie.name: cookie.value or "" for cookie in signed_in(house, "sre").cookies}
        chance = random.Random(SEED)
        jobs = sorted(self._lag.jobs.values())
        async with aiohttp.ClientSession(
            cookies=cookies,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
        ) as session:
            opened, readers = [], []
            for _ in range(self._count):
                followed = chance.sample(jobs, FOLLOWED)
                self._pages.followed.update(followed)
                url = f"{house.url}/live/?topics={','.join(f'job:{job}' for job in followed)}"
                opened.append(asyncio.Event())
                readers.append(asyncio.create_task(self._read(session, url, opened[-1])))
            await asyncio.gather(*(event.wait() for event in opened))
            self.ready.set_result(asyncio.get_running_loop())
            await self.over.wait()
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _read(self, session: aiohttp.ClientSession, url: str, opened: asyncio.Event) -> None:
        async with session.get(url) as answer:
            async for raw in answer.content:
                opened.set()
                if raw.startswith(b"data: "):
                    self._pages.told(json.loads(raw[6:]))


def _chromium(found: Mirrored) -> list[float]:
    """How long until a real page shows an instance that has just started."""
    house, number = found.house, 1
    tag = f"job.{name(number)}_service.{service(number)}_cluster.{CLUSTER}_pdl.{line(number)}_owt.company_cop.bench"
    session = signed_in(house, "sre")
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context()
        context.add_cookies(
            [{"name": c.name, "value": c.value or "", "url": house.url} for c in session.cookies]
        )
        page = context.new_page()
        page.goto(f"{house.url}/jobs/{tag}/")
        for _ in range(LOOKS):
            began = time.time()
            port = found.marathon.post("replace", app=number)["port"]
            page.wait_for_function(
                "port => document.body.innerText.includes(port)", arg=str(port), timeout=15_000
            )
            times.append(time.time() - began)
        browser.close()
    return times
