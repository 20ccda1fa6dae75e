"""The doors for samples, of agent and transfer, and the debug views of judge.

Sources: falcon-plus modules/agent/http/push.go, modules/transfer/http/api.go, modules/judge/http/info.go.
"""

from __future__ import annotations

from aiohttp import web

from sandbox.falcon.faults import FAULTS
from sandbox.falcon.judge import Judge
from sandbox.falcon.portal.binding import TABLES
from sandbox.falcon.samples import UndecodableError, counter_name, decode_push, parse_tags
from sandbox.falcon.transfer import Transfer

TRANSFER = web.AppKey("transfer", Transfer)
JUDGE = web.AppKey("judge", Judge)


def routes() -> list[web.RouteDef]:
    return [
        web.route("*", "/v1/push", push_to_agent),
        web.route("*", "/api/push", push_to_transfer),
        web.get("/health", health),
        web.get("/v1/heartbeat/{hostname}", heartbeat),
        web.get("/history/{endpoint}/{metric}", judge_history),
        web.get("/history/{endpoint}/{metric}/{tags}", judge_history),
        web.get("/strategy/{endpoint}/{metric}", judge_strategies),
        web.get("/expression/{metric}", judge_expressions),
    ]


async def push_to_agent(request: web.Request) -> web.Response:
    """`success` says that it could be read, no more."""
    body = await request.read()
    if not body:
        return web.Response(status=400, text="body is blank")
    try:
        items = decode_push(body)
    except UndecodableError:
        return web.Response(status=400, text="connot decode body")
    if not request.app[FAULTS].loses_push():
        request.app[TRANSFER].take(items)
    return web.Response(text="success")


async def push_to_transfer(request: web.Request) -> web.Response:
    body = await request.read()
    if not body:
        return web.Response(status=400, text="blank body")
    try:
        items = decode_push(body)
    except UndecodableError:
        return web.Response(status=400, text="decode error")
    invalid = 0 if request.app[FAULTS].loses_push() else request.app[TRANSFER].take(items)
    data = {"Message": "ok", "Total": len(items), "Invalid": invalid, "Latency": 0}
    return web.json_response({"msg": "success", "data": data})


async def health(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def heartbeat(request: web.Request) -> web.Response:
    """An agent is there: its host gets a row. (Upstream's is an RPC to hbs.)"""
    request.app[TABLES].known_host(request.match_info["hostname"], ip="127.0.0.1", agent_version="sandbox")
    return web.Response(text="ok")


async def judge_history(request: web.Request) -> web.Response:
    found = request.match_info
    counter = counter_name(found["metric"], parse_tags(found.get("tags", "")))
    points = request.app[JUDGE].history(found["endpoint"], counter)
    return web.json_response([{"timestamp": time, "value": value} for time, value in points])


async def judge_strategies(request: web.Request) -> web.Response:
    key = (request.match_info["endpoint"], request.match_info["metric"])
    return web.json_response([rule.shown() for rule in request.app[JUDGE].watched.strategies.get(key, ())])


async def judge_expressions(request: web.Request) -> web.Response:
    rules = request.app[JUDGE].watched.expressions.get(request.match_info["metric"], ())
    return web.json_response([rule.shown() for rule in rules])
