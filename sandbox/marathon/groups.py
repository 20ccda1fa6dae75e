"""/v2/groups. Sources: api/v2/GroupsResource.scala, api/GroupApiService.scala."""

from __future__ import annotations

from aiohttp import web

from sandbox.definitions.app import App, Json
from sandbox.definitions.app_schema import GROUP_UPDATE
from sandbox.definitions.build import read
from sandbox.definitions.group_update import restore_group, scale_group, update_group
from sandbox.ids import ROOT, AppId, GroupId, canonical_path, is_below, parent_group
from sandbox.marathon.app_view import DeploymentIndex, app_info, embeds
from sandbox.marathon.http import (
    ApiError,
    deployment_result,
    flag,
    location,
    not_found,
    read_body,
    read_timestamp,
    reply,
    runtime_of,
)
from sandbox.model import Group
from sandbox.runtime import ClusterRuntime
from sandbox.scheduler.root import Change
from sandbox.scheduler.views import group_json, step_json
from sandbox.timestamps import format_timestamp

_ALL = frozenset({"groups", "apps", "pods"})


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/v2/groups/{id:.*}versions", list_versions)
    router.add_get("/v2/groups/{id:.*}versions/{version}", get_version)
    router.add_put("/v2/groups/{id:.*}versions/{version}", rollback_to)
    router.add_get("/v2/groups/{id:.*}apps", list_group_apps)
    for path in ("/v2/groups", "/v2/groups/{id:.*}"):
        router.add_get(path, get_group)
        router.add_post(path, create_group)
        router.add_put(path, put_group)
        router.add_patch(path, patch_group)
        router.add_delete(path, delete_group)


