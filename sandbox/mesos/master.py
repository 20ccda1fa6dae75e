"""The master's v0 HTTP API. Every path works as `/x` and as `/master/x`, but for the few that never take
the prefix. Source: src/master/http.cpp, src/master/readonly_handler.cpp."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from sandbox.ids import HostId
from sandbox.mesos import render
from sandbox.mesos.feed import MasterFeed
from sandbox.mesos.http import Handler, Refusal, answer_refusals, read_json
from sandbox.mesos.maintenance import Maintenance
from sandbox.mesos.metrics import snapshot
from sandbox.mesos.operator import Operator
from sandbox.model import COMPLETED_TASKS_KEPT, Cluster, Task
from sandbox.scheduler.hosts import Hosts
from sandbox.scheduler.views import TASK_ADDRESS
from sandbox.store import Store

Json = render.Json

_PAGE = 100


def master_app(cluster: Cluster, hosts: Hosts, store: Store, feed: MasterFeed) -> web.Application:
    """The master's routes, for one port. The feed must be told of every status."""
    maintenance = Maintenance(cluster, hosts, store)
    master = _Master(cluster, feed, maintenance)
    operator = Operator(cluster, hosts, store, feed, maintenance)
    app = web.Application(middlewares=[answer_refusals])
    app.router.add_get("/version", master.version)
    app.router.add_get("/metrics/snapshot", master.metrics)
    for path, handler in master.reads().items():
        for prefix in ("/master", ""):
            app.router.add_get(f"{prefix}/{path}", handler)
    for path, handler in master.writes().items():
        for prefix in ("/master", ""):
            app.router.add_post(f"{prefix}/{path}", handler)
    for prefix in ("/master", ""):
        app.router.add_post(f"{prefix}/api/v1", operator.call)

    async def cut(app: web.Application) -> None:
        feed.cut()

    app.on_shutdown.append(cut)
    return app


