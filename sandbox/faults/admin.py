"""The admin door: one HTTP port for the whole sandbox, JSON in and out. `docs/sandbox.md` lists it with
examples."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.definitions.build import read
from sandbox.definitions.schema import (
    Boolean,
    Choice,
    Integer,
    InvalidObjectError,
    Number,
    Record,
    Text,
)
from sandbox.faults.state import ApiFault, ApiFaultKind
from sandbox.marathon.http import ApiError, not_found, read_body, reply
from sandbox.model import Host
from sandbox.runtime import ClusterRuntime

RUNTIMES = web.AppKey("runtimes", dict[str, ClusterRuntime])

_PROBABILITY = Number(0, 1)
_API_FAULT = Record(
    {
        "kind": Choice(tuple(kind.value for kind in ApiFaultKind)),
        "status": Integer(400, 599),
        "delay_s": Number(0),
        "method": Text(),
        "path": Text(),
        "calls": Integer(1),
        "seconds": Number(0),
    },
    required=frozenset({"kind"}),
)
_EVENT_FAULTS = Record(
    {
        "drop": _PROBABILITY,
        "duplicate": _PROBABILITY,
        "reorder": _PROBABILITY,
        "silent": Boolean(),
        "seed": Integer(0),
    }
)
_CHRONOS_FAULTS = Record({"away": Boolean()}, required=frozenset({"away"}))
_LAUNCH_FAULTS = Record({"delay_s": Number(0)}, required=frozenset({"delay_s"}))


def make_admin_app(runtimes: Sequence[ClusterRuntime]) -> web.Application:
    app = web.Application(middlewares=[_explain])
    app[RUNTIMES] = {runtime.cluster.name: runtime for runtime in runtimes}
    router = app.router
    router.add_get("/", list_faults)
    router.add_delete("/", clear_all)
    router.add_post("/{cluster}/api", add_api_fault)
    router.add_delete("/{cluster}/api", clear_api_faults)
    router.add_put("/{cluster}/events", set_event_faults)
    router.add_post("/{cluster}/events/cut", cut_streams)
    router.add_put("/{cluster}/launches", set_launch_faults)
    router.add_put("/{cluster}/chronos", set_chronos_faults)
    router.add_post("/{cluster}/leader/change", change_leader)
    router.add_post("/{cluster}/hosts/{host}/{verb:lose|partition|restore}", change_host)
    return app


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return reply(error.body, status=error.status)
    except InvalidObjectError as error:
        return reply({"message": str(error), "details": error.details}, status=422)


async def list_faults(request: web.Request) -> web.Response:
    """Everything that is in force, by cluster."""
    return reply({name: _faults_json(runtime) for name, runtime in request.app[RUNTIMES].items()})


async def clear_all(request: web.Request) -> web.Response:
    """Mend everything: lost and partitioned hosts come back too."""
    for runtime in request.app[RUNTIMES].values():
        faults = runtime.faults
        _end_api_faults(runtime)
        faults.events.mend()
        faults.launch_delay_s = 0.0
        faults.chronos_away = False
        runtime.chronos.wake()
        for hostname in [*faults.lost_hosts, *faults.partitioned_hosts]:
            runtime.hosts.restore(runtime.cluster.hosts_by_name[hostname])
    return await list_faults(request)


async def add_api_fault(request: web.Request) -> web.Response:
    runtime = _runtime(request)
    body = read(_API_FAULT, await read_body(request))
    seconds = body.get("seconds")
    fault = ApiFault(
        id=uuid.uuid4().hex[:8],
        kind=ApiFaultKind(body["kind"]),
        status=body.get("status", 503),
        delay_s=body.get("delay_s", 0.0),
        method=body.get("method", "").upper() or None,
        path=body.get("path"),
        calls=body.get("calls"),
        until=None if seconds is None else asyncio.get_running_loop().time() + seconds,
    )
    runtime.faults.api[fault.id] = fault
    return reply(_api_fault_json(fault), status=201)


async def clear_api_faults(request: web.Request) -> web.Response:
    runtime = _runtime(request)
    _end_api_faults(runtime)
    return reply(_faults_json(runtime))


async def set_event_faults(request: web.Request) -> web.Response:
    """Replaces what was set before: what is not named is off."""
    runtime = _runtime(request)
    body = read(_EVENT_FAULTS, await read_body(request))
    faults = runtime.faults.events
    faults.mend()
    faults.drop = body.get("drop", 0.0)
    faults.duplicate = body.get("duplicate", 0.0)
    faults.reorder = body.get("reorder", 0.0)
    faults.silent = body.get("silent", False)
    if "seed" in body:
        faults.seed(body["seed"])
    return reply(_faults_json(runtime))


async def cut_streams(request: web.Request) -> web.Response:
    return reply({"cut": _runtime(request).bus.cut()})


async def set_launch_faults(request: web.Request) -> web.Response:
    runtime = _runtime(request)
    runtime.faults.launch_delay_s = read(_LAUNCH_FAULTS, await read_body(request))["delay_s"]
    return reply(_faults_json(runtime))


async def set_chronos_faults(request: web.Request) -> web.Response:
    """Away: it neither answers nor launches; what it runs goes on."""
    runtime = _runtime(request)
    runtime.faults.chronos_away = read(_CHRONOS_FAULTS, await read_body(request))["away"]
    runtime.chronos.wake()
    return reply(_faults_json(runtime))


async def change_leader(request: web.Request) -> web.Response:
    _runtime(request).leadership.abdicate()
    return reply({"message": "Leadership abdicated"})


async def change_host(request: web.Request) -> web.Response:
    runtime = _runtime(request)
    host = _host(runtime, request.match_info["host"])
    match request.match_info["verb"]:
        case "lose":
            runtime.hosts.lose(host)
        case "partition":
            runtime.hosts.cut_off(host)
        case "restore":
            runtime.hosts.restore(host)
    return reply(_faults_json(runtime))


def _runtime(request: web.Request) -> ClusterRuntime:
    name = request.match_info["cluster"]
    runtimes = request.app[RUNTIMES]
    if name not in runtimes:
        raise not_found(f"There is no cluster {name!r}; there are {', '.join(sorted(runtimes))}")
    return runtimes[name]


def _host(runtime: ClusterRuntime, hostname: str) -> Host:
    host = runtime.cluster.hosts_by_name.get(hostname)
    if host is None:
        raise not_found(f"Cluster {runtime.cluster.name} has no host {hostname!r}")
    return host


def _end_api_faults(runtime: ClusterRuntime) -> None:
    for fault in runtime.faults.api.values():
        fault.cleared.set()
    runtime.faults.api.clear()


def _faults_json(runtime: ClusterRuntime) -> dict[str, Any]:
    faults, loop_time = runtime.faults, asyncio.get_running_loop().time()
    events = faults.events
    return {
        "api": [_api_fault_json(fault) for fault in faults.api.values() if not fault.used_up(loop_time)],
        "events": {
            "drop": events.drop,
            "duplicate": events.duplicate,
            "reorder": events.reorder,
            "silent": events.silent,
            "holding": events.holding,
            "dropped": events.dropped,
            "duplicated": events.duplicated,
            "reordered": events.reordered,
        },
        "launch_delay_s": faults.launch_delay_s,
        "chronos_away": faults.chronos_away,
        "lost_hosts": sorted(faults.lost_hosts),
        "partitioned_hosts": sorted(faults.partitioned_hosts),
    }


def _api_fault_json(fault: ApiFault) -> dict[str, Any]:
    loop_time = asyncio.get_running_loop().time()
    return {
        "id": fault.id,
        "kind": fault.kind.value,
        "status": fault.status,
        "delay_s": fault.delay_s,
        "method": fault.method,
        "path": fault.path,
        "calls_left": fault.calls,
        "seconds_left": None if fault.until is None else round(max(0.0, fault.until - loop_time), 1),
    }
