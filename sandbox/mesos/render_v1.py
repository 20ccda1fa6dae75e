"""The objects of Mesos' v1 operator API, where ids are wrapped and resources are lists. Pure.

Source: include/mesos/v1/mesos.proto, include/mesos/v1/master/master.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sandbox.mesos.render import (
    VERSION,
    agent_port,
    drain_info,
    full_resources,
    labels_json,
    registered,
    reserving_roles,
)
from sandbox.model import Cluster, Framework, Host, Task, TaskState, TaskStatus
from sandbox.resources import UNRESERVED, Allocation, attribute_text
from sandbox.scheduler.views import TASK_ADDRESS

Json = dict[str, Any]


def nanoseconds(moment: datetime) -> Json:
    return {"nanoseconds": round(moment.timestamp() * 1e9)}


def task_json(task: Task) -> Json:
    found: Json = {
        "task_id": {"value": task.id},
        "name": task.name,
        "framework_id": {"value": task.framework_id},
        "agent_id": {"value": task.host_id},
        "state": task.state.value,
        "resources": _allocated(task.allocation),
        "statuses": [status_json(task, status) for status in task.statuses],
    }
    if task.labels:
        found["labels"] = {"labels": labels_json(task.labels)}
    return found


def status_json(task: Task, status: TaskStatus) -> Json:
    found: Json = {
        "task_id": {"value": task.id},
        "agent_id": {"value": task.host_id},
        "state": status.state.value,
        "timestamp": status.at.timestamp(),
        "container_status": {
            "container_id": {"value": task.container_id},
            "network_infos": [{"ip_addresses": [{"ip_address": TASK_ADDRESS, "protocol": "IPv4"}]}],
        },
    }
    if status.message:
        found["message"] = status.message
    if status.healthy is not None:
        found["healthy"] = status.healthy
    return found


def agent_json(host: Host) -> Json:
    total = [
        item
        for role in (UNRESERVED, *reserving_roles(host.resources))
        for item in full_resources(host.resources, role)
    ]
    found: Json = {
        "agent_info": {
            "id": {"value": host.id},
            "hostname": host.hostname,
            "port": agent_port(host),
            "attributes": [_attribute(name, value) for name, value in host.attributes.items()],
            "resources": total,
        },
        "pid": host.agent_pid,
        "active": host.offering,
        "deactivated": host.deactivated or host.drain is not None,
        "version": VERSION,
        "registered_time": nanoseconds(host.registered_at),
        "total_resources": total,
        "allocated_resources": [item for task in host.tasks.values() for item in _allocated(task.allocation)],
        "offered_resources": [],
    }
    if host.drain is not None:
        found["drain_info"] = drain_info(host.drain)
        found["estimated_drain_start_time"] = nanoseconds(host.drain.started_at)
    return found


def framework_json(framework: Framework) -> Json:
    return {
        "framework_info": {
            "id": {"value": framework.id},
            "name": framework.name,
            "user": framework.user,
            "roles": [framework.role],
            "hostname": TASK_ADDRESS,
            "webui_url": framework.webui_url,
            "checkpoint": True,
            "failover_timeout": 604800.0,
        },
        "active": True,
        "connected": True,
        "recovered": False,
        "registered_time": nanoseconds(framework.registered_at),
    }


def get_agents(cluster: Cluster) -> Json:
    return {"agents": [agent_json(host) for host in registered(cluster)], "recovered_agents": []}


def get_frameworks(cluster: Cluster) -> Json:
    shown = [framework_json(framework) for framework in cluster.frameworks.values()]
    return {"frameworks": shown, "completed_frameworks": [], "recovered_frameworks": []}


def get_tasks(cluster: Cluster) -> Json:
    tasks = [task for host in cluster.hosts.values() for task in host.tasks.values()]
    lost = [task for task in tasks if task.state is TaskState.UNREACHABLE]
    ended = [task for framework in cluster.frameworks.values() for task in framework.completed]
    return {
        "pending_tasks": [],
        "tasks": _shown(task for task in tasks if task.state is not TaskState.UNREACHABLE),
        "unreachable_tasks": _shown(lost),
        "completed_tasks": _shown(ended),
        "orphan_tasks": [],
    }


def get_executors() -> Json:
    """The command executors are the tasks themselves; the master lists none."""
    return {"executors": [], "orphan_executors": []}


def get_state(cluster: Cluster) -> Json:
    return {
        "get_tasks": get_tasks(cluster),
        "get_executors": get_executors(),
        "get_frameworks": get_frameworks(cluster),
        "get_agents": get_agents(cluster),
    }


def _shown(tasks: Iterable[Task]) -> list[Json]:
    return [task_json(task) for task in tasks]


def _allocated(allocation: Allocation) -> list[Json]:
    found: list[Json] = [
        {"name": name, "type": "SCALAR", "scalar": {"value": value}, "role": role}
        for role, scalars in allocation.scalars.items()
        for name, value in scalars.items()
    ]
    if allocation.ports:
        ranges = [{"begin": port, "end": port} for port in allocation.ports]
        found.append({"name": "ports", "type": "RANGES", "ranges": {"range": ranges}, "role": UNRESERVED})
    return found


def _attribute(name: str, value: str | float) -> Json:
    if isinstance(value, str):
        return {"name": name, "type": "TEXT", "text": {"value": value}}
    return {"name": name, "type": "SCALAR", "scalar": {"value": float(attribute_text(value))}}
