"""A complete app definition of one version, with a typed view on what the scheduler needs.

The canonical JSON (all defaults filled in, old forms rewritten) is the truth and is what clients get back;
the typed parts are read from it once. An `App` is immutable: a change makes another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sandbox.ids import AppId

Json = dict[str, Any]

NOOP_LABEL = "SANDBOX_NOOP"
SINGLE_INSTANCE_LABEL = "MARATHON_SINGLE_INSTANCE_APP"

# What may differ without a restart. executorResources alone restarts nothing (reference, section 6).
_NOT_CONFIGURATION = frozenset({"instances", "executorResources"})


class Protocol(StrEnum):
    HTTP = "HTTP"
    HTTPS = "HTTPS"
    TCP = "TCP"
    COMMAND = "COMMAND"
    MESOS_HTTP = "MESOS_HTTP"
    MESOS_HTTPS = "MESOS_HTTPS"
    MESOS_TCP = "MESOS_TCP"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One health check, times in seconds."""

    protocol: Protocol
    path: str
    port_index: int | None
    port: int | None
    command: str
    grace_s: float
    interval_s: float
    timeout_s: float
    delay_s: float
    max_failures: int
    ignore_http1xx: bool

    @property
    def by_executor(self) -> bool:
        """Run beside the task by Mesos, not by Marathon: other rules for delay and killing."""
        return self.protocol not in (Protocol.HTTP, Protocol.HTTPS, Protocol.TCP)


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    name: str
    https: bool
    path: str
    port_name: str
    interval_s: float
    timeout_s: float
    ready_statuses: frozenset[int]
    preserve_last_response: bool


@dataclass(frozen=True, slots=True)
class Constraint:
    field: str
    operator: str
    value: str | None


@dataclass(frozen=True, slots=True)
class PortRequest:
    """One port of an app: `host_port` None takes none from the host, 0 any, else exactly this one."""

    name: str | None
    protocol: str
    labels: Mapping[str, str]
    requested: int  # as definition port or container port: names the variable PORT_<n>
    host_port: int | None
    service_port: int


@dataclass(frozen=True, slots=True)
class UpgradeStrategy:
    minimum_health_capacity: float
    maximum_over_capacity: float


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Seconds; None for both: "disabled", wait for ever."""

    inactive_after_s: float | None
    expunge_after_s: float | None


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file to bring into the sandbox folder before the task starts; `dest_path` is relative to it."""

    uri: str
    extract: bool
    executable: bool
    dest_path: str | None


@dataclass(frozen=True, slots=True)
class PersistentVolume:
    container_path: str
    size_mib: int


@dataclass(frozen=True, slots=True)
class App:
    """One version of an app."""

    id: AppId
    version: datetime
    last_scaling_at: datetime
    last_config_change_at: datetime
    definition: Json = field(repr=False)  # canonical; never mutated

    instances: int
    cpus: float
    mem: float
    disk: float
    gpus: float
    cmd: str | None
    args: tuple[str, ...]
    image: str | None
    env: Mapping[str, str]
    labels: Mapping[str, str]
    role: str | None
    accepted_roles: frozenset[str] | None
    constraints: tuple[Constraint, ...]
    ports: tuple[PortRequest, ...]
    host_network: bool
    health_checks: tuple[HealthCheck, ...]
    readiness_check: ReadinessCheck | None
    upgrade: UpgradeStrategy
    unreachable: Unreachable
    backoff_s: float
    backoff_factor: float
    max_launch_delay_s: float
    kill_oldest_first: bool
    kill_grace_s: float | None
    dependencies: frozenset[str]
    volumes: tuple[PersistentVolume, ...]
    artifacts: tuple[Artifact, ...]

    @property
    def resident(self) -> bool:
        """Has persistent volumes: its instances stay on their host."""
        return bool(self.volumes)

    @property
    def noop(self) -> bool:
        """Its tasks are only pretended (for tests of scale)."""
        return self.labels.get(NOOP_LABEL, "").lower() == "true"

    def same_configuration(self, other: App) -> bool:
        """Whether going from one to the other needs no restart: nothing but the number of instances
        differs."""
        mine, theirs = self.definition, other.definition
        return mine is theirs or all(
            mine.get(key) == theirs.get(key) for key in (mine.keys() | theirs.keys()) - _NOT_CONFIGURATION
        )
