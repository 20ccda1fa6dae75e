"""Maintenance: the schedule, and machines going down and up. Source: src/master/maintenance.cpp.

Nothing happens by the clock. A machine is named by hostname *and* ip as its agent registered them; a window
for a machine that is none is taken without a word, as upstream does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sandbox.loading import save_identity
from sandbox.mesos.http import Refusal
from sandbox.model import Cluster, Host
from sandbox.scheduler.hosts import Hosts
from sandbox.scheduler.views import TASK_ADDRESS
from sandbox.store import Store

Json = dict[str, Any]


class Maintenance:
    """The maintenance calls of one master. Each raises Refusal 400 in Mesos' words."""

    def __init__(self, cluster: Cluster, hosts: Hosts, store: Store) -> None:
        self._cluster = cluster
        self._hosts = hosts
        self._store = store

    def schedule(self) -> Json:
        """`{"windows": […]}`, `{}` when there are none."""
        return {"windows": self._cluster.maintenance} if self._cluster.maintenance else {}

    def status(self) -> Json:
        """The machines that are draining or down."""
        draining, down = [], []
        for machine in _machines(self._cluster.maintenance):
            host = self._host(machine)
            if host is not None and host.down:
                down.append(machine)
            else:
                draining.append({"id": machine, "statuses": []})
        found = {"draining_machines": draining, "down_machines": down}
        return {key: machines for key, machines in found.items() if machines}

    def replace_schedule(self, body: Any) -> None:
        """Take the windows as the whole new schedule. Their machines drain; those left out are up again."""
        windows = body.get("windows", []) if isinstance(body, dict) else None
        if not isinstance(windows, list):
            raise Refusal(400, 'Failed to parse the schedule: expected {"windows": […]}')
        self._check(windows)
        starts = {
            _key(machine): datetime.fromtimestamp(window["unavailability"]["start"]["nanoseconds"] / 1e9, UTC)
            for window in windows
            for machine in window["machine_ids"]
        }
        self._cluster.maintenance[:] = windows
        for host in self._cluster.hosts.values():
            start = starts.get(_key(_machine_of(host)))
            if host.maintenance_start != start:
                self._hosts.schedule_maintenance(host, start)
        save_identity(self._store, self._cluster)
        self._store.flush()

    def bring_down(self, body: Any) -> None:
        """Machines of the schedule go down; their agents' tasks are lost."""
        machines = _listed(body)
        for machine in machines:
            self._scheduled(machine)
            host = self._host(machine)
            if host is not None and host.down:
                raise Refusal(400, f"{_name(machine)} is not in DRAINING mode and cannot be brought down")
        for host in filter(None, map(self._host, machines)):
            self._hosts.bring_down(host)
        self._store.flush()

    def bring_up(self, body: Any) -> None:
        """Machines that are down come back, and leave the schedule."""
        machines = _listed(body)
        for machine in machines:
            self._scheduled(machine)
            host = self._host(machine)
            if host is None or not host.down:
                raise Refusal(400, f"{_name(machine)} is not in DOWN mode and cannot be brought up")
        back = {_key(machine) for machine in machines}
        windows = [
            {**window, "machine_ids": [m for m in window["machine_ids"] if _key(m) not in back]}
            for window in self._cluster.maintenance
        ]
        self._cluster.maintenance[:] = [window for window in windows if window["machine_ids"]]
        for host in filter(None, map(self._host, machines)):
            self._hosts.bring_up(host)
        save_identity(self._store, self._cluster)
        self._store.flush()

    def _check(self, windows: list[Any]) -> None:
        seen: set[tuple[str, str]] = set()
        for window in windows:
            machines = window.get("machine_ids", []) if isinstance(window, dict) else []
            if not machines:
                raise Refusal(400, "List of machines in the maintenance window is empty")
            for machine in machines:
                if not any(_key(machine)):
                    raise Refusal(400, "Both 'hostname' and 'ip' for a machine are empty")
                if _key(machine) in seen:
                    raise Refusal(400, f"{_name(machine)} appears more than once in the schedule")
                seen.add(_key(machine))
            unavailability = window.get("unavailability", {})
            if not isinstance(unavailability.get("start", {}).get("nanoseconds"), int):
                raise Refusal(400, "Missing required field: unavailability.start.nanoseconds")
            if unavailability.get("duration", {}).get("nanoseconds", 0) < 0:
                raise Refusal(400, "Unavailability 'duration' is negative")
        for host in self._cluster.hosts.values():
            machine = _machine_of(host)
            if host.down and host.maintenance_start is not None and _key(machine) not in seen:
                raise Refusal(400, f"{_name(machine)} is deactivated and cannot be removed from the schedule")

    def _scheduled(self, machine: Json) -> None:
        if _key(machine) not in map(_key, _machines(self._cluster.maintenance)):
            raise Refusal(400, f"{_name(machine)} is not part of a maintenance schedule")

    def _host(self, machine: Json) -> Host | None:
        host = self._cluster.hosts_by_name.get(str(machine.get("hostname", "")))
        return host if host is not None and _key(machine) == _key(_machine_of(host)) else None


def _machine_of(host: Host) -> Json:
    return {"hostname": host.hostname, "ip": TASK_ADDRESS}


def _machines(windows: list[Json]) -> Iterator[Json]:
    return (machine for window in windows for machine in window["machine_ids"])


def _listed(body: Any) -> list[Json]:
    if not isinstance(body, list) or not body:
        raise Refusal(400, "List of machines is empty")
    return body


def _key(machine: Any) -> tuple[str, str]:
    if not isinstance(machine, dict):
        return ("", "")
    return (str(machine.get("hostname", "")).lower(), str(machine.get("ip", "")))


def _name(machine: Json) -> str:
    return f"Machine '{json.dumps(machine, separators=(',', ':'))}'"
