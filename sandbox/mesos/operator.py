"""The v1 operator API, `POST /api/v1`, in JSON. Source: docs/operator-http-api.md, master.proto."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

from sandbox.ids import HostId
from sandbox.mesos import render, render_v1
from sandbox.mesos.feed import MasterFeed, record
from sandbox.mesos.http import Refusal, read_json
from sandbox.mesos.maintenance import Maintenance
from sandbox.mesos.metrics import snapshot
from sandbox.model import Cluster, Host
from sandbox.scheduler.hosts import Hosts
from sandbox.scheduler.views import TASK_ADDRESS
from sandbox.store import Store

Json = dict[str, Any]

HEARTBEAT_S = 15.0
_LOOK_AT_AGENTS_S = 1.0


class Operator:
    """The calls of the operator API over one cluster."""

    def __init__(
        self, cluster: Cluster, hosts: Hosts, store: Store, feed: MasterFeed, maintenance: Maintenance
    ) -> None:
        self._cluster = cluster
        self._hosts = hosts
        self._store = store
        self._feed = feed
        self._maintenance = maintenance
        self._reads: dict[str, Callable[[web.Request], Json]] = {
            "GET_HEALTH": lambda request: {"healthy": True},
            "GET_VERSION": lambda request: {"version_info": {"version": render.VERSION}},
            "GET_MASTER": self._master,
            "GET_STATE": lambda request: render_v1.get_state(cluster),
            "GET_AGENTS": lambda request: render_v1.get_agents(cluster),
            "GET_FRAMEWORKS": lambda request: render_v1.get_frameworks(cluster),
            "GET_TASKS": lambda request: render_v1.get_tasks(cluster),
            "GET_EXECUTORS": lambda request: render_v1.get_executors(),
            "GET_METRICS": self._metrics,
            "GET_ROLES": self._roles,
            "GET_MAINTENANCE_SCHEDULE": lambda request: {"schedule": maintenance.schedule()},
            "GET_MAINTENANCE_STATUS": lambda request: {"status": maintenance.status()},
        }
        self._writes: dict[str, Callable[[Host, Json], None]] = {
            "DRAIN_AGENT": self._drain,
            "DEACTIVATE_AGENT": lambda host, call: hosts.deactivate(host),
            "REACTIVATE_AGENT": self._reactivate,
            "MARK_AGENT_GONE": lambda host, call: hosts.mark_gone(host),
        }

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answer one call. Raises Refusal."""
        _check_types(request)
        call = await read_json(request)
        kind = call.get("type") if isinstance(call, dict) else None
        if kind == "SUBSCRIBE":
            return await self._subscribe(request)
        if kind in self._reads:
            return web.json_response({"type": kind, kind.lower(): self._reads[kind](request)})
        if kind in self._writes:
            content = call.get(kind.lower(), {})
            self._writes[kind](self._agent(content), content)
            self._store.flush()
            return web.Response()
        raise Refusal(400, f"Failed to validate master::Call: Expecting 'type' to be known, not {kind}")

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        """The whole state, then every change of it, for as long as the client listens."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        subscriber = self._feed.subscribe()
        try:
            await response.prepare(request)
            state = {
                "get_state": render_v1.get_state(self._cluster),
                "heartbeat_interval_seconds": HEARTBEAT_S,
            }
            await response.write(record({"type": "SUBSCRIBED", "subscribed": state}))
            loop = asyncio.get_running_loop()
            beat_at = loop.time() + HEARTBEAT_S
            while not subscriber.closed:
                if loop.time() >= beat_at:
                    beat_at += HEARTBEAT_S
                    await response.write(record({"type": "HEARTBEAT"}))
                self._feed.look_at_agents()
                records = await subscriber.fetch(_LOOK_AT_AGENTS_S)
                if records:
                    await response.write(records)
        except ConnectionResetError:
            pass  # the client went away
        finally:
            self._feed.unsubscribe(subscriber)
        return response

    def _agent(self, content: Json) -> Host:
        agent_id = content.get("agent_id", {}).get("value", "")
        host = self._cluster.hosts.get(HostId(str(agent_id)))
        if host is None:
            raise Refusal(400, "Unknown agent")
        return host

    def _drain(self, host: Host, call: Json) -> None:
        grace = call.get("max_grace_period")
        grace_s = None if grace is None else grace.get("seconds", 0) + grace.get("nanos", 0) / 1e9
        self._hosts.drain(host, max_grace_s=grace_s, mark_gone=bool(call.get("mark_gone", False)))

    def _reactivate(self, host: Host, call: Json) -> None:
        if not host.deactivated:
            raise Refusal(400, "Agent is not deactivated")
        if host.drain is not None and not host.drain.done:
            raise Refusal(400, "Agent is still in the DRAINING state")
        self._hosts.reactivate(host)

    def _master(self, request: web.Request) -> Json:
        port = request.url.port or 80
        return {
            "master_info": {
                "id": self._cluster.master_id,
                "hostname": request.url.host,
                "port": port,
                "pid": f"master@{TASK_ADDRESS}:{port}",
                "version": render.VERSION,
            },
            "start_time": self._cluster.started_at.timestamp(),
            "elected_time": self._cluster.elected_at.timestamp(),
        }

    def _metrics(self, request: web.Request) -> Json:
        found = snapshot(self._cluster, self._feed)
        return {"metrics": [{"name": name, "value": value} for name, value in found.items()]}

    def _roles(self, request: web.Request) -> Json:
        return {"roles": [{"name": name, "weight": 1.0} for name in render.roles(self._cluster)]}


def _check_types(request: web.Request) -> None:
    if "Content-Type" not in request.headers:
        raise Refusal(400, "Expecting 'Content-Type' to be present")
    if request.content_type != "application/json":
        raise Refusal(415, "Expecting 'Content-Type' of application/json")
    accepted = request.headers.get("Accept", "*/*")
    if not any(kind in accepted for kind in ("application/json", "application/*", "*/*")):
        raise Refusal(406, "Expecting 'Accept' to allow application/json")
