"""Tasks of one app and of all. Sources: api/v2/AppTasksResource.scala, TasksResource.scala."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aiohttp import web

from sandbox.definitions.app import Json
from sandbox.definitions.build import read
from sandbox.definitions.schema import ListOf, Record, Text
from sandbox.ids import AppId, canonical_path, instance_of_task, is_below
from sandbox.marathon.app_view import shown, task_json
from sandbox.marathon.apps import find_app, path_id
from sandbox.marathon.http import (
    ApiError,
    deployment_result,
    flag,
    not_found,
    read_body,
    reply,
    runtime_of,
    stream_list,
)
from sandbox.model import Deployment, Goal, Instance, TaskState
from sandbox.runtime import ClusterRuntime

_IDS = Record({"ids": ListOf(Text())}, required=frozenset({"ids"}))


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/v2/apps/{id:.+}/tasks", list_app_tasks)
    router.add_delete("/v2/apps/{id:.+}/tasks", kill_app_tasks)
    router.add_delete("/v2/apps/{id:.+}/tasks/{task}", kill_app_task)
    router.add_get("/v2/tasks", list_tasks)
    router.add_post("/v2/tasks/delete", kill_tasks)


async def list_app_tasks(request: web.Request) -> web.Response:
    runtime, path = runtime_of(request), request.match_info["id"]
    if path.endswith("*"):
        group = canonical_path(path.removesuffix("*"))
        states = [state for app_id, state in runtime.cluster.apps.items() if is_below(app_id, group)]
    else:
        states = [find_app(runtime, path)]
    instances = [instance for state in states for instance in state.instances.values()]
    return reply({"tasks": _tasks_json(runtime, instances)})


async def list_tasks(request: web.Request) -> web.StreamResponse:
    """The only place where `servicePorts` is filled in."""
    runtime = runtime_of(request)
    asked = {*request.query.getall("status", []), *request.query.getall("status[]", [])}
    wanted = {
        state
        for name, state in (("running", TaskState.RUNNING), ("staging", TaskState.STAGING))
        if name in asked
    }
    return await stream_list(request, "tasks", _all_tasks(runtime, wanted))


async def kill_app_tasks(request: web.Request) -> web.Response:
    runtime, app_id = runtime_of(request), path_id(request)
    scale = flag(request, "scale")
    state = runtime.cluster.apps.get(app_id)
    if state is None:
        raise not_found(f"Path '{app_id}' does not exist" if scale else f"App '{app_id}' does not exist")
    host = request.query.get("host", "*")
    victims = [
        instance
        for instance in shown(state.instances.values())
        if host == "*" or _hostname(runtime, instance) == host
    ]
    if scale and not state.instances:
        raise not_found(f"Path '{app_id}' does not exist")
    body = {"tasks": _tasks_json(runtime, victims)}
    deployment = _kill(request, runtime, victims)
    return reply(body) if deployment is None else deployment_result(deployment)


async def kill_app_task(request: web.Request) -> web.Response:
    runtime, task_id = runtime_of(request), request.match_info["task"]
    state = find_app(runtime, request.match_info["id"])
    instance_id = instance_of_task(task_id)
    instance = state.instances.get(instance_id) if instance_id is not None else None
    if instance is None or instance.task is None:
        raise not_found(f"Task '{task_id}' does not exist")
    body = {"task": task_json(runtime.cluster, instance, state.app)}
    deployment = _kill(request, runtime, [instance])
    return reply(body) if deployment is None else deployment_result(deployment)


async def kill_tasks(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    ids: list[str] = read(_IDS, await read_body(request))["ids"]
    victims = []
    for task_id in ids:
        instance_id = instance_of_task(task_id)
        if instance_id is None:
            raise ApiError(400, f"Invalid task id '{task_id}'. [{task_id}]")
        instance = runtime.cluster.instances.get(instance_id)
        if instance is not None and instance.task is not None and instance.app_id in runtime.cluster.apps:
            victims.append(instance)
    body = {"tasks": _tasks_json(runtime, victims)}
    deployment = _kill(request, runtime, victims)
    return reply(body) if deployment is None else deployment_result(deployment)


def _all_tasks(runtime: ClusterRuntime, wanted: set[TaskState]) -> Iterator[Json]:
    # Copies, as apps and instances come and go while the answer is on its way.
    for state in list(runtime.cluster.apps.values()):
        service_ports = [port.service_port for port in state.app.ports]
        for instance in shown(list(state.instances.values())):
            if not wanted or (instance.task is not None and instance.task.state in wanted):
                yield {**task_json(runtime.cluster, instance, state.app), "servicePorts": service_ports}


def _kill(request: web.Request, runtime: ClusterRuntime, victims: list[Instance]) -> Deployment | None:
    """Kill as `scale`, `wipe` and `force` say. With `scale` the apps shrink by their victims, in one
    deployment."""
    scale, wipe = flag(request, "scale"), flag(request, "wipe")
    if scale and wipe:
        raise ApiError(400, "You cannot use scale and wipe at the same time.")
    deployment = None
    if scale:
        definitions: dict[AppId, Json | None] = {}
        for instance in victims:
            current = runtime.cluster.apps[instance.app_id].app.definition
            shrunk = definitions.get(instance.app_id) or current
            definitions[instance.app_id] = {**shrunk, "instances": max(0, shrunk["instances"] - 1)}
        change = runtime.root.prepare(definitions)
        deployment = runtime.deployments.deploy(change, force=flag(request, "force"))
    for instance in victims:
        if scale or wipe:
            runtime.tracker.set_goal(instance, Goal.DECOMMISSIONED)
        runtime.launching.kill(instance)
    return deployment


def _tasks_json(runtime: ClusterRuntime, instances: Iterable[Instance]) -> list[Json]:
    return [
        task_json(runtime.cluster, instance, runtime.cluster.apps[instance.app_id].app)
        for instance in shown(instances)
    ]


def _hostname(runtime: ClusterRuntime, instance: Instance) -> str | None:
    host = runtime.cluster.hosts.get(instance.host_id) if instance.host_id else None
    return None if host is None else host.hostname
