"""The state of one cluster, as plain data. No I/O and no clock: other modules decide, this one remembers.

Whoever reads (the HTTP rooms above all) may look at everything at any moment: the event loop is the only
thread, and nothing here is ever half-changed across an `await`. Who may write is said at each class.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sandbox.definitions.app import App
from sandbox.ids import AppId, DeploymentId, GroupId, HostId, InstanceId, TaskId
from sandbox.resources import Allocation, HostResources

COMPLETED_TASKS_KEPT = 1000  # per framework, like Mesos' max_completed_tasks_per_framework


class TaskState(StrEnum):
    """States of a Mesos task."""

    STAGING = "TASK_STAGING"
    STARTING = "TASK_STARTING"
    RUNNING = "TASK_RUNNING"
    KILLING = "TASK_KILLING"
    FINISHED = "TASK_FINISHED"
    FAILED = "TASK_FAILED"
    KILLED = "TASK_KILLED"
    ERROR = "TASK_ERROR"
    DROPPED = "TASK_DROPPED"
    GONE = "TASK_GONE"
    GONE_BY_OPERATOR = "TASK_GONE_BY_OPERATOR"
    UNREACHABLE = "TASK_UNREACHABLE"

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL_STATES


_TERMINAL_STATES = frozenset({
    TaskState.FINISHED, TaskState.FAILED, TaskState.KILLED, TaskState.ERROR, TaskState.DROPPED,
    TaskState.GONE, TaskState.GONE_BY_OPERATOR,
})  # fmt: skip


class Condition(StrEnum):
    """Conditions of a Marathon instance."""

    SCHEDULED = "Scheduled"
    PROVISIONED = "Provisioned"
    STAGING = "Staging"
    STARTING = "Starting"
    RUNNING = "Running"
    KILLING = "Killing"
    KILLED = "Killed"
    FINISHED = "Finished"
    FAILED = "Failed"
    ERROR = "Error"
    DROPPED = "Dropped"
    GONE = "Gone"
    UNREACHABLE = "Unreachable"
    UNREACHABLE_INACTIVE = "UnreachableInactive"


class Goal(StrEnum):
    """What is meant to become of an instance."""

    RUNNING = "Running"
    STOPPED = "Stopped"  # resident only: keep the reservation and its volumes
    DECOMMISSIONED = "Decommissioned"  # forget it once its task is gone


@dataclass(slots=True)
class TaskStatus:
    """One Mesos status update; repeated ones of the same state collapse into the latest."""

    state: TaskState
    at: datetime
    message: str = ""
    healthy: bool | None = None


@dataclass(slots=True)
class Task:
    """A Mesos task on a host, of any framework. Written by the agent side (`scheduler/launching`,
    `mesos/`)."""

    id: TaskId
    name: str  # Mesos' display name: "web.prod" for /prod/web
    framework_id: str
    host_id: HostId
    role: str
    allocation: Allocation
    container_id: str
    directory: str  # the sandbox folder, absolute; "" for no-op tasks, which have none
    app_id: AppId | None  # None for tasks of other frameworks
    instance_id: InstanceId | None
    labels: dict[str, str]
    statuses: list[TaskStatus] = field(default_factory=list)
    pid: int | None = None  # the process, which leads its own session and group
    pid_start: int | None = None  # its start time in clock ticks (/proc/<pid>/stat), to tell a reused pid
    noop: bool = False  # no process: SANDBOX_NOOP

    @property
    def state(self) -> TaskState:
        return self.statuses[-1].state if self.statuses else TaskState.STAGING


@dataclass(slots=True)
class HealthResult:
    """The state of one health check of one instance."""

    consecutive_failures: int = 0
    first_success: datetime | None = None
    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_failure_cause: str | None = None

    @property
    def alive(self) -> bool:
        """The last success is newer than the last failure."""
        if self.last_success is None:
            return False
        return self.last_failure is None or self.last_success > self.last_failure


@dataclass(slots=True)
class ReadinessResult:
    """The last answer of one readiness check of one instance."""

    name: str
    ready: bool = False
    status: int | None = None
    content_type: str = ""
    body: str = ""


@dataclass(slots=True)
class LocalVolume:
    """A persistent volume of a resident instance; its files stay over restarts of the task."""

    container_path: str
    persistence_id: str  # "<app>#<path>#<uuid>"
    uuid: str
    size_mib: int
    directory: str


@dataclass(slots=True)
class Instance:
    """One copy of an app. It outlives its tasks: a relaunch is the same instance with the next incarnation.

    Written by `scheduler/tracker`, so that every change is stored and announced; a launch fills in reservation
    and volumes just before it is announced."""

    id: InstanceId
    app_id: AppId
    app_version: datetime  # of the definition it runs or is to run, scaling versions included
    goal: Goal = Goal.RUNNING
    condition: Condition = Condition.SCHEDULED
    incarnation: int = 1
    since: datetime | None = None  # when the condition was entered
    scheduled_at: datetime | None = None
    host_id: HostId | None = None
    task: Task | None = None  # the present task, None while waiting for an offer
    ports: tuple[int, ...] = ()
    staged_at: datetime | None = None
    started_at: datetime | None = None
    health: list[HealthResult | None] = field(default_factory=list)  # one for each check; None: no result yet
    readiness: ReadinessResult | None = None
    volumes: list[LocalVolume] = field(default_factory=list)
    reserved: Allocation | None = None  # resident: what is held on `host_id` also between tasks
    unreachable_since: datetime | None = None

    @property
    def active(self) -> bool:
        """A task exists or is on its way, and the agent is thought reachable."""
        return self.condition in _ACTIVE

    @property
    def being_killed(self) -> bool:
        return self.condition is Condition.KILLING

    @property
    def lost_sight_of(self) -> bool:
        """Its agent is unreachable, so nothing can be told to it or heard from it."""
        return self.condition in (Condition.UNREACHABLE, Condition.UNREACHABLE_INACTIVE)

    @property
    def counts(self) -> bool:
        """Whether it is one of the `instances` that its app asks for."""
        return self.goal is Goal.RUNNING and self.condition is not Condition.UNREACHABLE_INACTIVE

    @property
    def healthy(self) -> bool | None:
        """None without any result; else whether all results so far are good."""
        known = [result.alive for result in self.health if result is not None]
        return all(known) if known else None


_ACTIVE = frozenset(
    {Condition.PROVISIONED, Condition.STAGING, Condition.STARTING, Condition.RUNNING, Condition.KILLING}
)


@dataclass(slots=True)
class TaskFailure:
    """The last failure of an app's task, shown as `lastTaskFailure`."""

    app_id: AppId
    host: str
    host_id: HostId | None
    message: str
    state: TaskState
    task_id: TaskId
    at: datetime
    version: datetime


