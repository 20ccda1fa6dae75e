"""Host groups, their hosts and templates. Source: app/controller/host."""

from __future__ import annotations

import re

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
from sandbox.falcon.portal.tables import HostGroup, Tables, User

_BINDING = {"tpl_id": Field("int", True), "grp_id": Field("int", True)}


def routes() -> list[web.RouteDef]:
    return [
        web.get("/api/v1/hostgroup", list_groups),
        web.post("/api/v1/hostgroup", create_group),
        web.put("/api/v1/hostgroup", rename_group),
        web.post("/api/v1/hostgroup/host", replace_hosts),
        web.put("/api/v1/hostgroup/host", unbind_host),
        web.post("/api/v1/hostgroup/template", bind_template),
        web.put("/api/v1/hostgroup/template", unbind_template),
        web.get("/api/v1/hostgroup/{id}", get_group),
        web.delete("/api/v1/hostgroup/{id}", delete_group),
        web.patch("/api/v1/hostgroup/{id}/host", change_hosts),
        web.get("/api/v1/hostgroup/{id}/template", templates_of_group),
        web.post("/api/v1/host/maintain", set_maintenance),
        web.delete("/api/v1/host/maintain", end_maintenance),
        web.get("/api/v1/host/{id}/hostgroup", groups_of_host),
        web.get("/api/v1/host/{id}/template", templates_of_host),
    ]


async def list_groups(request: web.Request) -> web.Response:
    session_user(request)
    test = re.compile(request.query.get("q", ".+"))
    return reply(
        paged(request, [group.shown() for group in request.app[TABLES].groups if test.search(group.grp_name)])
    )


