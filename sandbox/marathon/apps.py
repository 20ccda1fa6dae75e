"""/v2/apps: reading, creating, updating, deleting, restarting, versions. Source:
api/v2/AppsResource.scala."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from sandbox.definitions.app import Json
from sandbox.definitions.build import new_definition, replaced_definition, update_body, updated_definition
from sandbox.definitions.schema import InvalidObjectError, Problems
from sandbox.ids import AppId, GroupId, canonical_path, is_below
from sandbox.marathon.app_view import EMBED_ALWAYS, EMBED_SINGLE, DeploymentIndex, app_info, embeds
from sandbox.marathon.http import (
    ApiError,
    deployment_headers,
    deployment_result,
    flag,
    location,
    not_found,
    read_body,
    read_timestamp,
    reply,
    runtime_of,
    stream_list,
)
from sandbox.marathon.label_selector import parse_selectors
from sandbox.model import AppState
from sandbox.runtime import ClusterRuntime
from sandbox.scheduler.views import app_json
from sandbox.timestamps import format_timestamp


def add_routes(router: web.UrlDispatcher) -> None:
    for path in ("/v2/apps", "/v2/apps/"):
        router.add_get(path, list_apps)
        router.add_post(path, create_app)
        router.add_put(path, update_apps)
        router.add_patch(path, update_apps)
    router.add_get("/v2/apps/{id:.+}/versions", list_versions)
    router.add_get("/v2/apps/{id:.+}/versions/{version}", get_version)
    router.add_post("/v2/apps/{id:.+}/restart", restart_app)
    router.add_get("/v2/apps/{id:.+}", get_app)
    router.add_put("/v2/apps/{id:.+}", put_app)
    router.add_patch("/v2/apps/{id:.+}", put_app)
    router.add_delete("/v2/apps/{id:.+}", delete_app)


async def list_apps(request: web.Request) -> web.StreamResponse:
    """Streamed: with 10,000 apps and their tasks the body is tens of megabytes."""
    runtime = runtime_of(request)
    wanted = _wanted(request)
    states = [state for state in runtime.cluster.apps.values() if wanted(state)]
    embed = embeds(request.query.getall("embed", [])) | EMBED_ALWAYS
    return await _stream(request, runtime, "apps", states, embed)


async def get_app(request: web.Request) -> web.StreamResponse:
    runtime, path = runtime_of(request), request.match_info["id"]
    embed = embeds(request.query.getall("embed", []))
    if path.endswith("*"):
        group = canonical_path(path.removesuffix("*"))
        states = [state for app_id, state in runtime.cluster.apps.items() if is_below(app_id, group)]
        return await _stream(request, runtime, "*", states, embed | EMBED_ALWAYS)
    state = find_app(runtime, path)
    deployments = DeploymentIndex(runtime.cluster.deployments.values())
    return reply({"app": app_info(runtime.cluster, state, embed | EMBED_SINGLE, deployments)})


async def create_app(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    definition = new_definition(await read_body(request), default_role=runtime.config.mesos_role)
    app_id = AppId(definition["id"])
    if app_id in runtime.cluster.apps:
        raise ApiError(409, f"An app with id [{app_id}] already exists.")
    # An empty group of the same id makes room for the app.
    group_id = GroupId(app_id)
    groups = (
        {group_id: None} if group_id in runtime.cluster.groups and not _has_content(runtime, app_id) else {}
    )
    change = runtime.root.prepare({app_id: definition}, groups=groups)
    deployment = runtime.deployments.deploy(change, force=flag(request, "force"))
    announce_api_post(request, runtime, app_id)
    stamp = format_timestamp(change.version)
    # As upstream: service ports not assigned yet, no versionInfo, no tasks.
    body = {
        **definition,
        "version": stamp,
        "tasksStaged": 0,
        "tasksRunning": 0,
        "tasksHealthy": 0,
        "tasksUnhealthy": 0,
        "deployments": [{"id": deployment.id}],
    }
    headers = {**deployment_headers(deployment), **location(request, app_id)}
    return reply(body, status=201, headers=headers)


async def put_app(request: web.Request) -> web.Response:
    """PUT creates what is absent, PATCH does not."""
    runtime, app_id = runtime_of(request), path_id(request)
    body = await read_body(request)
    created = app_id not in runtime.cluster.apps
    if created and request.method == "PATCH":
        raise not_found(f"App '{app_id}' does not exist")
    definition = _updated(runtime, app_id, body, partial=flag(request, "partialUpdate", default=True))
    change = runtime.root.prepare({app_id: definition})
    deployment = runtime.deployments.deploy(change, force=flag(request, "force"))
    announce_api_post(request, runtime, app_id)
    if created:
        return deployment_result(deployment, status=201, headers=location(request, app_id))
    return deployment_result(deployment)


async def update_apps(request: web.Request) -> web.Response:
    """Several apps with one deployment."""
    runtime = runtime_of(request)
    bodies = await read_body(request)
    problems = Problems()
    if not isinstance(bodies, list):
        problems.add("/", "error.expected.jsarray")
        raise InvalidObjectError("Invalid JSON", problems)
    partial = flag(request, "partialUpdate", default=True)
    definitions: dict[AppId, Json | None] = {}
    for n, body in enumerate(bodies):
        if not isinstance(body, dict) or not isinstance(body.get("id"), str):
            problems.add(f"/({n})", "App Update must have app id set")
            raise InvalidObjectError("Object is not valid", problems)
        app_id = AppId(canonical_path(body["id"]))
        if app_id not in runtime.cluster.apps and request.method == "PATCH":
            raise not_found(f"App '{app_id}' does not exist")
        definitions[app_id] = _updated(runtime, app_id, body, partial=partial)
    change = runtime.root.prepare(definitions)
    return deployment_result(runtime.deployments.deploy(change, force=flag(request, "force")))


async def delete_app(request: web.Request) -> web.Response:
    """Forced by default, whatever the documentation says (reference, section 17)."""
    runtime, app_id = runtime_of(request), path_id(request)
    find_app(runtime, app_id)
    change = runtime.root.prepare({app_id: None})
    return deployment_result(runtime.deployments.deploy(change, force=flag(request, "force", default=True)))


async def restart_app(request: web.Request) -> web.Response:
    runtime, app_id = runtime_of(request), path_id(request)
    state = find_app(runtime, app_id)
    change = runtime.root.prepare({app_id: state.app.definition}, restart=[app_id])
    return deployment_result(runtime.deployments.deploy(change, force=flag(request, "force")))


async def list_versions(request: web.Request) -> web.Response:
    state = find_app(runtime_of(request), request.match_info["id"])
    return reply({"versions": [format_timestamp(version) for version in reversed(state.versions)]})


async def get_version(request: web.Request) -> web.Response:
    state = find_app(runtime_of(request), request.match_info["id"])
    text = request.match_info["version"]
    app = state.versions.get(read_timestamp(text))
    if app is None:
        raise not_found(f"App '{state.app.id}' does not exist in version {text}")
    return reply(app_json(app))


def path_id(request: web.Request) -> AppId:
    return AppId(canonical_path(request.match_info["id"]))


def find_app(runtime: ClusterRuntime, path: str) -> AppState:
    app_id = AppId(canonical_path(path))
    state = runtime.cluster.apps.get(app_id)
    if state is None:
        raise not_found(f"App '{app_id}' does not exist")
    return state


def announce_api_post(request: web.Request, runtime: ClusterRuntime, app_id: AppId) -> None:
    """For a POST, PUT or PATCH of one app; bulk updates and deletions are silent upstream."""
    runtime.bus.publish(
        "api_post_event",
        {
            "clientIp": request.remote or "",
            "uri": request.path,
            "appDefinition": app_json(runtime.cluster.apps[app_id].app),
        },
    )


def _updated(runtime: ClusterRuntime, app_id: AppId, body: object, *, partial: bool) -> Json:
    role = runtime.config.mesos_role
    state = runtime.cluster.apps.get(app_id)
    if state is None:
        whole = {**body, "id": app_id} if isinstance(body, dict) else body
        return new_definition(whole, default_role=role)
    update = update_body(body)
    if "version" in update:
        stored = state.versions.get(read_timestamp(update["version"]))
        if stored is None:
            raise not_found(f"App '{app_id}' does not exist in version {update['version']}")
        return stored.definition
    change = updated_definition if partial else replaced_definition
    return change(state.app.definition, update, default_role=role)


def _has_content(runtime: ClusterRuntime, group_id: str) -> bool:
    paths = (*runtime.cluster.apps, *runtime.cluster.groups)
    return any(is_below(path, group_id) for path in paths)


def _wanted(request: web.Request) -> Callable[[AppState], bool]:
    """The list's filters: substrings of id and cmd, label selectors."""
    by_id = request.query.get("id", "").lower()
    by_cmd = request.query.get("cmd", "").lower()
    try:
        labels = parse_selectors(request.query.get("label", ""))
    except ValueError as error:
        raise ApiError(422, str(error)) from error
    return lambda state: (
        by_id in state.app.id.lower() and by_cmd in (state.app.cmd or "").lower() and labels(state.app.labels)
    )


async def _stream(
    request: web.Request, runtime: ClusterRuntime, key: str, states: list[AppState], embed: frozenset[str]
) -> web.StreamResponse:
    deployments = DeploymentIndex(runtime.cluster.deployments.values())
    return await stream_list(
        request, key, (app_info(runtime.cluster, state, embed, deployments) for state in states)
    )
