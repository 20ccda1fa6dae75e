"""`python -m scripts.demo_load` (behind `make demo-load`): a service that is scaled, and the load that it is scaled by.

Publishes the demo service on the running copy of Ocean (OCEAN_VAR says which), with a policy that holds 60 requests a
second for each instance, which can do 100; then sends requests to its instances' ports, as a balancer would: a calm
while, five times as much, and calm again. Prints what happens as it does, the loop's own words among it.

The defaults tell one story in three and a half minutes: 1 instance, 3 of them seconds after the step, which stay for as
long as it lasts, and 1 again once the load has been low for the policy's look-back of a minute. 28 requests/s are fewer
than half of what is to be held, so that not even a trend of twice as many (the most that is ever forecast) asks for a
second instance; 140 ask for three and leave room for the noise of random requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

CHECKOUT = Path(__file__).resolve().parent.parent
SERVICE = CHECKOUT / "sandbox" / "demo" / "service.py"
TAG = "job.shop_service.demo_cluster.staging_pdl.ocean_owt.inf_cop.xiaomi"
JOB = {
    "product_line": "pdl.ocean_owt.inf_cop.xiaomi",
    "service": "demo",
    "cluster": "staging",
    "name": "shop",
    "spec": {
        "command": f"exec {sys.executable} {SERVICE}",
        "cpus": 0.2,
        "memory_mib": 128,
        "instances": 1,
        "ports": [{"name": "http"}],
        "health_checks": [
            {"type": "http", "port": "http", "path": "/health", "grace_s": 30, "interval_s": 2}
        ],
    },
}
POLICY = {"metric": "qps", "mode": "target", "target": 60, "min": 1, "max": 8, "window_s": 60}
LOOK_EVERY_S = 1.0
SAY_EVERY_S = 5.0
SAMPLE_EVERY_S = 5.0
"""The service measures itself at each multiple of this; a load that changes there shows as one clean step."""
ANSWER_WITHIN_S = 15.0
RUNS_WITHIN_S = 120.0


@dataclass(slots=True)
class Tally:
    """What the service answered since the last line."""

    took_ms: list[float] = field(default_factory=list)
    failed: int = 0

    def take(self) -> str:
        took, failed = sorted(self.took_ms), self.failed
        self.took_ms, self.failed = [], 0
        if not took and not failed:
            return "no answer yet"
        p99 = f"p99 {took[int(len(took) * 0.99)]:.0f} ms" if took else "none answered"
        return f"{p99}, {failed} failed" if failed else p99


class Demo:
    """The running copy, by its API."""

    def __init__(self, session: aiohttp.ClientSession, *, web: int, token: str) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{web}/api/v1/"
        self._headers = {"Authorization": f"Token {token}", "Accept-Language": "en"}
        self.targets: list[str] = []
        self.counts: dict[str, int] = {}
        self.tally = Tally()
        self._said = 0
        self._changed_s = 0.0

    async def call(self, method: str, path: str, body: Any = None, *, fine: Sequence[int] = ()) -> Any:
        """The answer's JSON; None for a status that is `fine` all the same. Ends the program with any other's words."""
        async with self._session.request(
            method, self._url + path, json=body, headers=self._headers
        ) as answer:
            if answer.status in fine:
                return None
            if answer.status >= 400:
                raise SystemExit(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def prepare(self) -> None:
        """The service runs, with its policy."""
        if await self.call("GET", f"jobs/{TAG}/", fine=[404]) is None:
            await self.call("POST", "jobs/", JOB)
        job = await self.call("GET", f"jobs/{TAG}/")
        if not job["instances"]["wanted"]:
            await self.call("POST", f"jobs/{TAG}/publish/", {}, fine=[409])
        await self.call("PUT", f"jobs/{TAG}/scaling/", POLICY)
        newest = await self.call("GET", f"jobs/{TAG}/scaling/history/?acted=true&page_size=1")
        self._said = max((row["id"] for row in newest["results"]), default=0)
        until = time.monotonic() + RUNS_WITHIN_S
        while not self.targets:
            if time.monotonic() > until:
                job = await self.call("GET", f"jobs/{TAG}/")
                why = "; ".join(problem["what"] for problem in job["problems"])
                raise SystemExit(f"{TAG} does not run after {RUNS_WITHIN_S:.0f} s: {why or job['state']}")
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Where its healthy instances are, and what the loop has done."""
        rows = (await self.call("GET", f"jobs/{TAG}/instances/?page_size=100"))["results"]
        self.targets = [
            f"http://127.0.0.1:{row['ports'][0]}/"
            for row in rows
            if row["state"] == "running" and row["healthy"]
        ]
        self.counts = (await self.call("GET", f"jobs/{TAG}/"))["instances"]
        decisions = await self.call("GET", f"jobs/{TAG}/scaling/history/?acted=true&page_size=5")
        for row in reversed(decisions["results"]):
            if row["id"] > self._said:
                self._said = row["id"]
                since_s = datetime.fromisoformat(row["time"]).timestamp() - self._changed_s
                say(f"    {row['text']} ({since_s:.1f} s after the load changed)")

    async def request(self, place: int) -> None:
        """One request; as a balancer would, it goes to another instance where one does not listen any more."""
        began = time.monotonic()
        good = False
        while self.targets:
            url = self.targets[place % len(self.targets)]
            try:
                async with self._session.get(url) as answer:
                    await answer.read()
                    good = answer.status == 200
            except aiohttp.ClientConnectionError:
                self.targets = [target for target in self.targets if target != url]
                continue
            except (aiohttp.ClientError, TimeoutError):
                pass
            break
        if good:
            self.tally.took_ms.append((time.monotonic() - began) * 1000)
        else:
            self.tally.failed += 1

    async def load(self, rate: float, seconds: float) -> None:
        """Requests at random moments, so many a second on average, to one instance after the other."""
        self._changed_s = time.time()
        due = time.monotonic()
        ends, say_at, look_at = due + seconds, due + SAY_EVERY_S, due
        running: set[asyncio.Task[None]] = set()
        place = count()
        while (now := time.monotonic()) < ends:
            if now >= look_at:
                look_at = now + LOOK_EVERY_S
                _keep(running, self.look())
            if now >= say_at:
                say_at += SAY_EVERY_S
                counts = self.counts
                say(
                    f"{rate:4.0f} requests/s: {counts['healthy']} of {counts['wanted']} instances, {self.tally.take()}"
                )
            due += random.expovariate(rate)
            if due > now:
                await asyncio.sleep(due - now)
            if self.targets:
                _keep(running, self.request(next(place)))
        await asyncio.gather(*running, return_exceptions=True)


