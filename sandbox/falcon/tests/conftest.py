"""A Falcon in the test's own event loop, and what its clients see."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.falcon.profile import FAST
from sandbox.falcon.server import Access, Falcon

QUICK = replace(
    FAST,
    hbs_reload_s=0.02,
    judge_reload_s=0.02,
    alarm_min_interval_s=0,
    aggregator_start_s=0,
    aggregator_reload_s=0.1,
    nodata_interval_s=0.1,
    nodata_reload_s=0.1,
)
ACCESS = Access(root_password="pw", default_token="token")


class Portal:
    """A Falcon's doors. `headers`: who is asking; the server's own token at first."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client
        self.headers = {"Apitoken": json.dumps({"name": "root", "sig": "token"})}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json", **self.headers}
        async with self.client.request(
            method, path, data=data, headers=headers, allow_redirects=False
        ) as reply:
            text = await reply.text()
            return reply.status, json.loads(text) if text else None

    async def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self.ask(method, f"/api/v1{path}", body)
        assert status == 200, answer
        return answer

    async def push(self, *samples: dict[str, Any]) -> dict[str, int]:
        items = [{"step": 5, "counterType": "GAUGE", "tags": "", **sample} for sample in samples]
        _, answer = await self.ask("POST", "/api/push", items)
        return {key: answer["data"][key] for key in ("Total", "Invalid")}

    async def watch(
        self, host: str, metric: str, *, url: str, func: str = "all(#1)", right_value: str = "80", **more: Any
    ) -> dict[str, int]:
        """A host in a group that is bound to a template with one strategy and a callback."""
        group = await self.done("POST", "/hostgroup", {"name": f"group-{host}"})
        await self.done("POST", "/hostgroup/host", {"hostgroup_id": group["id"], "hosts": [host]})
        template = await self.done("POST", "/template", {"name": f"template-{host}", "parent_id": 0})
        strategy = await self.done(
            "POST",
            "/strategy",
            {"tpl_id": template["id"], "metric": metric, "max_step": 3, "priority": 0, "func": func, "op": ">",
             "right_value": right_value, **more},
        )  # fmt: skip
        await self.done(
            "POST", "/template/action", {"tpl_id": template["id"], "uic": "", "url": url, "callback": 1}
        )
        await self.done("POST", "/hostgroup/template", {"tpl_id": template["id"], "grp_id": group["id"]})
        await eventually(lambda: self._is_watched(host, metric, strategy["id"]))
        return {"group": group["id"], "template": template["id"], "strategy": strategy["id"]}

    async def _is_watched(self, host: str, metric: str, strategy: int) -> bool:
        _, found = await self.ask("GET", f"/strategy/{host}/{metric}")
        return any(rule["id"] == strategy and rule["tpl"]["actionId"] for rule in found)


async def eventually(holds: Callable[[], Any], *, timeout_s: float = 5.0) -> None:
    """Wait for a condition, which may be a coroutine."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.01)


@pytest.fixture
def now() -> int:
    """The last multiple of the step."""
    return int(time.time()) // 5 * 5


@pytest.fixture
async def portal(tmp_path: Path) -> AsyncIterator[Portal]:
    falcon = Falcon(tmp_path, QUICK, ACCESS)
    await falcon.start()
    async with TestClient(TestServer(falcon.app)) as client:
        yield Portal(client)
    await falcon.stop()


class Receiver:
    """What alarm calls; keeps each query as it came."""

    def __init__(self) -> None:
        self.calls: list[web.Request] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.calls.append(request)
        return web.Response(text="ok")

    @property
    def told(self) -> list[tuple[str, str]]:
        """(status, step) of each call."""
        return [(call.query["status"], call.query["step"]) for call in self.calls]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_get("/cb", found.handle)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/cb"))
        yield found
