"""Expressions, which hold wherever tags match, and nodata. Source: app/controller/{expression,mockcfg}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.falcon.portal.binding import (
    TABLES,
    Field,
    PortalError,
    bind,
    bind_nested,
    paged,
    path_id,
    reply,
    session_user,
)
from sandbox.falcon.portal.tables import Expression, NoData, Tables, User
from sandbox.falcon.portal.templates import (
    ACTION,
    add_action,
    assign,
    checked_action,
    no_action,
    refuse_bad_condition,
)

_EXPRESSION = {
    "expression": Field("string", True),
    "func": Field("string", True),
    "op": Field("string", True),
    "right_value": Field("string", True),
    "max_step": Field("int", True),
    "priority": Field("int", True),
    "note": Field("string"),
    "pause": Field("int"),
    "action": Field("action", True),
}
_NODATA = {
    "name": Field("string", True),
    "obj": Field("string", True),
    "obj_type": Field("string", True),
    "metric": Field("string", True),
    "tags": Field("string"),
    "dstype": Field("string", True),
    "step": Field("int", True),
    "mock": Field("float64"),
}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/api/v1/expression", list_expressions),
        web.post("/api/v1/expression", create_expression),
        web.put("/api/v1/expression", update_expression),
        web.get("/api/v1/expression/{id}", get_expression),
        web.delete("/api/v1/expression/{id}", delete_expression),
        web.get("/api/v1/nodata", list_nodata),
        web.post("/api/v1/nodata/", create_nodata),
        web.put("/api/v1/nodata/", update_nodata),
        web.get("/api/v1/nodata/{id}", get_nodata),
        web.delete("/api/v1/nodata/{id}", delete_nodata),
        *(method("/api/v1/nodata", to_the_slash) for method in (web.post, web.put)),
    ]


async def list_expressions(request: web.Request) -> web.Response:
    session_user(request)
    return reply(paged(request, list(request.app[TABLES].expressions)))


async def create_expression(request: web.Request) -> web.Response:
    """Answers without the new id."""
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(request, "APICreateExrpessionInput", _EXPRESSION)
    refuse_bad_condition(body)
    action = add_action(tables, _expression_action(body.pop("action")))
    tables.expressions.add(
        lambda number: Expression(number, action_id=action.id, create_user=user.name, **body)
    )
    return reply("expression created")


async def update_expression(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(request, "APIUpdateExrpessionInput", {**_EXPRESSION, "id": Field("int", True)})
    row = _own_expression(tables, user, body.pop("id"))
    refuse_bad_condition(body)
    action = tables.actions.get(row.action_id)
    wanted = _expression_action(body.pop("action"))
    assign(row, body)
    tables.expressions.changed(row)
    if action is not None:
        assign(action, checked_action(wanted))
        tables.actions.changed(action)
    return reply(f"expression:{row.id} has been updated")


async def get_expression(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    row = tables.expressions.get(path_id(request))
    if row is None:
        raise PortalError(400, "record not found")
    return reply({"expression": row, "action": tables.actions.get(row.action_id) or no_action()})


async def delete_expression(request: web.Request) -> web.Response:
    """An admin's deletion leaves the action behind."""
    user, tables = session_user(request), request.app[TABLES]
    row = _own_expression(tables, user, path_id(request))
    if not user.is_admin:
        tables.actions.delete(row.action_id)
    tables.expressions.delete(row.id)
    return reply(f"expression:{row.id} has been deleted")


async def list_nodata(request: web.Request) -> web.Response:
    session_user(request)
    return reply(paged(request, list(request.app[TABLES].nodata)))


async def create_nodata(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(request, "APICreateNodataInputs", _NODATA)
    _refuse_bad_nodata(body)
    if tables.nodata.first(lambda row: row.name == body["name"]):
        raise PortalError(417, f"Error 1062: Duplicate entry '{body['name']}' for key 'uniq_name'")
    return reply(tables.nodata.add(lambda number: NoData(number, creator=user.name, **body)))


async def update_nodata(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    body = await bind(
        request, "APIUpdateNodataInputs", {**_NODATA, "id": Field("int", True), "name": Field("string")}
    )
    row = tables.nodata.get(body.pop("id"))
    if row is None:
        raise PortalError(417, "record not found")
    _refuse_bad_nodata(body)
    body["name"] = body["name"] or row.name
    assign(row, body)
    tables.nodata.changed(row)
    return reply(row)


async def get_nodata(request: web.Request) -> web.Response:
    session_user(request)
    row = request.app[TABLES].nodata.get(path_id(request))
    if row is None:
        raise PortalError(400, "record not found")
    return reply(row)


async def delete_nodata(request: web.Request) -> web.Response:
    session_user(request)
    tables, number = request.app[TABLES], path_id(request)
    if tables.nodata.get(number) is None:
        raise PortalError(417, "record not found")
    tables.nodata.delete(number)
    return reply(f"mockcfg:{number} is deleted")


async def to_the_slash(request: web.Request) -> web.Response:
    """gin's own redirect."""
    return web.Response(status=307, headers={"Location": f"{request.path}/"})


def _refuse_bad_nodata(body: Mapping[str, Any]) -> None:
    if body["dstype"] != "GAUGE":
        raise PortalError(400, "dstype only support GAUGE")
    if body["obj_type"] not in ("host", "group", "other"):
        raise PortalError(400, "obj_type only accept `host, group, other`")


def _expression_action(content: Mapping[str, Any]) -> dict[str, Any]:
    """As a template's, but that `uic` is a list."""
    body = bind_nested(content, "ActionTmp", {**ACTION, "uic": Field("[]string")})
    return {**body, "uic": ",".join(body["uic"])}


def _own_expression(tables: Tables, user: User, number: int) -> Expression:
    row = tables.expressions.get(number)
    if row is None:
        raise PortalError(417, "record not found")
    if not user.is_admin and row.create_user != user.name:
        raise PortalError(400, "You don't have permission!")
    return row