def _keep(running: set[asyncio.Task[None]], work: Any) -> None:
    task = asyncio.ensure_future(work)
    running.add(task)
    task.add_done_callback(running.discard)


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stdout.flush()


async def run(options: argparse.Namespace) -> None:
    folder = Path(os.environ.get("OCEAN_VAR") or CHECKOUT / "var")
    try:
        ports = json.loads((folder / "ports.json").read_text())
        token = json.loads((folder / "demo.json").read_text())[options.person]["token"]
    except (OSError, ValueError, KeyError) as exc:
        raise SystemExit(f"Ocean does not run with {folder} (`make run` starts it): {exc}") from exc
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        demo = Demo(session, web=ports["web"], token=token)
        await demo.prepare()
        say(f"http://127.0.0.1:{ports['web']}/jobs/{TAG}/scaling/")
        await asyncio.sleep(SAMPLE_EVERY_S - time.time() % SAMPLE_EVERY_S)
        for words, rate, seconds in (
            ("a calm while", options.rate, options.calm),
            (f"{options.times:g} times as much", options.rate * options.times, options.high),
            ("calm again", options.rate, options.after),
        ):
            say(f"{words}: {rate:g} requests/s for {seconds:g} s")
            await demo.load(rate, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.demo_load", description=__doc__)
    for name, default, words in (
        ("rate", 28, "requests a second while it is calm"),
        ("times", 5, "so many times as much after the step"),
        ("calm", 30, "seconds before the step"),
        ("high", 75, "seconds that it lasts"),
        ("after", 100, "seconds of calm after it"),
    ):
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{words} (default: {default})")
    parser.add_argument("--person", default="dev", help="a demo person (default: dev)")
    try:
        asyncio.run(run(parser.parse_args()))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except aiohttp.ClientConnectionError as exc:
        raise SystemExit(f"Ocean does not answer (`make run` starts it): {exc}") from exc


if __name__ == "__main__":
    main()
