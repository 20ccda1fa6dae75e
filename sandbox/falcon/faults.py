"""What can be made to go wrong on purpose, and the door for it: `/faults` on Falcon's own port. docs/falcon.md has
examples."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.faults.state import ApiFault, ApiFaultKind, Faults

PATH = "/faults"


@dataclass(slots=True)
class FalconFaults:
    """`drop_pushes`: the share of pushes (whole requests) that are answered and lost; `no_callbacks`: events are
    archived, and nobody is called."""

    calls: Faults = field(default_factory=Faults)
    drop_pushes: float = 0.0
    no_callbacks: bool = False

    def loses_push(self) -> bool:
        return random.random() < self.drop_pushes  # noqa: S311

    def shown(self) -> dict[str, Any]:
        loop_time = asyncio.get_running_loop().time()
        return {
            "api": [
                {"id": fault.id, "kind": fault.kind.value, "status": fault.status, "delay_s": fault.delay_s,
                 "method": fault.method, "path": fault.path, "calls_left": fault.calls}
                for fault in self.calls.api.values()
                if not fault.used_up(loop_time)
            ],
            "drop_pushes": self.drop_pushes,
            "no_callbacks": self.no_callbacks,
        }  # fmt: skip


FAULTS = web.AppKey("faults", FalconFaults)


def routes() -> list[web.RouteDef]:
    return [
        web.get(PATH, show),
        web.delete(PATH, mend),
        web.put(PATH, change),
        web.post(f"{PATH}/api", add_api_fault),
    ]


async def show(request: web.Request) -> web.Response:
    return web.json_response(request.app[FAULTS].shown())


async def mend(request: web.Request) -> web.Response:
    faults = request.app[FAULTS]
    for fault in faults.calls.api.values():
        fault.cleared.set()
    faults.calls.api.clear()
    faults.drop_pushes, faults.no_callbacks = 0.0, False
    return await show(request)


async def change(request: web.Request) -> web.Response:
    """`{"drop_pushes": 0.5, "no_callbacks": true}`; what is not named stays."""
    body, faults = await request.json(), request.app[FAULTS]
    faults.drop_pushes = min(1.0, max(0.0, float(body.get("drop_pushes", faults.drop_pushes))))
    faults.no_callbacks = bool(body.get("no_callbacks", faults.no_callbacks))
    return await show(request)


async def add_api_fault(request: web.Request) -> web.Response:
    """As at the cluster's admin door: `{"kind": "error", "status": 503, "path": "^/api/v1"}`."""
    body = await request.json()
    if body.get("kind") not in [kind.value for kind in ApiFaultKind]:
        return web.json_response({"message": "kind: error, delay, hang or lose_answer"}, status=422)
    seconds = body.get("seconds")
    fault = ApiFault(
        id=uuid.uuid4().hex[:8],
        kind=ApiFaultKind(body["kind"]),
        status=int(body.get("status", 503)),
        delay_s=float(body.get("delay_s", 0.0)),
        method=body.get("method"),
        path=body.get("path"),
        calls=body.get("calls"),
        until=None if seconds is None else asyncio.get_running_loop().time() + float(seconds),
    )
    request.app[FAULTS].calls.api[fault.id] = fault
    return web.json_response(request.app[FAULTS].shown(), status=201)


@web.middleware
async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith(PATH):
        return await handler(request)
    fault = request.app[FAULTS].calls.api_fault(request.method, request.path)
    if fault is None:
        return await handler(request)
    match fault.kind:
        case ApiFaultKind.ERROR:
            return web.json_response({"error": "a fault of the sandbox"}, status=fault.status)
        case ApiFaultKind.DELAY:
            await asyncio.sleep(fault.delay_s)
            return await handler(request)
        case ApiFaultKind.LOSE_ANSWER:
            await handler(request)
        case ApiFaultKind.HANG:
            await fault.cleared.wait()
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