class _Master:
    def __init__(self, cluster: Cluster, feed: MasterFeed, maintenance: Maintenance) -> None:
        self._cluster = cluster
        self._feed = feed
        self._maintenance = maintenance

    def reads(self) -> dict[str, Handler]:
        return {
            "health": self.health,
            "redirect": self.redirect,
            "state": self.state,
            "state-summary": self.state_summary,
            "slaves": self.slaves,
            "frameworks": self.frameworks,
            "tasks": self.tasks,
            "roles": self.roles,
            "quota": self.quota,
            "weights": self.weights,
            "flags": self.flags,
            "maintenance/schedule": self.schedule,
            "maintenance/status": self.maintenance_status,
        }

    def writes(self) -> dict[str, Handler]:
        return {
            "maintenance/schedule": self.replace_schedule,
            "machine/down": self.machine_down,
            "machine/up": self.machine_up,
        }

    async def health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def redirect(self, request: web.Request) -> web.Response:
        """To the leading master, scheme-relative: this one."""
        return web.Response(status=307, headers={"Location": f"//{request.host}"})

    async def version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": render.VERSION})

    async def flags(self, request: web.Request) -> web.Response:
        return web.json_response({"flags": self._flags(request)})

    async def metrics(self, request: web.Request) -> web.Response:
        return web.json_response(snapshot(self._cluster, self._feed))

    async def quota(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def weights(self, request: web.Request) -> web.Response:
        return web.json_response([])

    async def state(self, request: web.Request) -> web.Response:
        cluster, hosts = self._cluster, render.registered(self._cluster)
        port = request.url.port or 80
        pid = f"master@{TASK_ADDRESS}:{port}"
        leader = {"id": cluster.master_id, "pid": pid, "port": port, "hostname": request.url.host}
        return web.json_response(
            {
                "version": render.VERSION,
                "start_time": cluster.started_at.timestamp(),
                "elected_time": cluster.elected_at.timestamp(),
                "id": cluster.master_id,
                "pid": pid,
                "hostname": request.url.host,
                "capabilities": ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"],
                "activated_slaves": float(sum(host.offering for host in hosts)),
                "deactivated_slaves": float(sum(not host.offering for host in hosts)),
                "unreachable_slaves": float(sum(not host.reachable for host in cluster.hosts.values())),
                "leader": pid,
                "leader_info": leader,
                "cluster": cluster.name,
                "flags": self._flags(request),
                "slaves": [render.agent_json(host) for host in hosts],
                "recovered_slaves": [],
                "frameworks": self._frameworks(),
                "completed_frameworks": [],
                "orphan_tasks": [],
                "unregistered_frameworks": [],
            }
        )

    async def state_summary(self, request: web.Request) -> web.Response:
        """Agents and frameworks with counts of tasks instead of the tasks."""
        ended = self._ended_by_host()
        by_framework = render.tasks_by_framework(self._cluster)
        frameworks = [
            {
                **render.framework_summary(framework, by_framework[framework.id]),
                **render.state_counts((*by_framework[framework.id], *framework.completed)),
                "slave_ids": sorted({task.host_id for task in by_framework[framework.id]}),
            }
            for framework in self._cluster.frameworks.values()
        ]
        return web.json_response(
            {
                "hostname": request.url.host,
                "cluster": self._cluster.name,
                "slaves": [
                    {
                        **render.agent_json(host),
                        **render.state_counts((*host.tasks.values(), *ended.get(host.id, ()))),
                        "framework_ids": sorted({task.framework_id for task in host.tasks.values()}),
                    }
                    for host in render.registered(self._cluster)
                ],
                "frameworks": frameworks,
            }
        )

    async def slaves(self, request: web.Request) -> web.Response:
        wanted = request.query.get("slave_id")
        hosts = [host for host in render.registered(self._cluster) if wanted in (None, host.id)]
        return web.json_response(
            {"slaves": [render.agent_json_full(host) for host in hosts], "recovered_slaves": []}
        )

    async def frameworks(self, request: web.Request) -> web.Response:
        wanted = request.query.get("framework_id")
        found = [item for item in self._frameworks() if wanted in (None, item["id"])]
        return web.json_response({"frameworks": found, "completed_frameworks": []})

    async def tasks(self, request: web.Request) -> web.Response:
        """One page of all tasks, ended ones too, by the time of their first status: the newest first."""
        try:
            limit, offset = int(request.query.get("limit", _PAGE)), int(request.query.get("offset", 0))
        except ValueError:
            raise Refusal(400, "Failed to parse limit or offset: a number is needed.\n") from None
        found = [
            task
            for task in self._all_tasks()
            if request.query.get("framework_id") in (None, task.framework_id)
            and request.query.get("task_id") in (None, task.id)
        ]
        newest_first = request.query.get("order", "des") != "asc"
        found.sort(key=_first_seen, reverse=newest_first)
        return web.json_response({"tasks": [render.task_json(task) for task in found[offset:][:limit]]})

    async def roles(self, request: web.Request) -> web.Response:
        return web.json_response({"roles": [self._role(name) for name in render.roles(self._cluster)]})

    async def schedule(self, request: web.Request) -> web.Response:
        return web.json_response(self._maintenance.schedule())

    async def maintenance_status(self, request: web.Request) -> web.Response:
        return web.json_response(self._maintenance.status())

    async def replace_schedule(self, request: web.Request) -> web.Response:
        self._maintenance.replace_schedule(await read_json(request))
        return web.Response()

    async def machine_down(self, request: web.Request) -> web.Response:
        self._maintenance.bring_down(await read_json(request))
        return web.Response()

    async def machine_up(self, request: web.Request) -> web.Response:
        self._maintenance.bring_up(await read_json(request))
        return web.Response()

    def _frameworks(self) -> list[Json]:
        by_framework = render.tasks_by_framework(self._cluster)
        return [
            render.framework_json(framework, by_framework[framework.id])
            for framework in self._cluster.frameworks.values()
        ]

    def _role(self, name: str) -> Json:
        tasks = [
            task for host in self._cluster.hosts.values() for task in host.tasks.values() if task.role == name
        ]
        frameworks = [item.id for item in self._cluster.frameworks.values() if item.role == name]
        return {
            "name": name,
            "weight": 1.0,
            "frameworks": frameworks,
            "resources": render.used_by(tasks)["resources"],
        }

    def _all_tasks(self) -> Iterator[Task]:
        for tasks in render.tasks_by_framework(self._cluster).values():
            yield from tasks
        for framework in self._cluster.frameworks.values():
            yield from framework.completed

    def _ended_by_host(self) -> dict[HostId, list[Task]]:
        found: dict[HostId, list[Task]] = {}
        for framework in self._cluster.frameworks.values():
            for task in framework.completed:
                found.setdefault(task.host_id, []).append(task)
        return found

    def _flags(self, request: web.Request) -> Json:
        return {
            "cluster": self._cluster.name,
            "hostname": request.url.host,
            "ip": TASK_ADDRESS,
            "port": str(request.url.port or 80),
            "max_completed_tasks_per_framework": str(COMPLETED_TASKS_KEPT),
        }


def _first_seen(task: Task) -> float:
    return task.statuses[0].at.timestamp() if task.statuses else float("inf")