async def create_group(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(request, "APICrateHostGroup", {"name": Field("string", True)})
    _refuse_taken(tables, body["name"])
    group = tables.groups.add(lambda number: HostGroup(number, body["name"], user.name))
    return reply(group.shown())


async def rename_group(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(
        request, "APIPutHostGroup", {"id": Field("int", True), "grp_name": Field("string", True)}
    )
    group = own_group(tables, user, body["id"])
    _refuse_taken(tables, body["grp_name"], but=group.id)
    group.grp_name = body["grp_name"]
    tables.groups.changed(group)
    return reply("hostgroup profile updated")


async def get_group(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    group = known_group(tables, path_id(request))
    return reply({"hostgroup": group.shown(), "hosts": [tables.hosts.get(number) for number in group.hosts]})


async def replace_hosts(request: web.Request) -> web.Response:
    """The whole list: two writers lose each other's hosts."""
    user, tables = session_user(request), request.app[TABLES]
    fields = {"hosts": Field("[]string", True), "hostgroup_id": Field("int", True)}
    body = await bind(request, "APIBindHostToHostGroupInput", fields)
    group = own_group(tables, user, body["hostgroup_id"])
    group.hosts = list(dict.fromkeys(tables.known_host(name).id for name in body["hosts"]))
    tables.groups.changed(group)
    return reply(f"{group.hosts} bind to hostgroup: {group.id}")


async def change_hosts(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    fields = {"action": Field("string", True), "hosts": Field("[]string", True)}
    body = await bind(request, "APIPatchHostGroupHost", fields)
    group = own_group(tables, user, path_id(request))
    match body["action"]:
        case "add":
            named = [tables.known_host(name).id for name in body["hosts"]]
            group.hosts = list(dict.fromkeys([*group.hosts, *named]))
        case "remove":
            gone = {host.id for name in body["hosts"] if (host := tables.host_named(name)) is not None}
            group.hosts = [number for number in group.hosts if number not in gone]
        case _:
            raise PortalError(400, "action must be add or remove")
    tables.groups.changed(group)
    return reply(f"{body['hosts']} {body['action']} hostgroup: {group.id}")


async def unbind_host(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    fields = {"host_id": Field("int", True), "hostgroup_id": Field("int", True)}
    body = await bind(request, "APIUnBindAHostToHostGroup", fields)
    group = own_group(tables, user, body["hostgroup_id"])
    group.hosts = [number for number in group.hosts if number != body["host_id"]]
    tables.groups.changed(group)
    return reply(f"unbind host:{body['host_id']} of hostgroup: {group.id}")


async def delete_group(request: web.Request) -> web.Response:
    """With its plugins and aggregators; what is bound to templates is left behind upstream, where nothing reads it."""
    user, tables = session_user(request), request.app[TABLES]
    group = own_group(tables, user, path_id(request))
    for aggregator in tables.aggregators:
        if aggregator.grp_id == group.id:
            tables.aggregators.delete(aggregator.id)
    for plugin in tables.plugins:
        if plugin.grp_id == group.id:
            tables.plugins.delete(plugin.id)
    tables.groups.delete(group.id)
    return reply(f"hostgroup:{group.id} has been deleted")


async def bind_template(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(request, "APIBindTemplateToGroupInputs", _BINDING)
    group = known_group(tables, body["grp_id"], status=400)
    if tables.templates.get(body["tpl_id"]) is None:
        raise PortalError(400, "record not found")
    if str(body["tpl_id"]) in group.templates:
        raise PortalError(400, "this binding already existing, reject!")
    group.templates = {**group.templates, str(body["tpl_id"]): user.name}
    tables.groups.changed(group)
    return reply({"grp_id": group.id, "tpl_id": body["tpl_id"], "bind_user": user.name})


async def unbind_template(request: web.Request) -> web.Response:
    user, tables = session_user(request), request.app[TABLES]
    body = await bind(request, "APIUnBindTemplateToGroupInputs", _BINDING)
    group = known_group(tables, body["grp_id"], status=400)
    binder = group.templates.get(str(body["tpl_id"]))
    if binder is None:
        raise PortalError(400, "record not found")
    if not user.is_admin and binder != user.name:
        raise PortalError(400, "You don't have permission can do this.")
    group.templates = {tpl: by for tpl, by in group.templates.items() if tpl != str(body["tpl_id"])}
    tables.groups.changed(group)
    return reply(f"template: {body['tpl_id']} is unbind of HostGroup: {group.id}")


async def templates_of_group(request: web.Request) -> web.Response:
    session_user(request)
    tables = request.app[TABLES]
    group = known_group(tables, path_id(request))
    found = [tables.templates.get(int(number)) for number in group.templates]
    return reply({"hostgroup": group.shown(), "templates": [template for template in found if template]})


async def groups_of_host(request: web.Request) -> web.Response:
    session_user(request)
    number = path_id(request)
    return reply([group.shown() for group in request.app[TABLES].groups if number in group.hosts])


async def templates_of_host(request: web.Request) -> web.Response:
    session_user(request)
    tables, number = request.app[TABLES], path_id(request)
    bound = {int(tpl) for group in tables.groups if number in group.hosts for tpl in group.templates}
    return reply([template for template in tables.templates if template.id in bound])


async def set_maintenance(request: web.Request) -> web.Response:
    session_user(request)
    fields = {
        "hosts": Field("[]string"),
        "ids": Field("[]int64"),
        "maintain_begin": Field("int", True),
        "maintain_end": Field("int", True),
    }
    body = await bind(request, "APIMaintainInput", fields)
    count = _maintain(
        request.app[TABLES], body["hosts"], body["ids"], body["maintain_begin"], body["maintain_end"]
    )
    return reply(f"maintain hosts: {count} affected")


async def end_maintenance(request: web.Request) -> web.Response:
    session_user(request)
    body = await bind(request, "APIMaintainInput", {"hosts": Field("[]string"), "ids": Field("[]int64")})
    return reply(
        f"maintain hosts: {_maintain(request.app[TABLES], body['hosts'], body['ids'], 0, 0)} affected"
    )


def _refuse_taken(tables: Tables, name: str, *, but: int = 0) -> None:
    if tables.groups.first(lambda row: row.grp_name == name and row.id != but):
        raise PortalError(417, f"Error 1062: Duplicate entry '{name}' for key 'idx_host_grp_grp_name'")


def known_group(tables: Tables, number: int, *, status: int = 417) -> HostGroup:
    group = tables.groups.get(number)
    if group is None:
        raise PortalError(status, "record not found")
    return group


def own_group(tables: Tables, user: User, number: int) -> HostGroup:
    group = known_group(tables, number)
    if not user.is_admin and group.create_user != user.name:
        raise PortalError(417, "You don't have permission.")
    return group


def _maintain(tables: Tables, names: list[str], numbers: list[int], begin: int, end: int) -> int:
    if not names and not numbers:
        raise PortalError(400, "hosts and ids are both empty")
    found = [host for host in tables.hosts if host.hostname in names or host.id in numbers]
    for host in found:
        host.maintain_begin, host.maintain_end = begin, end
        tables.hosts.changed(host)
    return len(found)
