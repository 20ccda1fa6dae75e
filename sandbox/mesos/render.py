"""The objects of Mesos' v0 JSON: resources, tasks, agents, frameworks. Pure.

mem and disk are MiB, times are seconds since the epoch as floats.
Source: src/common/http.cpp, src/master/readonly_handler.cpp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.model import Cluster, Drain, Framework, Host, Task, TaskState, TaskStatus
from sandbox.resources import (
    STANDARD_SCALARS,
    UNRESERVED,
    Allocation,
    HostResources,
    PortRange,
    format_ranges,
    rounded,
)
from sandbox.scheduler.views import TASK_ADDRESS

Json = dict[str, Any]

VERSION = "1.11.0"
CAPABILITIES = [
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESIZE_VOLUME",
    "AGENT_DRAINING",
]
COUNTED_STATES = (
    "TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_FINISHED", "TASK_KILLED",
    "TASK_FAILED", "TASK_LOST", "TASK_ERROR", "TASK_UNREACHABLE",
)  # fmt: skip
"""The states that `/state-summary` counts."""


def resources_json(scalars: Mapping[str, float], ports: str = "") -> Json:
    """Resources by name. The four standard scalars always, `ports` only where there are any, as a text."""
    found: Json = {name: float(scalars.get(name, 0.0)) for name in STANDARD_SCALARS}
    found.update({name: value for name, value in scalars.items() if name not in STANDARD_SCALARS})
    if ports:
        found["ports"] = ports
    return found


def allocation_json(allocation: Allocation) -> Json:
    ports = format_ranges(allocation.ports) if allocation.ports else ""
    return resources_json(allocation.totals(), ports)


def ranges_text(ranges: Iterable[PortRange]) -> str:
    """`[31000-32000]`; empty without ranges."""
    inside = ", ".join(f"{part.begin}-{part.end}" for part in ranges)
    return f"[{inside}]" if inside else ""


def total_resources(resources: HostResources) -> Json:
    scalars = {name: resources.total(name) for name in resources.names()}
    return resources_json(scalars, ranges_text(resources.all_ports()))


def used_resources(resources: HostResources) -> Json:
    used = _summed(resources.used.values())
    named = {name: used.get(name, 0.0) for name in resources.names()}
    return resources_json(named, format_ranges(resources.used_ports) if resources.used_ports else "")


def role_resources(resources: HostResources, role: str) -> Json:
    """What a host has for exactly this role."""
    return resources_json(resources.scalars.get(role, {}), ranges_text(resources.ports.get(role, ())))


def full_resources(resources: HostResources, role: str) -> list[Json]:
    """The same as a list of Resource objects, as the `*_full` keys have it."""
    reservations = [] if role == UNRESERVED else [{"type": "STATIC", "role": role}]
    common: Json = {"role": role, **({"reservations": reservations} if reservations else {})}
    found = [
        {"name": name, "type": "SCALAR", "scalar": {"value": value}, **common}
        for name, value in resources.scalars.get(role, {}).items()
    ]
    ranges = [{"begin": part.begin, "end": part.end} for part in resources.ports.get(role, ())]
    if ranges:
        found.append({"name": "ports", "type": "RANGES", "ranges": {"range": ranges}, **common})
    return found


def reserving_roles(resources: HostResources) -> list[str]:
    """The roles that a host reserves something for."""
    return sorted({*resources.scalars, *resources.ports} - {UNRESERVED})


def registered(cluster: Cluster) -> list[Host]:
    """The agents that the master knows of: not those it has lost, or that are down."""
    return [host for host in cluster.hosts.values() if host.reachable and not host.down]


def agent_port(host: Host) -> int:
    """The port in the agent's pid."""
    return int(host.agent_pid.rpartition(":")[2])


def agent_json(host: Host) -> Json:
    """An agent as the master shows it, in `/state`, `/slaves` and `/state-summary`."""
    found: Json = {
        "id": host.id,
        "hostname": host.hostname,
        "port": agent_port(host),
        "attributes": dict(host.attributes),
        "pid": host.agent_pid,
        "registered_time": host.registered_at.timestamp(),
        "resources": total_resources(host.resources),
        "used_resources": used_resources(host.resources),
        "offered_resources": resources_json({}),
        "reserved_resources": {
            role: role_resources(host.resources, role) for role in reserving_roles(host.resources)
        },
        "unreserved_resources": role_resources(host.resources, UNRESERVED),
        "active": host.offering,
        "deactivated": host.deactivated or host.drain is not None,
        "version": VERSION,
        "capabilities": CAPABILITIES,
    }
    if host.drain is not None:
        found["drain_info"] = drain_info(host.drain)
        found["estimated_drain_start_time_seconds"] = host.drain.started_at.timestamp()
    return found


