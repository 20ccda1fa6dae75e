"""The port 'run this workload': what Ocean asks of any scheduler, in Ocean's own words.

A `Workload` is what somebody wants; a `WorkloadStatus` is what the scheduler says is so. Both are frozen
values: nothing here knows Django, HTTP or a database, and a second engine can stand behind the same
`Engine` protocol. Failures are the exceptions of `clients.errors`, whichever engine raised them.

Units are in the names: `_s` seconds, `_mib` mebibytes, `_mbit_s` megabits a second, `_at` aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NewType, Protocol

WorkloadId = NewType("WorkloadId", str)
"""The workload's path on the engine: `/xiaomi/inf/ocean/staging/weather-api/weather-api`."""
InstanceId = NewType("InstanceId", str)
"""One copy of a workload; on Marathon the Mesos task id."""
DeploymentId = NewType("DeploymentId", str)

VERSION_LABEL = "OCEAN_VERSION"
"""The label that carries the job's version number, so that a retry and the mirror can tell what runs."""
TAG_LABEL = "OCEAN_TAG"
"""The label that carries the job's whole tag."""
OPERATION_LABEL = "OCEAN_OPERATION"
"""The operation that asked for the present definition, so that a retry knows its own work."""


# --- what somebody wants -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Port:
    """A port by name. `container_port` 0: the same as the port that the host gives."""

    name: str
    container_port: int = 0
    protocol: Literal["tcp", "udp", "udp,tcp"] = "tcp"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A probe; after `failures` failures in a row (past `grace_s`) the instance is killed and replaced."""

    type: Literal["http", "tcp", "command"]
    port: str | None = None
    path: str = "/"
    command: str | None = None
    grace_s: int = 300
    interval_s: int = 60
    timeout_s: int = 20
    failures: int = 3


@dataclass(frozen=True, slots=True)
class Constraint:
    """A placement rule; `operator` is one of Marathon's: UNIQUE CLUSTER GROUP_BY LIKE UNLIKE MAX_PER IS."""

    field: str
    operator: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """A folder of the instance, relative to its sandbox; a persistent one binds the instance to its host."""

    path: str
    size_mib: int
    persistent: bool = True


