"""`python -m bench.marathon --apps 10000 --per-app 10`: the pretended Marathon (and Mesos master), in a process of its
own. Prints its port as JSON when ready, then one line for each probe: `[time, app, task, state]`.

Beside Marathon's own paths: POST /bench/storm {"rate","seconds","reorder","repeat"}, POST /bench/cut,
POST /bench/replace {"app"}, GET /bench/state (the truth), GET /bench/count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bench.company import host
from bench.marathon.state import Event, State

TICK_S = 0.005
UNDELIVERED = 1024
"""A reader that is so many events behind is cut, as by Marathon 1.8+."""
SLICE = 50
PROBES_A_SECOND = 200


class Reader:
    """One open event stream."""

    def __init__(self, response: web.StreamResponse, transport: asyncio.WriteTransport) -> None:
        self.response, self.transport = response, transport
        transport.set_write_buffer_limits(high=1 << 30)
        self.over = asyncio.Event()


@web.middleware
async def _may_hang_up(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A client that leaves in the middle of an answer is nothing to tell of."""
    try:
        return await handler(request)
    except ConnectionError:
        return web.Response()  # which nobody reads


class Fake:
    def __init__(self, state: State) -> None:
        self.state = state
        self.readers: set[Reader] = set()
        self.made = self.cut = 0
        self.held: list[Event] = []
        self.told: set[str] = set()
        agents = [_agent(number) for number in range(state.hosts)]
        self.agents = json.dumps({"slaves": agents}).encode()

    def application(self) -> web.Application:
        application = web.Application(middlewares=[_may_hang_up])
        application.add_routes(
            [
                web.get("/v2/info", self.info),
                web.get("/v2/apps", self.apps),
                web.get("/v2/apps/{id:.+}", self.app),
                web.get("/v2/events", self.events),
                web.get("/v2/queue", lambda _: _answer('{"queue":[]}')),
                web.get("/v2/deployments", lambda _: _answer("[]")),
                web.get("/state-summary", lambda _: _answer(self.agents.decode())),
                web.post("/bench/storm", self.begin),
                web.post("/bench/cut", self.end_streams),
                web.post("/bench/replace", self.replace),
                web.get("/bench/state", self.truth),
                web.get("/bench/count", self.count),
            ]
        )
        return application

    async def info(self, _: web.Request) -> web.StreamResponse:
        return await _answer('{"version":"1.11.24","name":"marathon","leader":"127.0.0.1","elected":true}')

    async def apps(self, request: web.Request) -> web.StreamResponse:
        """Streamed, with the loop free in between: events go on meanwhile."""
        tasks = "apps.tasks" in request.query.getall("embed", [])
        part, chosen = request.query.get("id", ""), request.query.get("label", "")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        found = [app for app in self.state.apps if part in app.id] if part else self.state.apps
        if chosen:
            tags = chosen.removeprefix("OCEAN_TAG in (").removesuffix(")").split(",")
            found = [self.state.by_tag[tag] for tag in tags if tag in self.state.by_tag]
        first = True
        await response.write(b'{"apps":[')
        for start in range(0, len(found), SLICE):
            texts = (app.json(wanted=self.state.per_app, tasks=tasks) for app in found[start : start + SLICE])
            piece = ",".join(texts)
            await response.write(("" if first else ",").encode() + piece.encode())
            await asyncio.sleep(0)
            first = False
        await response.write(b"]}")
        await response.write_eof()
        return response

    async def app(self, request: web.Request) -> web.StreamResponse:
        found = self.state.by_id.get("/" + request.match_info["id"].strip("/"))
        if found is None:
            return web.json_response({"message": "App does not exist"}, status=404)
        return await _answer(f'{{"app":{found.json(wanted=self.state.per_app, tasks=True)}}}')

    async def events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream;charset=utf-8"})
        response.force_close()
        await response.prepare(request)
        assert isinstance(request.transport, asyncio.WriteTransport)
        reader = Reader(response, request.transport)
        self.readers.add(reader)
        try:
            while not reader.over.is_set():
                try:
                    await asyncio.wait_for(reader.over.wait(), 5.0)
                except TimeoutError:
                    await response.write(b"\r\n")
        finally:
            self.readers.discard(reader)
        return response

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Answers when the storm is over."""
        wishes = await request.json()
        await self._blow(**wishes)
        return await _answer("{}")

    async def end_streams(self, _: web.Request) -> web.StreamResponse:
        for reader in self.readers:
            reader.over.set()
            reader.transport.abort()
        return await _answer("{}")

    async def replace(self, request: web.Request) -> web.StreamResponse:
        app = self.state.apps[(await request.json())["app"]]
        before = set(app.tasks)
        self._send(self.state.replace_one(app.number))
        [port] = [task.port for task in app.tasks.values() if task.id not in before]
        return await _answer(json.dumps({"port": port}))

    async def truth(self, _: web.Request) -> web.StreamResponse:
        found = {
            app.id: [
                [task.id, task.state.lower(), task.host, task.port, task.healthy]
                for task in app.tasks.values()
            ]
            for app in self.state.apps
        }
        return await _answer(json.dumps(found))

    async def count(self, _: web.Request) -> web.StreamResponse:
        return await _answer(json.dumps({"made": self.made, "cut": self.cut, "readers": len(self.readers)}))

    async def _blow(self, *, rate: float, seconds: float, reorder: float = 0.0, repeat: float = 0.0) -> None:
        """`rate` events a second for `seconds`, then, as fast, what is under way comes to its end."""
        probe_each = max(1, round(rate / PROBES_A_SECOND))
        async for due in _ticks(rate, seconds):
            events = self._spoilt(self.state.events(due), reorder=reorder, repeat=repeat)
            self._send(events, probe_each=probe_each)
        rest = self.state.settle()
        async for due in _ticks(rate):
            if not (last := list(islice(rest, due))):
                break
            self._send(last, probe_each=probe_each)
        self._send(self.held)
        self.held = []

    def _spoilt(self, events: Iterable[Event], *, reorder: float, repeat: float) -> Iterable[Event]:
        """Some come twice, some only after everything of the next tick."""
        late, self.held = self.held, []
        chance = self.state.random.random
        for event in events:
            if reorder and chance() < reorder:
                self.held.append(event)
                continue
            yield event
            if repeat and chance() < repeat:
                yield event
        yield from late

    def _send(self, events: Iterable[Event], *, probe_each: int = 1) -> None:
        frames: list[bytes] = []
        probes: list[str] = []
        for event in events:
            self.made += 1
            frames.append(event.frame)
            if event.probe is not None and self._is_worth_telling(event.probe, probe_each):
                probes.append(json.dumps([time.time(), *event.probe]))
        data = b"".join(frames)
        too_much = UNDELIVERED * (len(data) // len(frames) if frames else 1)
        for reader in tuple(self.readers):
            if reader.transport.is_closing():
                continue
            waiting = reader.transport.get_write_buffer_size()
            if waiting > too_much:
                self.cut += 1
                reader.over.set()
                reader.transport.abort()
            else:
                reader.transport.write(_chunk(data))
        if probes:
            sys.stdout.write("\n".join(probes) + "\n")
            sys.stdout.flush()

    def _is_worth_telling(self, probe: tuple[int, str, str], probe_each: int) -> bool:
        """Some of the starts and ends; and, of each start that was told of, that it is over."""
        _app, task, state = probe
        if state in ("KILLING", "FAILED") and task in self.told:
            self.told.discard(task)
            return True
        if state not in ("RUNNING", "KILLED") or self.made % probe_each:
            return False
        if state == "RUNNING":
            self.told.add(task)
        return True


async def _ticks(rate: float, seconds: float = math.inf) -> AsyncIterator[int]:
    """How many events are due, again and again."""
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(rate * passed) - sent
        if due > 0:
            sent += due
            yield due
        await asyncio.sleep(TICK_S)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


async def _answer(text: str) -> web.StreamResponse:
    return web.Response(text=text, content_type="application/json")


def _agent(number: int) -> dict[str, Any]:
    return {
        "id": f"S{number}",
        "hostname": host(number),
        "pid": f"slave(1)@10.0.{number // 250}.{number % 250}:5051",
        "active": True,
        "attributes": {"rack": f"r{number % 50}"},
        "resources": {"cpus": 64.0, "mem": 262144.0, "disk": 1048576.0, "ports": "[20000-30000]"},
        "used_resources": {"cpus": 2.0, "mem": 640.0, "disk": 0.0},
        "registered_time": 1700000000.0,
        "TASK_RUNNING": 20,
    }


async def serve(options: argparse.Namespace) -> None:
    fake = Fake(State(apps=options.apps, per_app=options.per_app, hosts=options.hosts))
    runner = web.AppRunner(fake.application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.marathon", description=__doc__)
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--per-app", type=int, default=10)
    parser.add_argument("--hosts", type=int, default=500)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