def agent_json_full(host: Host) -> Json:
    """An agent with the `*_full` forms, which only `/slaves` has."""
    resources = host.resources
    used = HostResources(scalars=resources.used, ports={})
    used_full = [item for role in resources.used for item in full_resources(used, role)]
    if resources.used_ports:
        ranges = [{"begin": port, "end": port} for port in sorted(resources.used_ports)]
        used_full.append({"name": "ports", "type": "RANGES", "ranges": {"range": ranges}, "role": UNRESERVED})
    return {
        **agent_json(host),
        "reserved_resources_full": {
            role: full_resources(resources, role) for role in reserving_roles(resources)
        },
        "unreserved_resources_full": full_resources(resources, UNRESERVED),
        "used_resources_full": used_full,
        "offered_resources_full": [],
    }


def drain_info(drain: Drain) -> Json:
    """`{"state": "DRAINING" | "DRAINED", "config": {…}}`."""
    config: Json = {"mark_gone": drain.mark_gone}
    if drain.max_grace_s is not None:
        config["max_grace_period"] = {"nanoseconds": round(drain.max_grace_s * 1e9)}
    return {"state": "DRAINED" if drain.done else "DRAINING", "config": config}


def task_json(task: Task) -> Json:
    """A task as the master shows it. `executor_id` is empty for the command executor, though the agent
    calls the executor by the task's id."""
    found: Json = {
        "id": task.id,
        "name": task.name,
        "framework_id": task.framework_id,
        "executor_id": "",
        "slave_id": task.host_id,
        "state": task.state.value,
        "resources": allocation_json(task.allocation),
        "role": task.role,
        "statuses": [_status_json(status, task) for status in task.statuses],
        "discovery": {
            "visibility": "FRAMEWORK",
            "name": task.name,
            "ports": {"ports": [{"number": port, "protocol": "tcp"} for port in task.allocation.ports]},
        },
    }
    if task.labels:
        found["labels"] = labels_json(task.labels)
    return found


def labels_json(labels: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in labels.items()]


def used_by(tasks: Iterable[Task]) -> Json:
    """What some tasks use, under the three keys that frameworks have for it (nothing is on offer)."""
    known = list(tasks)
    ports = [port for task in known for port in task.allocation.ports]
    scalars = _summed(by_name for task in known for by_name in task.allocation.scalars.values())
    used = resources_json(scalars, format_ranges(ports) if ports else "")
    return {"used_resources": used, "offered_resources": resources_json({}), "resources": used}


def framework_summary(framework: Framework, tasks: Iterable[Task]) -> Json:
    """A framework without any list; `tasks` are those that have not ended."""
    return {
        "id": framework.id,
        "name": framework.name,
        "user": framework.user,
        "hostname": TASK_ADDRESS,
        "webui_url": framework.webui_url,
        "active": True,
        "connected": True,
        "recovered": False,
        "checkpoint": True,
        "failover_timeout": 604800.0,
        "registered_time": framework.registered_at.timestamp(),
        "capabilities": ["PARTITION_AWARE", "REGION_AWARE"],
        "role": framework.role,
        **used_by(task for task in tasks if task.state is not TaskState.UNREACHABLE),
    }


def framework_json(framework: Framework, tasks: list[Task]) -> Json:
    """A framework with its tasks; those whose agent cannot be reached are listed apart."""
    return {
        **framework_summary(framework, tasks),
        "tasks": [task_json(task) for task in tasks if task.state is not TaskState.UNREACHABLE],
        "unreachable_tasks": [task_json(task) for task in tasks if task.state is TaskState.UNREACHABLE],
        "completed_tasks": [task_json(task) for task in framework.completed],
        "offers": [],
        "executors": [],
    }


def roles(cluster: Cluster) -> list[str]:
    """Every role that a framework has or a host reserves for, and the unreserved one."""
    names = {UNRESERVED, *(framework.role for framework in cluster.frameworks.values())}
    names.update(role for host in cluster.hosts.values() for role in reserving_roles(host.resources))
    return sorted(names)


def tasks_by_framework(cluster: Cluster) -> dict[str, list[Task]]:
    """All tasks that have not ended, of every framework."""
    found: dict[str, list[Task]] = {framework_id: [] for framework_id in cluster.frameworks}
    for host in cluster.hosts.values():
        for task in host.tasks.values():
            found.setdefault(task.framework_id, []).append(task)
    return found


def state_counts(tasks: Iterable[Task]) -> Json:
    """How many tasks are in each state that a summary counts."""
    counts = Counter(task.state.value for task in tasks)
    return {state: counts[state] for state in COUNTED_STATES}


def _status_json(status: TaskStatus, task: Task) -> Json:
    addresses = [{"ip_address": TASK_ADDRESS, "protocol": "IPv4"}]
    found: Json = {
        "state": status.state.value,
        "timestamp": status.at.timestamp(),
        "container_status": {
            "container_id": {"value": task.container_id},
            "network_infos": [{"ip_addresses": addresses}],
        },
    }
    if status.healthy is not None:
        found["healthy"] = status.healthy
    if status.message:
        found["message"] = status.message
    return found


def _summed(accounts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = {}
    for account in accounts:
        for name, value in account.items():
            sums[name] = sums.get(name, 0.0) + value
    return {name: rounded(value) for name, value in sums.items()}
