"""C7, callbacks: all jobs breach at once, and Falcon's alarm calls for each: 1,000 callbacks a second for 10 s, 5 % of
them twice, 5 % late. Each is answered within 5 ms (p99) of being sent, however much the loop has to do; each job is
scaled once and to the one number, none is lost. (Alarm itself calls one after the other; here eight connections call,
each at its time.)"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from apps.elastic.falcon.signing import Ring, callback_url
from bench.company import SEED
from bench.figures import Figure, percentile
from bench.house import House, house
from bench.options import Options
from embedded.waiting import wait_until

SECONDS = 10
CONNECTIONS = 8
TWICE = LATE = 0.05
GIVEN_UP_AFTER_S = 30.0
"""Nothing was scaled for so long: six of the loop's ticks."""


@dataclass(slots=True)
class Heard:
    """Seconds from each call to its answer, and what was answered."""

    took_s: list[float] = field(default_factory=list)
    results: dict[str, int] = field(default_factory=dict)


def run(options: Options) -> Iterator[Figure]:
    rate = options.size.jobs // SECONDS
    with house(options.size, marathon=False) as (built, _marathon):
        built.python("bench.seed", "company", "--size", options.size_name)
        built.web()
        loop = built.module("bench.scaling_loop", "breach")
        rows = built.connect().cursor()
        wait_until(lambda: bool(built.said("bench.scaling_loop")), what="policies", timeout_s=120)
        [jobs] = [json.loads(line)["jobs"] for line in built.said("bench.scaling_loop")[:1]]
        rows.execute("SELECT job_id, callback_key FROM elastic_scalingpolicy ORDER BY job_id")
        rings = [Ring(*row) for row in rows.fetchall()]
        heard = asyncio.run(_call(built, rings, rate=rate))
        began = time.monotonic()
        scaled_s = _settled_s(rows, jobs=jobs, began=began)
        loop.end()
        rows.execute(
            """SELECT count(*) FILTER (WHERE asked > 1), count(*) FILTER (WHERE asked = 0)
                 FROM (SELECT policy.job_id, count(operation.id) AS asked
                         FROM elastic_scalingpolicy AS policy
                    LEFT JOIN core_operation AS operation
                           ON operation.target_type = 'job' AND operation.target_id = policy.job_id
                          AND operation.kind = 'job.scale' AND operation.idempotency_key LIKE 'scaling:%'
                     GROUP BY policy.job_id) AS each"""
        )
        [(doubled, lost)] = rows.fetchall()
    note = ", ".join(f"{count} {result}" for result, count in sorted(heard.results.items()))
    yield Figure("C7", f"{rate} callbacks/s: answered, p50", percentile(heard.took_s, 50) * 1000, "ms")
    yield Figure(
        "C7", f"{rate} callbacks/s: answered, p99", percentile(heard.took_s, 99) * 1000, "ms", "<=", 5,
        note=note,
    )  # fmt: skip
    yield Figure("C7", "decisions lost", lost, "", "=", 0)
    yield Figure("C7", "decisions doubled", doubled, "", "=", 0)
    yield Figure("C7", f"until {jobs} jobs were scaled, after the last callback", scaled_s, "s")


def _settled_s(rows: Any, *, jobs: int, began: float) -> float:
    """Until every job was scaled, or nothing more has come of it for a while: the rest is lost."""
    scaled, news = 0, time.monotonic()

    def settled() -> bool:
        nonlocal scaled, news
        before, scaled = scaled, _scaled(rows)
        if scaled != before:
            news = time.monotonic()
        return scaled >= jobs or time.monotonic() - news > GIVEN_UP_AFTER_S

    wait_until(settled, what="the loop came to an end", timeout_s=900)
    return max(0.0, news - began)


def _scaled(rows: Any) -> int:
    rows.execute("SELECT count(*) FROM core_operation WHERE idempotency_key LIKE 'scaling:%'")
    return int(rows.fetchone()[0])


async def _call(built: House, rings: list[Ring], *, rate: int) -> Heard:
    """Call for each job at its time, over some connections that are kept."""
    dice = random.Random(SEED)
    requests = [request for ring in rings for request in _requests(built, ring, dice)]
    heard = Heard()
    queue: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    start = time.perf_counter() + 0.2
    for place, request in enumerate(requests):
        queue.put_nowait((start + place / rate, request))
    for _ in range(CONNECTIONS):
        queue.put_nowait(None)
    await asyncio.gather(*(_connection(built, queue, heard) for _ in range(CONNECTIONS)))
    return heard


def _requests(built: House, ring: Ring, dice: random.Random) -> Iterator[bytes]:
    secret = built.environment["OCEAN_SECRET_KEY"]
    own = urlsplit(callback_url(built.url, ring, secret=secret))
    late = dice.random() < LATE
    at = datetime.now(UTC) - timedelta(minutes=5 if late else 0)
    said = {
        "endpoint": f"task-{ring.job_id}",
        "metric": "cpu.busy",
        "status": "OK" if late else "PROBLEM",
        "step": 1,
        "priority": 0,
        "time": f"{at:%Y-%m-%d %H:%M:%S}",
        "tpl_id": 3,
        "exp_id": 0,
        "stra_id": 12,
        "left_value": 95,
        "tags": "",
    }
    path = f"{own.path}?{own.query}&{urlencode(said)}"
    request = f"GET {path} HTTP/1.1\r\nHost: {own.netloc}\r\nUser-Agent: beegoServer\r\n\r\n".encode()
    for _ in range(2 if dice.random() < TWICE else 1):
        yield request


async def _connection(built: House, queue: asyncio.Queue[tuple[float, bytes] | None], heard: Heard) -> None:
    address = urlsplit(built.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    while (item := await queue.get()) is not None:
        due, request = item
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        sent = time.perf_counter()
        writer.write(request)
        status = int((await reader.readline()).split()[1])
        length = 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = json.loads(await reader.readexactly(length))
        heard.took_s.append(time.perf_counter() - sent)
        result = body.get("result", str(status))
        heard.results[result] = heard.results.get(result, 0) + 1
    writer.close()