@dataclass(slots=True)
class Drain:
    """A drain that Mesos' DRAIN_AGENT asked for."""

    max_grace_s: float | None
    mark_gone: bool
    started_at: datetime
    done: bool = False


@dataclass(slots=True)
class Host:
    """A Mesos agent on a virtual machine. Flags are written by `scheduler/hosts`, the account by whoever
    places or ends a task (`Host.add` / `Host.remove`)."""

    id: HostId
    number: int  # from 1; agents of one cluster share a port, so theirs are `slave(1)`, `slave(2)` …
    hostname: str
    attributes: dict[str, str | float]
    resources: HostResources
    registered_at: datetime
    agent_port: int | None = None
    connected: bool = True  # False: nothing gets through to its agent; soon it will be unreachable
    reachable: bool = True  # False: the master has given it up; tasks are TASK_UNREACHABLE
    lost_at: datetime | None = None
    deactivated: bool = False  # no offers; tasks stay
    drain: Drain | None = None
    maintenance_start: datetime | None = None  # begin of its window in the maintenance schedule
    down: bool = False  # /machine/down
    tasks: dict[TaskId, Task] = field(default_factory=dict)

    @property
    def agent_pid(self) -> str:
        """The agent's libprocess address; a client makes its URL from it. 5051 is Mesos' default."""
        return f"slave({self.number})@127.0.0.1:{self.agent_port or 5051}"

    @property
    def offering(self) -> bool:
        """Whether its free resources are offered to frameworks at all."""
        return self.connected and self.reachable and not self.deactivated and not self.down

    @property
    def under_maintenance(self) -> bool:
        """Offers carry an unavailability: Marathon declines them as AgentMaintenance (1.7+)."""
        return self.maintenance_start is not None or self.drain is not None

    def add(self, task: Task, *, reserved: bool = False) -> None:
        """Account for a new task; `reserved`: its instance already holds the resources here."""
        self.tasks[task.id] = task
        if not reserved:
            self.resources.take(task.allocation)

    def remove(self, task: Task, *, reserved: bool = False) -> None:
        """The task is gone; `reserved`: its instance keeps the resources."""
        if self.tasks.pop(task.id, None) is not None and not reserved:
            self.resources.give_back(task.allocation)


