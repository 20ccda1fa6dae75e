"""Reading series. Source: app/controller/graph."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from sandbox.falcon.archive import FUNCTIONS, Function
from sandbox.falcon.graph import Graph
from sandbox.falcon.portal.binding import Field, PortalError, bind, reply, session_user

GRAPH = web.AppKey("graph", Graph)

_HISTORY = {
    "step": Field("int"),
    "start_time": Field("int", True),
    "end_time": Field("int", True),
    "hostnames": Field("[]string", True),
    "counters": Field("[]string", True),
    "consol_fun": Field("string", True),
}


def routes() -> list[web.RouteDef]:
    return [
        web.post("/api/v1/graph/history", history),
        web.post("/api/v1/graph/lastpoint", last_point),
        web.get("/api/v1/graph/endpoint", find_endpoints),
        web.get("/api/v1/graph/endpointobj", endpoint_objects),
        web.get("/api/v1/graph/endpoint_counter", find_counters),
        web.delete("/api/v1/graph/endpoint", delete_endpoints),
        web.delete("/api/v1/graph/counter", delete_counters),
    ]


async def history(request: web.Request) -> web.Response:
    """Hostnames × counters. Of an unknown one an empty series where the body has a step, else nothing."""
    session_user(request)
    body = await bind(request, "APIQueryGraphDrawData", _HISTORY)
    function = _function(body["consol_fun"])
    graph = request.app[GRAPH]
    parts = []
    for endpoint in body["hostnames"]:
        for counter in body["counters"]:
            series, points = graph.history(
                endpoint, counter, function, start=body["start_time"], end=body["end_time"]
            )
            if series is None and not body["step"]:
                continue
            head = {
                "endpoint": endpoint,
                "counter": counter,
                "dstype": "" if series is None else _shown_kind(series.kind),
                "step": 0 if series is None else series.step,
            }
            values = ",".join(
                f'{{"timestamp":{time},"value":{"null" if value is None else f"{value:.6f}"}}}'
                for time, value in points
            )
            parts.append(f'{json.dumps(head)[:-1]}, "Values":[{values}]}}')
    return web.Response(text=f"[{','.join(parts)}]", content_type="application/json")


async def last_point(request: web.Request) -> web.Response:
    session_user(request)
    content = await _list_body(request)
    graph = request.app[GRAPH]
    parts = []
    for item in content:
        if not isinstance(item, dict):
            raise PortalError(
                400, "json: cannot unmarshal into Go value of type APIQueryGraphLastPoint", as_text=True
            )
        endpoint, counter = str(item.get("endpoint", "")), str(item.get("counter", ""))
        point = graph.last_point(endpoint, counter)
        head = json.dumps({"endpoint": endpoint, "counter": counter})
        parts.append(f'{head[:-1]}, "value":{{"timestamp":{point.time},"value":{point.value:.6f}}}}}')
    return web.Response(text=f"[{','.join(parts)}]", content_type="application/json")


async def find_endpoints(request: web.Request) -> web.Response:
    session_user(request)
    patterns = request.query.get("q", "").split()
    tags = [tag for tag in request.query.get("tags", "").split(",") if tag]
    if not patterns and not tags:
        raise PortalError(400, "q and tags are all missing")
    try:
        found = request.app[GRAPH].endpoints(patterns, tags)
    except re.error as error:
        raise PortalError(400, f"Error 1139: Got error '{error}' from regexp") from error
    return reply([{"id": number, "endpoint": name} for number, name in _page(request, found)])


async def endpoint_objects(request: web.Request) -> web.Response:
    session_user(request)
    names = request.query.getall("endpoints", [])
    if not names:
        raise PortalError(400, "endpoints error")
    deadline = int(request.query.get("deadline", "0"))
    found = request.app[GRAPH].endpoint_times(names)
    return reply(
        [{"id": number, "endpoint": name, "ts": time} for number, name, time in found if time >= deadline]
    )


async def find_counters(request: web.Request) -> web.Response:
    session_user(request)
    numbers = [int(part) for part in request.query.get("eid", "").strip("[]").split(",") if part.isdecimal()]
    if not numbers:
        raise PortalError(400, "eid is missing")
    try:
        found = list(request.app[GRAPH].counters(numbers, request.query.get("metricQuery", "").split()))
    except re.error as error:
        raise PortalError(400, f"Error 1139: Got error '{error}' from regexp") from error
    return reply(
        [
            {
                "endpoint_id": series.endpoint_id,
                "counter": series.counter,
                "step": series.step,
                "type": _shown_kind(series.kind),
            }
            for series in _page(request, found)
        ]
    )


async def delete_endpoints(request: web.Request) -> web.Response:
    session_user(request)
    graph = request.app[GRAPH]
    names = [str(name) for name in await _list_body(request)]
    counters = [(name, counter) for name in names for counter in graph.counters_of(name)]
    count = sum(graph.forget(name, counter) for name, counter in counters)
    return reply({"affected_endpoint": len({name for name, _ in counters}), "affected_counter": count})


async def delete_counters(request: web.Request) -> web.Response:
    session_user(request)
    fields = {"endpoints": Field("[]string", True), "counters": Field("[]string", True)}
    body = await bind(request, "APIGraphDeleteCounterInputs", fields)
    pairs = [(name, counter) for name in body["endpoints"] for counter in body["counters"]]
    return reply({"affected_counter": sum(request.app[GRAPH].forget(*pair) for pair in pairs)})


async def _list_body(request: web.Request) -> list[Any]:
    try:
        content = json.loads(await request.read())
    except ValueError as error:
        raise PortalError(400, str(error), as_text=True) from error
    if not isinstance(content, list):
        raise PortalError(400, "json: cannot unmarshal object into Go value of type []", as_text=True)
    return content


def _function(text: str) -> Function:
    for function in FUNCTIONS:
        if function == text:
            return function
    raise PortalError(400, f"consol_fun {text!r} is not known")


def _shown_kind(kind: str) -> str:
    return "DERIVE" if kind == "COUNTER" else kind


def _page(request: web.Request, rows: list[Any]) -> Iterator[Any]:
    limit, page = int(request.query.get("limit", "500")), int(request.query.get("page", "1"))
    return iter(rows[(page - 1) * limit : page * limit] if page > 0 else rows[:limit])
