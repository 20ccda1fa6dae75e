"""The agents' HTTP API, all of a cluster's behind one port. Source: src/slave/http.cpp."""

from __future__ import annotations

import time
from pathlib import Path

from aiohttp import web

from sandbox.faults.state import Faults
from sandbox.mesos import render
from sandbox.mesos.files import Files
from sandbox.mesos.http import HostAway, Refusal, answer_refusals
from sandbox.mesos.statistics import Usage, statistics_json, usage_by_session
from sandbox.model import Cluster, Framework, Host, Task
from sandbox.resources import UNRESERVED
from sandbox.scheduler.views import TASK_ADDRESS

Json = dict[str, object]


def agents_app(cluster: Cluster, work_dir: Path, faults: Faults) -> web.Application:
    """The agents' routes, for one port. `work_dir` holds the sandbox folders."""
    agents = _Agents(cluster, work_dir, faults)
    app = web.Application(middlewares=[answer_refusals])
    app.router.add_routes(Files(cluster, work_dir, agents.reachable).routes())
    app.router.add_get("/version", agents.version)
    for path, handler in (
        ("state", agents.state),
        ("containers", agents.containers),
        ("monitor/statistics", agents.statistics),
        ("flags", agents.flags),
        ("health", agents.health),
    ):
        for prefix in (r"/slave({number:\d+})", ""):
            app.router.add_get(f"{prefix}/{path}", handler)
    return app


class _Agents:
    def __init__(self, cluster: Cluster, work_dir: Path, faults: Faults) -> None:
        self._cluster = cluster
        self._work_dir = work_dir
        self._faults = faults

    def reachable(self, hostname: str) -> bool:
        return hostname not in self._faults.lost_hosts | self._faults.partitioned_hosts

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": render.VERSION})

    async def health(self, request: web.Request) -> web.Response:
        self._host(request)
        return web.Response()

    async def flags(self, request: web.Request) -> web.Response:
        return web.json_response({"flags": self._flags(self._host(request))})

    async def state(self, request: web.Request) -> web.Response:
        """The agent with its executors; for a command executor, executor and task have the same id."""
        host = self._host(request)
        resources = host.resources
        return web.json_response(
            {
                "version": render.VERSION,
                "id": host.id,
                "pid": host.agent_pid,
                "hostname": host.hostname,
                "capabilities": render.CAPABILITIES,
                "start_time": self._cluster.started_at.timestamp(),
                "resources": render.total_resources(resources),
                "reserved_resources": {
                    role: render.role_resources(resources, role) for role in render.reserving_roles(resources)
                },
                "unreserved_resources": render.role_resources(resources, UNRESERVED),
                "unreserved_resources_full": render.full_resources(resources, UNRESERVED),
                "reserved_resources_full": {
                    role: render.full_resources(resources, role) for role in render.reserving_roles(resources)
                },
                "resource_providers": [],
                "attributes": dict(host.attributes),
                "master_hostname": TASK_ADDRESS,
                "flags": self._flags(host),
                "frameworks": [
                    self._framework(host, framework) for framework in self._cluster.frameworks.values()
                ],
                "completed_frameworks": [],
                **({} if host.drain is None else {"drain_config": render.drain_info(host.drain)["config"]}),
            }
        )

    async def containers(self, request: web.Request) -> web.Response:
        """Every container with its statistics; `status`, where the built-in help says container_status."""
        wanted = {
            key: request.query[key]
            for key in ("container_id", "framework_id", "executor_id")
            if key in request.query
        }
        found = [
            {
                "container_id": task.container_id,
                **_monitored(task, usage, now),
                "status": {
                    "container_id": {"value": task.container_id},
                    "executor_pid": task.pid,
                    "network_infos": [{"ip_addresses": [{"ip_address": TASK_ADDRESS, "protocol": "IPv4"}]}],
                },
            }
            for task, usage, now in self._measured(self._host(request))
        ]
        return web.json_response(
            [item for item in found if all(item[key] == value for key, value in wanted.items())]
        )

    async def statistics(self, request: web.Request) -> web.Response:
        return web.json_response(
            [_monitored(task, usage, now) for task, usage, now in self._measured(self._host(request))]
        )

    def _measured(self, host: Host) -> list[tuple[Task, Usage, float]]:
        usages, now = usage_by_session(), time.time()
        return [
            (task, usages[task.pid], now)
            for task in host.tasks.values()
            if task.pid is not None and task.pid in usages
        ]

    def _framework(self, host: Host, framework: Framework) -> Json:
        live = [task for task in host.tasks.values() if task.framework_id == framework.id]
        ended = [task for task in framework.completed if task.host_id == host.id]
        return {
            "id": framework.id,
            "name": framework.name,
            "user": framework.user,
            "hostname": TASK_ADDRESS,
            "role": framework.role,
            "checkpoint": True,
            "failover_timeout": 604800.0,
            "executors": [_executor(task, tasks="tasks") for task in live],
            "completed_executors": [_executor(task, tasks="completed_tasks") for task in ended],
        }

    def _host(self, request: web.Request) -> Host:
        """The agent that the path names. Without a prefix, the only one there is. Raises Refusal, HostAway."""
        hosts = list(self._cluster.hosts.values())
        number = request.match_info.get("number")
        if number is None and len(hosts) > 1:
            raise Refusal(
                404, "Several agents share this port: use the prefix in their pid, as in /slave(1)/state\n"
            )
        host = next((host for host in hosts if number is None or host.number == int(number)), None)
        if host is None:
            raise Refusal(404)
        if not self.reachable(host.hostname) or host.down:
            raise HostAway
        return host

    def _flags(self, host: Host) -> Json:
        return {
            "hostname": host.hostname,
            "ip": TASK_ADDRESS,
            "port": str(render.agent_port(host)),
            "work_dir": str(self._work_dir),
            "attributes": ";".join(f"{name}:{value}" for name, value in host.attributes.items()),
            "isolation": "posix/cpu,posix/mem",
        }


def _executor(task: Task, *, tasks: str) -> Json:
    return {
        "id": task.id,
        "name": f"Command Executor (Task: {task.id})",
        "source": task.id,
        "container": task.container_id,
        "directory": task.directory,
        "resources": render.allocation_json(task.allocation),
        "role": task.role,
        "tasks": [],
        "queued_tasks": [],
        "completed_tasks": [],
        tasks: [render.task_json(task)],
    }


def _monitored(task: Task, usage: Usage, now: float) -> Json:
    return {
        "executor_id": task.id,
        "executor_name": f"Command Executor (Task: {task.id})",
        "framework_id": task.framework_id,
        "source": task.id,
        "statistics": statistics_json(task, usage, timestamp=now),
    }
