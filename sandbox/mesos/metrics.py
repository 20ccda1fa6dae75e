"""The master's `/metrics/snapshot`. Source: docs/monitoring.md."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sandbox.mesos import render
from sandbox.mesos.feed import MasterFeed
from sandbox.model import Cluster, Host, TaskState
from sandbox.resources import STANDARD_SCALARS
from sandbox.timestamps import now

_GAUGES = (
    TaskState.STAGING, TaskState.STARTING, TaskState.RUNNING, TaskState.KILLING, TaskState.UNREACHABLE,
)  # fmt: skip
_COUNTERS = (
    TaskState.FINISHED, TaskState.FAILED, TaskState.KILLED, TaskState.ERROR, TaskState.DROPPED, TaskState.GONE,
)  # fmt: skip


def snapshot(cluster: Cluster, feed: MasterFeed) -> dict[str, float]:
    """All metrics, by name. `…_percent` is a fraction; how tasks ended is counted since the master began."""
    hosts = render.registered(cluster)
    states = Counter(task.state for host in cluster.hosts.values() for task in host.tasks.values())
    return {
        "master/elected": 1.0,
        "master/uptime_secs": (now() - cluster.started_at).total_seconds(),
        **_resources(hosts),
        **_agents(cluster),
        "master/frameworks_active": float(len(cluster.frameworks)),
        "master/frameworks_connected": float(len(cluster.frameworks)),
        "master/frameworks_inactive": 0.0,
        "master/frameworks_disconnected": 0.0,
        "master/outstanding_offers": 0.0,
        **{f"master/{_name(state)}": float(states[state]) for state in _GAUGES},
        **{f"master/{_name(state)}": float(feed.ended[state]) for state in _COUNTERS},
        "master/tasks_lost": 0.0,
        **_machine(),
    }


def _resources(hosts: list[Host]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in STANDARD_SCALARS:
        total = sum(host.resources.total(name) for host in hosts)
        used = sum(by_name.get(name, 0.0) for host in hosts for by_name in host.resources.used.values())
        found[f"master/{name}_total"] = total
        found[f"master/{name}_used"] = used
        found[f"master/{name}_percent"] = used / total if total else 0.0
    return found


def _agents(cluster: Cluster) -> dict[str, float]:
    def count(condition: Callable[[Host], bool]) -> float:
        return float(sum(condition(host) for host in cluster.hosts.values()))

    return {
        "master/slaves_active": count(lambda host: host.offering),
        "master/slaves_inactive": count(lambda host: host.reachable and not host.offering),
        "master/slaves_connected": count(lambda host: host.reachable and not host.down),
        "master/slaves_disconnected": count(lambda host: host.reachable and host.down),
        "master/slaves_unreachable": count(lambda host: not host.reachable),
    }


def _machine() -> dict[str, float]:
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    loads = os.getloadavg()
    return {
        "system/cpus_total": float(os.cpu_count() or 1),
        **{f"system/load_{minutes}min": load for minutes, load in zip((1, 5, 15), loads, strict=True)},
        "system/mem_total_bytes": float(lines["MemTotal"].split()[0]) * 1024,
        "system/mem_free_bytes": float(lines["MemFree"].split()[0]) * 1024,
    }


def _name(state: TaskState) -> str:
    return f"tasks_{state.value.removeprefix('TASK_').lower()}"