@dataclass(slots=True)
class Framework:
    """A framework registered with the master: Marathon itself, and Chronos."""

    id: str
    name: str
    registered_at: datetime
    webui_url: str
    user: str
    role: str = "*"
    completed: deque[Task] = field(default_factory=lambda: deque(maxlen=COMPLETED_TASKS_KEPT))


@dataclass(slots=True)
class Group:
    """A group's own facts; which apps and groups lie in it follows from their paths."""

    id: GroupId
    version: datetime
    dependencies: tuple[str, ...] = ()
    enforce_role: bool | None = None


@dataclass(frozen=True, slots=True)
class AppChange:
    """What a deployment does to one app: None before = new, None after = removed."""

    app_id: AppId
    before: App | None
    after: App | None


@dataclass(frozen=True, slots=True)
class GroupChange:
    group_id: GroupId
    before: Group | None
    after: Group | None


class ActionKind(StrEnum):
    START = "StartApplication"
    SCALE = "ScaleApplication"
    RESTART = "RestartApplication"
    STOP = "StopApplication"


@dataclass(frozen=True, slots=True)
class Action:
    kind: ActionKind
    app_id: AppId


@dataclass(frozen=True, slots=True)
class Step:
    actions: tuple[Action, ...]


@dataclass(slots=True)
class Deployment:
    """A plan being carried out. Written by `scheduler/deployments`."""

    id: DeploymentId
    version: datetime
    steps: tuple[Step, ...]
    app_changes: tuple[AppChange, ...]
    group_changes: tuple[GroupChange, ...] = ()
    current_step: int = 0  # 1-based; 0: accepted, not begun

    @property
    def affected(self) -> frozenset[AppId]:
        """Apps named by the plan: what it locks."""
        return frozenset(action.app_id for step in self.steps for action in step.actions)


@dataclass(frozen=True, slots=True)
class RootVersion:
    """One change of the group tree, kept so that a group can be shown, or restored, as it was.

    A difference rather than a copy: with 10,000 apps a copy for each write would cost megabytes."""

    version: datetime
    app_changes: tuple[AppChange, ...]
    group_changes: tuple[GroupChange, ...]


@dataclass(slots=True)
class AppState:
    """A present app: its definition, its history and its instances."""

    app: App
    versions: dict[datetime, App] = field(default_factory=dict)  # oldest first, at most 50
    instances: dict[InstanceId, Instance] = field(default_factory=dict)
    last_failure: TaskFailure | None = None


@dataclass(slots=True)
class Cluster:
    """Everything one Marathon and its Mesos know."""

    name: str
    idc: str
    master_id: str  # a uuid; prefix of host and framework ids
    marathon: Framework
    started_at: datetime
    elected_at: datetime
    hosts: dict[HostId, Host] = field(default_factory=dict)
    hosts_by_name: dict[str, Host] = field(default_factory=dict)
    frameworks: dict[str, Framework] = field(default_factory=dict)  # Marathon's included
    apps: dict[AppId, AppState] = field(default_factory=dict)
    removed: dict[AppId, AppState] = field(default_factory=dict)  # deleted, tasks still ending
    groups: dict[GroupId, Group] = field(default_factory=dict)  # the root always, parents always
    history: deque[RootVersion] = field(default_factory=lambda: deque(maxlen=50))
    deployments: dict[DeploymentId, Deployment] = field(default_factory=dict)
    instances: dict[InstanceId, Instance] = field(default_factory=dict)  # of all apps
    maintenance: list[dict[str, Any]] = field(default_factory=list)  # Mesos' schedule: its windows, as posted
