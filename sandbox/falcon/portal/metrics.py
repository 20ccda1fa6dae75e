"""What is bound to host groups besides templates: aggregators and plugins. Source: app/controller/host."""

from __future__ import annotations

from aiohttp import web

from sandbox.falcon.portal.binding import TABLES, Field, PortalError, bind, path_id, reply, session_user
from sandbox.falcon.portal.hosts import known_group, own_group
from sandbox.falcon.portal.tables import Aggregator, Plugin, Tables

_AGGREGATOR = {
    "numerator": Field("string", True),
    "denominator": Field("string", True),
    "endpoint": Field("string", True),
    "metric": Field("string", True),
    "tags": Field("string"),
    "step": Field("int", True),
}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/api/v1/hostgroup/{id}/aggregators", aggregators_of_group),
        web.get("/api/v1/hostgroup/{id}/plugins", plugins_of_group),
        web.post("/api/v1/plugin", create_plugin),
        web.delete("/api/v1/plugin/{id}", delete_plugin),
        web.post("/api/v1/aggregator", create_aggregator),
        web.put("/api/v1/aggregator", update_aggregator),
        web.get("/api/v1/aggregator/{id}", get_aggregator),
        web.delete("/api/v1/aggregator/{id}", delete_aggregator),
    ]


async def create_aggregator(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    fields = {"hostgroup_id": Field("int", True), **_AGGREGATOR}
    body = await bind(request, "APICreateAggregatorInput", fields)
    group = own_group(tables, user, body.pop("hostgroup_id"))
    _refuse_bad_formula(body["numerator"], body["denominator"])
    return reply(
        tables.aggregators.add(
            lambda number: Aggregator(number, group.id, ds_type="GAUGE", creator=user.name, **body)
        )
    )


async def update_aggregator(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    body = await bind(request, "APIUpdateAggregatorInput", {"id": Field("int", True), **_AGGREGATOR})
    row = _aggregator(tables, body.pop("id"))
    _refuse_bad_formula(body["numerator"], body["denominator"])
    for key, value in body.items():
        setattr(row, key, value)
    tables.aggregators.changed(row)
    return reply(row)


async def get_aggregator(request: web.Request) -> web.Response:
    session_user(request)
    return reply(_aggregator(request.app[TABLES], path_id(request)))


async def delete_aggregator(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    row = _aggregator(tables, path_id(request))
    tables.aggregators.delete(row.id)
    return reply(f"aggregator:{row.id} is deleted")


async def aggregators_of_group(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    group = known_group(tables, path_id(request))
    rows = [row for row in tables.aggregators if row.grp_id == group.id]
    return reply({"hostgroup": group.grp_name, "aggregators": rows})


async def create_plugin(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    fields = {"hostgroup_id": Field("int", True), "dir_path": Field("string", True)}
    body = await bind(request, "APICreatePluginInput", fields)
    group = own_group(tables, user, body["hostgroup_id"])
    return reply(tables.plugins.add(lambda number: Plugin(number, group.id, body["dir_path"], user.name)))


async def plugins_of_group(request: web.Request) -> web.Response:
    session_user(request)
    number = path_id(request)
    return reply([plugin for plugin in request.app[TABLES].plugins if plugin.grp_id == number])


async def delete_plugin(request: web.Request) -> web.Response:
    session_user(request)
    tables, number = request.app[TABLES], path_id(request)
    if tables.plugins.get(number) is None:
        raise PortalError(417, "record not found")
    tables.plugins.delete(number)
    return reply(f"plugin:{number} is deleted")


def _refuse_bad_formula(numerator: str, denominator: str) -> None:
    if "$(" not in numerator and "$(" not in denominator:
        raise PortalError(400, "numerator and denominator are both numbers")


def _aggregator(tables: Tables, number: int) -> Aggregator:
    row = tables.aggregators.get(number)
    if row is None:
        raise PortalError(417, "record not found")
    return row