@dataclass(frozen=True, slots=True)
class Fetch:
    """A file that the host fetches into the sandbox before the instance starts."""

    uri: str
    extract: bool = True
    executable: bool = False
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a new version replaces the old: at most `max_unavailable` instances below and `max_surge`
    above the wanted number at any time, both counts of instances."""

    max_unavailable: int = 0
    max_surge: int = 1


@dataclass(frozen=True, slots=True)
class Backoff:
    """The delay before a crashed instance is started again: `first_s`, times `factor` each time, up to `max_s`."""

    first_s: int = 1
    factor: float = 1.15
    max_s: int = 300


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything an engine needs to run a job's version. `env` holds resolved values: never log it. `usual_rollout`:
    for later restarts, where this replacement is an exceptional one."""

    id: WorkloadId
    version: int
    instances: int
    cpus: float
    memory_mib: int
    command: str | None = None
    args: tuple[str, ...] = ()
    image: str | None = None
    disk_mib: int = 0
    gpus: int = 0
    ports: tuple[Port, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    health_checks: tuple[HealthCheck, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    volumes: tuple[Volume, ...] = ()
    fetch: tuple[Fetch, ...] = ()
    rollout: Rollout = Rollout()
    usual_rollout: Rollout | None = None
    kill_grace_s: int = 3
    backoff: Backoff = Backoff()
    depends_on: tuple[WorkloadId, ...] = ()


# --- what the engine says is so ------------------------------------------------------------------------


class InstanceState(StrEnum):
    """What an instance is doing, in the engine-neutral words that the pages show."""

    STAGING = "staging"
    STARTING = "starting"
    RUNNING = "running"
    KILLING = "killing"
    UNREACHABLE = "unreachable"
    FAILED = "failed"
    FINISHED = "finished"
    KILLED = "killed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """One instance. `healthy` is None where nothing checks it (or not yet). `restarts`: how often this slot
    was started again. `engine_version`: the engine's own stamp of the definition that it was started from."""

    id: InstanceId
    workload_id: WorkloadId
    state: InstanceState
    host: str
    ip: str
    ports: tuple[int, ...]
    healthy: bool | None
    engine_version: datetime | None
    staged_at: datetime | None
    started_at: datetime | None
    restarts: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class InstanceFailure:
    """The last instance that ended badly, and the engine's own words about it. `engine_version` and `restarts` are as
    in `InstanceStatus`."""

    instance_id: InstanceId
    state: InstanceState
    host: str
    message: str
    at: datetime
    engine_version: datetime | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class WorkloadStatus:
    """A workload as the engine holds it. `version` is Ocean's (from VERSION_LABEL), None for a foreign one.

    An instance is of the current definition when its `engine_version >= config_changed_at`;
    scaling moves `engine_version` alone. `instances` is None where the caller asked for counts only.
    """

    id: WorkloadId
    version: int | None
    wanted: int
    running: int
    staging: int
    healthy: int
    unhealthy: int
    has_health_checks: bool
    engine_version: datetime
    config_changed_at: datetime
    deployments: tuple[DeploymentId, ...] = ()
    instances: tuple[InstanceStatus, ...] | None = None
    last_failure: InstanceFailure | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submission:
    """The engine's answer to a change. `deployment_id` is None when there was nothing to do."""

    deployment_id: DeploymentId | None
    engine_version: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeploymentStatus:
    """A deployment under way. `step` counts from 1; 0 before the first. `actions`: the engine's words."""

    id: DeploymentId
    workload_ids: tuple[WorkloadId, ...]
    step: int
    total_steps: int
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeclineReason:
    """Why hosts' offers were not used: `reason` as the engine names it, `declined` of `processed` offers."""

    reason: str
    declined: int
    processed: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Instances that wait for a host, and why. `delay_s` > 0: held back after crashes."""

    workload_id: WorkloadId
    count: int
    delay_s: int
    since: datetime | None
    reasons: tuple[DeclineReason, ...]


@dataclass(frozen=True, slots=True)
class HealthResult:
    """The last word of an instance's health checks."""

    instance_id: InstanceId
    alive: bool
    consecutive_failures: int
    last_failure_cause: str
    last_failure_at: datetime | None
    first_success_at: datetime | None = None
    """When every check had passed once."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """A host (a Mesos agent). Scalars by name, as the host reports them; mem and disk in MiB."""

    id: str
    hostname: str
    address: str
    active: bool
    attributes: Mapping[str, str]
    resources: Mapping[str, float]
    used: Mapping[str, float]
    registered_at: datetime | None
    instances: int
    draining: bool = False


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A piece of a log file. `offset` and `size` are bytes; read on at `offset + length`."""

    text: str
    offset: int
    length: int
    size: int


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A file in an instance's sandbox; `size` in bytes."""

    name: str
    size: int
    modified_at: datetime


class Ending(StrEnum):
    """What becomes of instances that are ended: REPLACE starts each again where it may, with its data; SHRINK lowers
    the wanted number by as many; GIVE_UP forgets them with their data and reservations, and starts others."""

    REPLACE = "replace"
    SHRINK = "shrink"
    GIVE_UP = "give_up"


class EventKind(StrEnum):
    """What an event hints at. An event is a reason to look, never the truth itself."""

    WORKLOAD = "workload"
    INSTANCE = "instance"
    DEPLOYMENT_SUCCEEDED = "deployment_succeeded"
    DEPLOYMENT_FAILED = "deployment_failed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """A hint from the engine: which workloads to look at again, and what it said of an instance or deployment.

    `at` is the engine's own clock: it orders events among themselves, never against a look. `healthy` is None where
    the event does not speak of health; `engine_version` is that of the instance, as in `InstanceStatus`.
    """

    kind: EventKind
    at: datetime | None
    workload_ids: tuple[WorkloadId, ...] = ()
    deployment_id: DeploymentId | None = None
    instance_id: InstanceId | None = None
    state: InstanceState | None = None
    healthy: bool | None = None
    host: str = ""
    ip: str = ""
    ports: tuple[int, ...] = ()
    engine_version: datetime | None = None
    restarts: int = 0
    message: str = ""

    @property
    def is_fact(self) -> bool:
        """Whether it says of one certain instance what it does, or how its health is."""
        return self.instance_id is not None and (self.state is not None or self.healthy is not None)


class Engine(Protocol):
    """One cluster's scheduler. Every method may raise the errors of `clients.errors`; reads are retried
    inside, writes never are: after `TimedOut` the outcome of a write is unknown, so look before asking again."""

    def ping(self) -> str:
        """The engine's version, when a leader answers."""

    def apply(self, workload: Workload, *, force: bool = False) -> Submission:
        """Create the workload or replace its whole definition. Raises Conflict while another deployment
        holds it (unless `force`), Refused with the engine's words when the definition is not acceptable."""

    def scale(self, workload_id: WorkloadId, *, instances: int, force: bool = False) -> Submission:
        """Ask for `instances` copies. Raises NotFound for an unknown workload."""

    def restart(self, workload_id: WorkloadId, *, force: bool = False) -> Submission:
        """Replace every instance by a new one of the same definition, by the workload's rollout."""

    def delete(self, workload_id: WorkloadId) -> Submission:
        """Stop and forget the workload. An unknown one is already deleted: no deployment, no error."""

    def kill(self, workload_id: WorkloadId, instance_id: InstanceId, *, shrink: bool = False) -> Submission:
        """End one instance; it is replaced, or with `shrink` the wanted number falls by one.
        An instance that is gone already: no deployment, no error."""

    def end(self, instance_ids: Collection[InstanceId], *, how: Ending) -> Submission:
        """End several instances at once; those that are gone already are left out. Only SHRINK is a deployment, which
        raises Conflict while another one holds the workload."""

    def get(self, workload_id: WorkloadId) -> WorkloadStatus | None:
        """The workload with its instances, or None."""

    def get_some(self, tags: Mapping[WorkloadId, str]) -> Mapping[WorkloadId, WorkloadStatus]:
        """Those of these workloads that there are, with their instances: `get` of many in a few calls. `tags` are their
        jobs' own (TAG_LABEL), which tell the engine where to look; one that lost its label is found all the same."""

    def definition(self, workload_id: WorkloadId) -> Mapping[str, Any] | None:
        """The definition as the engine keeps it, in its own words and for people to read, or None. Its environment
        holds resolved values: mask it before it is shown."""

    def count(self, workload_id: WorkloadId) -> WorkloadStatus | None:
        """The workload with counts only (`instances` is None), or None: cheap however many instances it has."""

    def snapshot(self, *, under: str = "") -> Iterator[WorkloadStatus]:
        """Every workload (whose id begins with `under`) with its instances, streamed: memory stays bounded however
        many there are."""

    def summaries(self) -> Iterator[WorkloadStatus]:
        """Every workload with counts only (`instances` is None), streamed."""

    def deployments(self) -> tuple[DeploymentStatus, ...]:
        """All deployments under way."""

    def cancel(self, deployment_id: DeploymentId, *, roll_back: bool = True) -> Submission:
        """Stop a deployment and, with `roll_back`, start one back to what was before it.
        A deployment that has ended already: no deployment, no error."""

    def waiting(self) -> Mapping[WorkloadId, Waiting]:
        """Every workload with instances that wait for a host, and why. One call, however many wait."""

    def health(self, workload_id: WorkloadId) -> tuple[HealthResult, ...]:
        """The last health result of each checked instance."""

    def clear_backoff(self, workload_id: WorkloadId) -> None:
        """Start delayed instances now."""

    def events(self, *, idle_timeout_s: float = 25.0) -> Iterator[EngineEvent]:
        """The event stream. Raises TimedOut when nothing, not even a keep-alive, came for `idle_timeout_s`
        (Marathon's keep-alive is every 10 s), Unavailable when the stream ends. The first item is yielded as
        soon as the stream is open (kind OTHER), so that a snapshot taken after it misses nothing."""

    def hosts(self) -> tuple[HostStatus, ...]:
        """Every host of the cluster."""

    def read_log(
        self, instance_id: InstanceId, *, host: str, file: str, offset: int | None, length: int
    ) -> LogChunk:
        """`length` bytes of a file in the instance's sandbox; `offset` None reads the tail.
        Raises NotFound where the host no longer has it."""

    def list_files(self, instance_id: InstanceId, *, host: str) -> tuple[FileStatus, ...]:
        """What the instance's sandbox holds, folders left out; not recursive. Raises NotFound."""

    def read_file(self, instance_id: InstanceId, *, host: str, file: str, offset: int, length: int) -> bytes:
        """`length` bytes of a file in the instance's sandbox, fewer at its end. Raises NotFound."""
