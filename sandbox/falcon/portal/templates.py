"""Templates, strategies, actions. Source: app/controller/{template,strategy}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sandbox.falcon.portal.binding import (
    TABLES,
    Field,
    PortalError,
    bind,
    paged,
    path_id,
    reply,
    session_user,
)
from sandbox.falcon.portal.tables import (
    Action,
    Strategy,
    Tables,
    Template,
    User,
)

_OPERATOR = re.compile(r"^(>|=|<|!)(=)?$")
_NUMBER = re.compile(r"^\-?\d+(\.\d+)?$")
_TIME = re.compile(r"^\d{2}:\d{2}$")
_MOST_FUNC, _MOST_NOTE, _MOST_URL = 16, 128, 255
ACTION = {
    "uic": Field("string"),
    "url": Field("string"),
    **{
        key: Field("int")
        for key in (
            "callback",
            "before_callback_sms",
            "before_callback_mail",
            "after_callback_sms",
            "after_callback_mail",
        )
    },
}
_STRATEGY = {
    "metric": Field("string", True),
    "tags": Field("string"),
    "max_step": Field("int", True),
    "priority": Field("int"),
    "func": Field("string", True),
    "op": Field("string", True),
    "right_value": Field("string", True),
    "note": Field("string"),
    "run_begin": Field("string"),
    "run_end": Field("string"),
}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/api/v1/template", list_templates),
        web.post("/api/v1/template", create_template),
        web.put("/api/v1/template", update_template),
        web.post("/api/v1/template/action", create_action),
        web.put("/api/v1/template/action", update_action),
        web.get("/api/v1/template/{id}", get_template),
        web.delete("/api/v1/template/{id}", delete_template),
        web.get("/api/v1/template_simple", simple_templates),
        web.get("/api/v1/action/{id}", get_action),
        web.get("/api/v1/strategy", list_strategies),
        web.post("/api/v1/strategy", create_strategy),
        web.put("/api/v1/strategy", update_strategy),
        web.get("/api/v1/strategy/{id}", get_strategy),
        web.delete("/api/v1/strategy/{id}", delete_strategy),
    ]


async def list_templates(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    test = re.compile(request.query.get("q", ".+"))
    rows = [
        {"template": template, "parent_name": _parent_name(tables, template)}
        for template in tables.templates
        if test.search(template.tpl_name)
    ]
    return reply({"templates": paged(request, rows)})


async def simple_templates(request: web.Request) -> web.Response:
    """Open to everybody."""
    test = re.compile(request.query.get("q", ".+"))
    rows = [row for row in request.app[TABLES].templates if test.search(row.tpl_name)]
    return reply([{"id": row.id, "tpl_name": row.tpl_name} for row in rows])


async def create_template(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(
        request, "APICreateTemplateInput", {"name": Field("string", True), "parent_id": Field("int")}
    )
    if tables.users.get(user.id) is None:
        raise PortalError(400, "record not found")  # the server's token under a name that nobody has
    if tables.templates.first(lambda row: row.tpl_name == body["name"]):
        raise PortalError(400, f"Error 1062: Duplicate entry '{body['name']}' for key 'idx_tpl_name'")
    return reply(
        tables.templates.add(lambda number: Template(number, body["name"], body["parent_id"], 0, user.name))
    )


async def get_template(request: web.Request) -> web.Response:
    """`stratges` is how it is spelt."""
    session_user(request)
    tables = request.app[TABLES]
    template = _template(tables, path_id(request))
    return reply(
        {
            "template": template,
            "stratges": [row for row in tables.strategies if row.tpl_id == template.id],
            "action": tables.actions.get(template.action_id) or no_action(),
            "parent_name": _parent_name(tables, template),
        }
    )


async def update_template(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    fields = {"tpl_id": Field("int", True), "name": Field("string", True), "parent_id": Field("int")}
    body = await bind(request, "APIUpdateTemplateInput", fields)
    template = _own_template(tables, user, body["tpl_id"])
    if tables.templates.first(lambda row: row.tpl_name == body["name"] and row.id != template.id):
        raise PortalError(400, f"Error 1062: Duplicate entry '{body['name']}' for key 'idx_tpl_name'")
    template.tpl_name, template.parent_id = body["name"], body["parent_id"]
    tables.templates.changed(template)
    return reply("template updated")


async def delete_template(request: web.Request) -> web.Response:
    """With its strategies, its action and its bindings; whoever asks."""
    session_user(request)
    tables = request.app[TABLES]
    template = _template(tables, path_id(request))
    for strategy in tables.strategies:
        if strategy.tpl_id == template.id:
            tables.strategies.delete(strategy.id)
    tables.actions.delete(template.action_id)
    for group in tables.groups:
        if str(template.id) in group.templates:
            group.templates = {tpl: by for tpl, by in group.templates.items() if tpl != str(template.id)}
            tables.groups.changed(group)
    tables.templates.delete(template.id)
    return reply(f"template {template.id} has been deleted")


async def create_action(request: web.Request) -> web.Response:
    """Another row each time; the template then points at the newest."""
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(request, "APICreateActionToTmplateInput", {**ACTION, "tpl_id": Field("int", True)})
    template = _own_template(tables, user, body.pop("tpl_id"))
    action = add_action(tables, body)
    template.action_id = action.id
    tables.templates.changed(template)
    return reply(f"template {template.id} has been updated")


async def update_action(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    body = await bind(request, "APIUpdateActionToTmplateInput", {**ACTION, "id": Field("int", True)})
    action = tables.actions.get(body.pop("id"))
    if action is None:
        raise PortalError(400, "record not found")
    assign(action, checked_action(body))
    tables.actions.changed(action)
    return reply(f"action {action.id} has been updated")


async def get_action(request: web.Request) -> web.Response:
    """Open to everybody: alarm asks here."""
    action = request.app[TABLES].actions.get(path_id(request))
    if action is None:
        raise PortalError(400, "record not found")
    return reply(action)


async def list_strategies(request: web.Request) -> web.Response:
    session_user(request)
    if not request.query.get("tid", "").isdecimal():
        raise PortalError(400, "tid is missing")
    number = int(request.query["tid"])
    return reply([row for row in request.app[TABLES].strategies if row.tpl_id == number])


async def create_strategy(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    body = await bind(request, "APICreateStrategyInput", {**_STRATEGY, "tpl_id": Field("int", True)})
    _refuse_bad_strategy(body)
    return reply(tables.strategies.add(lambda number: Strategy(number, **body)))


async def update_strategy(request: web.Request) -> web.Response:
    """Overwrites every field."""
    session_user(request)
    tables = request.app[TABLES]
    body = await bind(request, "APIUpdateStrategyInput", {**_STRATEGY, "id": Field("int", True)})
    strategy = tables.strategies.get(body.pop("id"))
    if strategy is None:
        raise PortalError(417, "find strategy got error:record not found")
    _refuse_bad_strategy(body)
    assign(strategy, body)
    tables.strategies.changed(strategy)
    return reply(f"stragtegy:{strategy.id} has been updated")


async def get_strategy(request: web.Request) -> web.Response:
    session_user(request)
    strategy = request.app[TABLES].strategies.get(path_id(request))
    if strategy is None:
        raise PortalError(400, "record not found")
    return reply(strategy)


async def delete_strategy(request: web.Request) -> web.Response:
    """One that is not there as well."""
    session_user(request)
    number = path_id(request)
    request.app[TABLES].strategies.delete(number)
    return reply(f"strategy:{number} has been deleted")


def _refuse_bad_strategy(body: Mapping[str, Any]) -> None:
    refuse_bad_condition(body)
    for key in ("run_begin", "run_end"):
        if body[key] and not _TIME.match(body[key]):
            raise PortalError(400, f"{key}'s formating is not vaild, please refer ex. 00:00")


def refuse_bad_condition(body: Mapping[str, Any]) -> None:
    if not _OPERATOR.match(body["op"]):
        raise PortalError(400, "op's formating is not vaild")
    if not _NUMBER.match(body["right_value"]):
        raise PortalError(400, "right_value's formating is not vaild")
    if len(body["func"]) > _MOST_FUNC:
        raise PortalError(417, "Error 1406: Data too long for column 'func' at row 1")
    if len(body["note"]) > _MOST_NOTE:
        raise PortalError(417, "Error 1406: Data too long for column 'note' at row 1")


def add_action(tables: Tables, body: Mapping[str, Any]) -> Action:
    checked = checked_action(body)
    return tables.actions.add(lambda number: Action(number, **checked))


def checked_action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(body["url"]) > _MOST_URL:
        raise PortalError(400, "Error 1406: Data too long for column 'url' at row 1")
    return body


def no_action() -> Action:
    return Action(0, "", "", 0, 0, 0, 0, 0)


def assign(row: object, body: Mapping[str, Any]) -> None:
    for key, value in body.items():
        setattr(row, key, value)


def _parent_name(tables: Tables, template: Template) -> str:
    parent = tables.templates.get(template.parent_id)
    return parent.tpl_name if parent is not None else ""


def _template(tables: Tables, number: int) -> Template:
    template = tables.templates.get(number)
    if template is None:
        raise PortalError(400, "record not found")
    return template


def _own_template(tables: Tables, user: User, number: int) -> Template:
    template = _template(tables, number)
    if not user.is_admin and template.create_user != user.name:
        raise PortalError(400, "You don't have permission!")
    return template
