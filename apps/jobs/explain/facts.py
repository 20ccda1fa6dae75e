"""What is known of a job when somebody asks why it is not as wanted. Frozen values, no database, no clock.

Units are in the names, as everywhere; a host's resources have Mesos' names (`cpus`, `mem`, `disk`, `gpus`) and MiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from apps.jobs.planning import CRASH_LOOP_WITHIN, is_crash_loop, is_current, is_well
from engines.base import HealthResult, InstanceState, InstanceStatus, Waiting, WorkloadStatus

HostState = Literal["in_service", "draining", "inactive", "gone"]
RESOURCES = ("cpus", "mem", "disk", "gpus")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host of the job's cluster. `state` says whether it can be given anything."""

    name: str
    total: Mapping[str, float] = field(default_factory=dict)
    used: Mapping[str, float] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    state: HostState = "in_service"

    def has(self, resource: str) -> float:
        return self.total.get(resource, 0.0)

    def free(self, resource: str) -> float:
        return max(0.0, round(self.has(resource) - self.used.get(resource, 0.0), 6))


@dataclass(frozen=True, slots=True)
class Ended:
    """An instance that ended though nobody asked for it, in the scheduler's words."""

    instance_id: str
    state: InstanceState
    host: str
    message: str
    at: datetime
    ran_s: float | None = None


@dataclass(frozen=True, slots=True)
class LastWords:
    """The end of what a failed instance wrote to stderr."""

    instance_id: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an instance answered to its own HTTP check when Ocean asked it. `status` 0: nothing, for the reason in
    `body`."""

    instance_id: str
    host: str
    port: int
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """A job that must run first. `state` is a word of `Job.State`, `missing` where there is no such job; `problem`
    is the first of its own, stored."""

    tag: str
    name: str
    state: str
    well: int = 0
    wanted: int = 0
    problem: Mapping[str, Any] | None = None

    @property
    def is_ready(self) -> bool:
        return self.state == "running" or self.well >= self.wanted > 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules look at. `status` None: the scheduler does not have the job, or was not asked yet."""

    now: datetime
    cluster: str
    spec: Mapping[str, Any]
    status: WorkloadStatus | None = None
    waiting: Waiting | None = None
    hosts: tuple[HostFacts, ...] = ()
    health: tuple[HealthResult, ...] = ()
    ended: tuple[Ended, ...] = ()
    """Of the present definition, the newest first."""
    last_words: LastWords | None = None
    answer: Answer | None = None
    dependencies: tuple[Dependency, ...] = ()
    operation: bool = False
    """Whether an operation of ours is working on the job."""

    @property
    def instances(self) -> tuple[InstanceStatus, ...]:
        return (self.status.instances or ()) if self.status else ()

    @property
    def current(self) -> tuple[InstanceStatus, ...]:
        """The instances of the newest definition."""
        status = self.status
        return tuple(one for one in self.instances if is_current(one, status)) if status else ()

    @property
    def is_short(self) -> bool:
        """Whether fewer instances of the newest definition are well than are wanted: earlier ones that serve on during
        a publish do not make up for them."""
        status = self.status
        if status is None:
            return False
        well = sum(is_well(one, checked=status.has_health_checks) for one in self.current)
        return well < status.wanted

    @property
    def is_crash_loop(self) -> bool:
        """Whether its instances end again and again, though all may be up at this moment."""
        ends = sum(one.at > self.now - CRASH_LOOP_WITHIN for one in self.ended)
        return self.status is not None and is_crash_loop(ends=ends, wanted=self.status.wanted)

    @property
    def usable_hosts(self) -> tuple[HostFacts, ...]:
        return tuple(host for host in self.hosts if host.state == "in_service")

    @property
    def demand(self) -> dict[str, float]:
        """What one instance asks of a host, by Mesos' names."""
        spec = self.spec
        volumes = sum(volume["size_mib"] for volume in spec.get("volumes", ()))
        return {
            "cpus": float(spec.get("cpus") or 0),
            "mem": float(spec.get("memory_mib") or 0),
            "disk": float((spec.get("disk_mib") or 0) + volumes),
            "gpus": float(spec.get("gpus") or 0),
        }