async def get_group(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    group = _find(runtime, _path(request))
    wanted = request.query.getall("embed", [])
    shown = embeds(wanted) & _ALL or _ALL
    app_embeds = embeds(value.removeprefix("group.apps.") for value in wanted if "apps." in value)
    return reply(_render(runtime, group, shown, app_embeds))


async def list_group_apps(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    group = _find(runtime, _path(request))
    deployments = DeploymentIndex(runtime.cluster.deployments.values())
    embed = embeds(request.query.getall("embed", []))
    states = [runtime.cluster.apps[app_id] for app_id in runtime.root.apps_below(group.id)]
    return reply({"apps": [app_info(runtime.cluster, state, embed, deployments) for state in states]})


async def create_group(request: web.Request) -> web.Response:
    runtime, body = runtime_of(request), read(GROUP_UPDATE, await read_body(request))
    group_id = GroupId(canonical_path(body.get("id", "."), _path(request)))
    if AppId(group_id) in runtime.cluster.apps:
        raise ApiError(409, f"An app with the path {group_id} already exists.")
    if group_id in runtime.cluster.groups and group_id != ROOT:
        raise ApiError(409, f"Group {group_id} is already created. Use PUT to change this group.")
    change = _structure(runtime, group_id, body)
    deployment = runtime.deployments.deploy(change, force=flag(request, "force"))
    return deployment_result(deployment, status=201, headers=location(request, group_id))


async def put_group(request: web.Request) -> web.Response:
    runtime, body = runtime_of(request), read(GROUP_UPDATE, await read_body(request))
    group_id = GroupId(canonical_path(body.get("id", "."), _path(request)))
    change = _change(runtime, group_id, body)
    if flag(request, "dryRun"):
        return reply({"steps": [step_json(step) for step in runtime.deployments.plan(change)]})
    return deployment_result(runtime.deployments.deploy(change, force=flag(request, "force")))


async def patch_group(request: web.Request) -> web.Response:
    """1.9+: nothing but `enforceRole` of a top-level group."""
    runtime, body = runtime_of(request), read(GROUP_UPDATE, await read_body(request))
    group = _find(runtime, _path(request))
    version = runtime.clock.next()
    changed = Group(group.id, version, group.dependencies, body.get("enforceRole"))
    runtime.root.apply(runtime.root.prepare({}, groups={group.id: changed}, version=version))
    runtime.store.flush()
    return web.Response(status=200)


async def delete_group(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    group = _find(runtime, _path(request))
    apps: dict[AppId, Json | None] = dict.fromkeys(runtime.root.apps_below(group.id))
    doomed = [*runtime.root.groups_below(group.id), *([group.id] if group.id != ROOT else [])]
    groups: dict[GroupId, Group | None] = dict.fromkeys(doomed)
    change = runtime.root.prepare(apps, groups=groups)
    return deployment_result(runtime.deployments.deploy(change, force=flag(request, "force")))


async def list_versions(request: web.Request) -> web.Response:
    """A bare array: the changes that concerned this group, and its present version."""
    runtime = runtime_of(request)
    group = _find(runtime, _path(request))
    versions = {group.version}
    for entry in runtime.cluster.history:
        paths: set[str] = {change.app_id for change in entry.app_changes}
        paths.update(change.group_id for change in entry.group_changes)
        if any(path == group.id or is_below(path, group.id) for path in paths):
            versions.add(entry.version)
    return reply([format_timestamp(version) for version in sorted(versions, reverse=True)])


async def get_version(request: web.Request) -> web.Response:
    runtime, path = runtime_of(request), _path(request)
    apps, groups = _tree_at(runtime, path, request.match_info["version"])
    return reply(group_json(path, apps, groups))


async def rollback_to(request: web.Request) -> web.Response:
    """What marathon-python sends to roll a group back: upstream has no such route."""
    runtime, path = runtime_of(request), _path(request)
    change = _change(runtime, path, {"version": request.match_info["version"]})
    return deployment_result(runtime.deployments.deploy(change, force=flag(request, "force")))


def _change(runtime: ClusterRuntime, group_id: GroupId, body: Json) -> Change:
    special = {"scaleBy", "version"} & set(body)
    if special and set(body) - special - {"id"}:
        raise ApiError(422, "Object is not valid", details=[_only_alone(special.pop())])
    if "scaleBy" in body:
        _find(runtime, group_id)
        return runtime.root.prepare(scale_group(runtime.cluster, group_id, body["scaleBy"]))
    if "version" in body:
        apps, groups = _tree_at(runtime, group_id, body["version"])
        restored_apps, restored_groups = restore_group(runtime.cluster, group_id, apps, groups)
        return runtime.root.prepare(restored_apps, groups=restored_groups)
    return _structure(runtime, group_id, body)


def _structure(runtime: ClusterRuntime, group_id: GroupId, body: Json) -> Change:
    version = runtime.clock.next()
    apps, groups = update_group(
        runtime.cluster, group_id, body, version=version, default_role=runtime.config.mesos_role
    )
    return runtime.root.prepare(apps, groups=groups, version=version)


def _only_alone(key: str) -> Json:
    return {"path": "/", "errors": [f"{key} can not be combined with other fields"]}


def _path(request: web.Request) -> GroupId:
    return GroupId(canonical_path(request.match_info.get("id", "/")))


def _find(runtime: ClusterRuntime, group_id: GroupId) -> Group:
    group = runtime.cluster.groups.get(group_id)
    if group is None:
        raise not_found(f"Group '{group_id}' does not exist")
    return group


def _tree_at(
    runtime: ClusterRuntime, group_id: GroupId, text: str
) -> tuple[dict[AppId, App], dict[GroupId, Group]]:
    version = read_timestamp(text)
    group = runtime.cluster.groups.get(group_id)
    tree = runtime.root.tree_at(version)
    if tree is None and group is not None and group.version == version:
        return {a: s.app for a, s in runtime.cluster.apps.items()}, dict(runtime.cluster.groups)
    if tree is None or group_id not in tree[1]:
        raise not_found(f"Group '{group_id}' does not exist in version {text}")
    return tree


def _render(runtime: ClusterRuntime, group: Group, shown: frozenset[str], app_embeds: frozenset[str]) -> Json:
    cluster = runtime.cluster
    deployments = DeploymentIndex(cluster.deployments.values())
    apps_in: dict[str, list[Json]] = {}
    if "apps" in shown:
        for app_id in runtime.root.apps_below(group.id):
            info = app_info(cluster, cluster.apps[app_id], app_embeds, deployments)
            apps_in.setdefault(parent_group(app_id), []).append(info)
    groups_in: dict[str, list[Group]] = {}
    for child_id in runtime.root.groups_below(group.id):
        groups_in.setdefault(parent_group(child_id), []).append(cluster.groups[child_id])

    def render(current: Group) -> Json:
        body: Json = {
            "id": current.id,
            "dependencies": list(current.dependencies),
            "version": format_timestamp(current.version),
        }
        if "apps" in shown:
            body["apps"] = apps_in.get(current.id, [])
        if "pods" in shown:
            body["pods"] = []
        if "groups" in shown:
            body["groups"] = [render(child) for child in groups_in.get(current.id, ())]
        if current.enforce_role is not None:
            body["enforceRole"] = current.enforce_role
        return body

    return render(group)
