"""/v2/info, /v2/leader, /ping, /metrics and the other small ones. Source: api/v2/InfoResource.scala and
neighbours."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from sandbox.definitions.app import Json
from sandbox.marathon.http import reply, runtime_of
from sandbox.model import TaskState
from sandbox.runtime import ClusterRuntime

VERSION = "1.11.24"


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/v2/info", info)
    router.add_get("/v2/plugins", plugins)
    router.add_get("/v2/pods", pods)
    router.add_get("/v2/pods/::status", pods)
    router.add_get("/ping", ping)
    router.add_get("/metrics", metrics)
    router.add_get("/metrics/prometheus", prometheus)
    router.add_get("/logging", logging_levels)
    router.add_get("/config", info)
    router.add_get("/", ui)
    router.add_get("/v2/leader", leader)
    router.add_delete("/v2/leader", abdicate)


async def info(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    address = runtime.leadership.leader_address
    mesos = runtime.mesos_url or "http://127.0.0.1:5050"
    marathon_config: Json = {
        "master": mesos.removeprefix("http://"),
        "mesos_leader_ui_url": f"{mesos}/",
        "mesos_role": runtime.config.mesos_role,
        "mesos_user": "root",
        "framework_name": runtime.cluster.marathon.name,
        "hostname": "127.0.0.1",
        "ha": bool(runtime.config.marathon_standby_ports),
        "checkpoint": True,
        "executor": "//cmd",
        "features": ["task_killing"],
        "failover_timeout": 604800,
        "local_port_min": 10000,
        "local_port_max": 20000,
        "task_launch_timeout": 300000,
        "reconciliation_initial_delay": 15000,
        "reconciliation_interval": 600000,
        "env_vars_prefix": None,
        "webui_url": None,
        "access_control_allow_origin": None,
        "leader_proxy_connection_timeout_ms": 5000,
        "leader_proxy_read_timeout_ms": 10000,
        "maintenance_mode": True,
    }
    return reply(
        {
            "name": "marathon",
            "version": VERSION,
            "buildref": "sandbox",
            "elected": True,
            "leader": address,
            "frameworkId": runtime.cluster.marathon.id,
            "marathon_config": {name: value for name, value in marathon_config.items() if value is not None},
            "zookeeper_config": {
                "zk": "zk://127.0.0.1:2181/marathon",
                "zk_compression": True,
                "zk_compression_threshold": 65536,
                "zk_connection_timeout": 10000,
                "zk_max_node_size": 1024000,
                "zk_max_versions": 50,
                "zk_session_timeout": 10000,
                "zk_timeout": 10000,
            },
            "http_config": {"http_port": request.url.port or 0, "https_port": 8443},
        }
    )


async def plugins(request: web.Request) -> web.Response:
    return reply({"plugins": []})


async def pods(request: web.Request) -> web.Response:
    """HEAD asks whether pods are known at all; there are none here."""
    return reply([])


async def ping(request: web.Request) -> web.Response:
    accept = request.headers.get("Accept", "*/*")
    if any(kind in accept for kind in ("text/plain", "text/*", "*/*")):
        return web.Response(text="pong")
    if "application/json" in accept:
        return reply("pong")
    return web.Response(status=204)


async def metrics(request: web.Request) -> web.Response:
    return reply(
        {
            "version": "4.0.0",
            "counters": {},
            "gauges": {name: {"value": value} for name, value in _gauges(runtime_of(request)).items()},
            "histograms": {},
            "meters": {},
            "timers": {},
        }
    )


async def prometheus(request: web.Request) -> web.Response:
    lines = []
    for name, value in _gauges(runtime_of(request)).items():
        plain = name.replace(".", "_").replace("-", "_")
        lines += [f"# TYPE {plain} gauge", f"{plain} {value}"]
    return web.Response(text="\n".join(lines) + "\n")


async def logging_levels(request: web.Request) -> web.Response:
    return reply({"ROOT": "INFO"})


async def ui(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/ui/"})


async def leader(request: web.Request) -> web.Response:
    return reply({"leader": runtime_of(request).leadership.leader_address})


async def abdicate(request: web.Request) -> web.Response:
    runtime_of(request).leadership.abdicate()
    return reply({"message": "Leadership abdicated"})


def _gauges(runtime: ClusterRuntime) -> dict[str, int]:
    cluster = runtime.cluster
    states = Counter(
        instance.task.state for instance in cluster.instances.values() if instance.task is not None
    )
    return {
        "marathon.apps.active.gauge": len(cluster.apps),
        "marathon.groups.active.gauge": len(cluster.groups),
        "marathon.deployments.active.gauge": len(cluster.deployments),
        "marathon.instances.running.gauge": states[TaskState.RUNNING],
        "marathon.instances.staged.gauge": states[TaskState.STAGING],
    }
