"""The archive of events. Source: app/controller/alarm."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.falcon.alarm import Alarm
from sandbox.falcon.portal.binding import PortalError, reply, session_user

ALARM = web.AppKey("alarm", Alarm)


def routes() -> list[web.RouteDef]:
    return [
        *(method("/api/v1/alarm/eventcases", event_cases) for method in (web.get, web.post)),
        *(method("/api/v1/alarm/events", events) for method in (web.get, web.post)),
    ]


async def event_cases(request: web.Request) -> web.Response:
    session_user(request)
    wanted = await _wanted(request)
    known = ("startTime", "endTime", "event_id", "endpoints", "strategy_id", "template_id")
    if not any(wanted.get(key) for key in known):
        raise PortalError(
            400,
            "startTime, endTime, event_id, endpoints, strategy_id or template_id, "
            "You have to at least pick one on the request.",
        )
    return reply([case for case in request.app[ALARM].cases() if _case_matches(case, wanted)])


async def events(request: web.Request) -> web.Response:
    session_user(request)
    wanted = await _wanted(request)
    if not wanted.get("event_id"):
        raise PortalError(400, "event_id is missing")
    return reply(request.app[ALARM].events(str(wanted["event_id"])))


async def _wanted(request: web.Request) -> dict[str, Any]:
    if request.method == "GET":
        query = request.query
        lists = {"endpoints": query.getall("endpoints", [])} if "endpoints" in query else {}
        return {**query, **lists}
    try:
        content = await request.json()
    except ValueError as error:
        raise PortalError(400, str(error), as_text=True) from error
    return content if isinstance(content, dict) else {}


def _case_matches(case: dict[str, Any], wanted: dict[str, Any]) -> bool:
    tests = {"event_id": "id", "strategy_id": "strategy_id", "template_id": "template_id"}
    if any(wanted.get(key) and str(case[column]) != str(wanted[key]) for key, column in tests.items()):
        return False
    if wanted.get("endpoints") and case["endpoint"] not in wanted["endpoints"]:
        return False
    begin, end = int(wanted.get("startTime") or 0), int(wanted.get("endTime") or 0)
    return case["update_at"] >= begin and (not end or case["update_at"] <= end)
