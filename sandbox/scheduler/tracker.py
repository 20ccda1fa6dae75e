"""The one place where instances change: what happens is applied, stored, announced, and passed on.

Everything else (launching, killing, health, hosts, deployments) tells the tracker what happened; the
tracker knows what that means for the instance. Sources: Marathon's
core/instance/update/InstanceUpdater.scala, core/event/Events.scala.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from sandbox.codec import encode
from sandbox.definitions.app import App
from sandbox.events import EventBus
from sandbox.ids import AppId, new_instance_id
from sandbox.model import (
    AppState,
    Cluster,
    Condition,
    Goal,
    HealthResult,
    Instance,
    ReadinessResult,
    Task,
    TaskFailure,
    TaskState,
    TaskStatus,
)
from sandbox.scheduler.backoff import RateLimiter
from sandbox.scheduler.views import ip_addresses
from sandbox.store import Store
from sandbox.timestamps import format_timestamp, now

_CONDITION_OF = {
    TaskState.STAGING: Condition.STAGING,
    TaskState.STARTING: Condition.STARTING,
    TaskState.RUNNING: Condition.RUNNING,
    TaskState.KILLING: Condition.KILLING,
    TaskState.FINISHED: Condition.FINISHED,
    TaskState.FAILED: Condition.FAILED,
    TaskState.KILLED: Condition.KILLED,
    TaskState.ERROR: Condition.ERROR,
    TaskState.DROPPED: Condition.DROPPED,
    TaskState.GONE: Condition.GONE,
    TaskState.GONE_BY_OPERATOR: Condition.GONE,
    TaskState.UNREACHABLE: Condition.UNREACHABLE,
}
_RAISES_DELAY = frozenset(
    {TaskState.FAILED, TaskState.FINISHED, TaskState.DROPPED, TaskState.ERROR, TaskState.GONE}
)
_IS_FAILURE = frozenset(
    {TaskState.FAILED, TaskState.ERROR, TaskState.DROPPED, TaskState.GONE, TaskState.GONE_BY_OPERATOR}
)


class Tracker:
    """Owner of all instances of a cluster.

    `on_waiting(instance)` is called when an instance needs an offer, `on_freed()` when resources came back,
    `on_running(instance)` when a task has come up, `on_status(task)` after each of its status updates,
    `on_task_gone(task)` when it is over, `on_collected(task)` when it is dropped from the history too,
    `on_left_behind(task)` when its instance is forgotten while nobody can reach it, `on_forgotten(instance)`
    when an instance is, `on_missing(app_id)` when an app may have fewer instances than it asks for."""

    def __init__(self, cluster: Cluster, store: Store, bus: EventBus, limiter: RateLimiter) -> None:
        self._cluster = cluster
        self._store = store
        self._bus = bus
        self._limiter = limiter
        self._changes: dict[AppId, asyncio.Event] = {}
        self.on_waiting: Callable[[Instance], None] = lambda instance: None
        self.on_freed: Callable[[], None] = lambda: None
        self.on_running: Callable[[Instance], None] = lambda instance: None
        self.on_status: Callable[[Task], None] = lambda task: None
        self.on_task_gone: Callable[[Task], None] = lambda task: None
        self.on_collected: Callable[[Task], None] = lambda task: None
        self.on_left_behind: Callable[[Task], None] = lambda task: None
        self.on_forgotten: Callable[[Instance], None] = lambda instance: None
        self.on_missing: Callable[[AppId], None] = lambda app_id: None

    # Reading

    def state(self, app_id: AppId) -> AppState | None:
        """The app's state, also while a deleted app's tasks are still ending."""
        return self._cluster.apps.get(app_id) or self._cluster.removed.get(app_id)

    def instances(self, app_id: AppId) -> list[Instance]:
        state = self.state(app_id)
        return list(state.instances.values()) if state else []

    def news(self, app_id: AppId) -> asyncio.Event:
        """Set at every change of this app's instances. Clear it before looking, then nothing is missed; one
        waiter at a time, which the deployment lock sees to."""
        return self._changes.setdefault(app_id, asyncio.Event())

    def app_ended(self, app_id: AppId) -> None:
        """A deleted app's last instance is gone: nothing of it is remembered."""
        self._cluster.removed.pop(app_id, None)
        self._changes.pop(app_id, None)
        for kind in ("removed", "failure"):
            self._store.mark(self._cluster.name, kind, app_id, lambda: None)

    # The life of an instance

    def create(self, app: App, count: int) -> list[Instance]:
        """New instances of the present definition, waiting for offers."""
        state = self._cluster.apps[app.id]
        created = []
        for _ in range(count):
            instance = Instance(new_instance_id(app.id), app.id, app.version)
            state.instances[instance.id] = self._cluster.instances[instance.id] = instance
            self._schedule(instance)
            created.append(instance)
        return created

    def provision(self, instance: Instance, task: Task) -> None:
        """An offer was taken: the task exists and its resources are accounted for."""
        host = self._cluster.hosts[task.host_id]
        host.add(task, reserved=instance.reserved is not None)
        instance.task = task
        instance.host_id = host.id
        instance.ports = task.allocation.ports
        instance.started_at = None
        instance.staged_at = now()
        instance.health = []
        instance.readiness = None
        self._enter(instance, Condition.PROVISIONED)

    def renew(self, instance: Instance, app: App) -> None:
        """A resident that has no task now: its next one is to be of this definition."""
        instance.app_version = app.version
        self._mark(instance)

    def set_goal(self, instance: Instance, goal: Goal) -> None:
        if instance.goal is goal:
            return
        instance.goal = goal
        if goal is Goal.DECOMMISSIONED and instance.task is None:
            self.forget(instance)
            return
        self._mark(instance)

    def update(self, instance: Instance, state: TaskState, message: str = "") -> None:
        """A Mesos status update for the instance's present task."""
        task = instance.task
        if task is None or task.state.terminal:
            return
        self._append_status(task, state, message)
        self._announce_status(instance, task, message)
        app = self._cluster.apps.get(instance.app_id)
        if state is TaskState.RUNNING:
            instance.started_at = instance.started_at or now()
            instance.unreachable_since = None
        elif state is TaskState.UNREACHABLE:
            instance.unreachable_since = now()
        self._enter(instance, _CONDITION_OF[state])
        if state is TaskState.RUNNING:
            self.on_running(instance)
        if app is not None:
            if state in _RAISES_DELAY:
                self._limiter.raise_delay(app.app, now())
            elif not state.terminal:
                self._limiter.refresh(app.app, now())
            if state in _IS_FAILURE:
                self.record_failure(instance, state, message)
        if state.terminal:
            self._task_ended(instance, task)

    def record_failure(self, instance: Instance, state: TaskState, message: str) -> None:
        """Remember the app's last failure, which clients see as `lastTaskFailure`."""
        app = self._cluster.apps.get(instance.app_id)
        task = instance.task
        if app is None or task is None:
            return
        host = self._cluster.hosts.get(task.host_id)
        app.last_failure = TaskFailure(
            app_id=instance.app_id,
            host=host.hostname if host else "",
            host_id=task.host_id,
            message=message,
            state=state,
            task_id=task.id,
            at=now(),
            version=instance.app_version,
        )
        self.mark_app(app)

    def deactivate(self, instance: Instance) -> None:
        """Unreachable for longer than `inactiveAfterSeconds`: a replacement is due, this one is kept."""
        self._enter(instance, Condition.UNREACHABLE_INACTIVE)
        self.on_missing(instance.app_id)

    def forget(self, instance: Instance) -> None:
        """Expunge: the instance is gone from every list, its task and reservation from its host."""
        app = self.state(instance.app_id)
        if app is None or app.instances.pop(instance.id, None) is None:
            return
        del self._cluster.instances[instance.id]
        host = self._cluster.hosts.get(instance.host_id) if instance.host_id else None
        if host is not None:
            if instance.task is not None:
                host.remove(instance.task, reserved=instance.reserved is not None)
                self.on_task_gone(instance.task)
                if instance.lost_sight_of:
                    self.on_left_behind(instance.task)
            if instance.reserved is not None:
                host.resources.give_back(instance.reserved)
            self.on_freed()
        self._store.mark(self._cluster.name, "instance", instance.id, lambda: None)
        self.on_forgotten(instance)
        self._touch(instance.app_id)
        self.on_missing(instance.app_id)

    # Health

    def health_changed(
        self, instance: Instance, index: int, result: HealthResult, *, was_alive: bool | None
    ) -> None:
        """A health check has a new result; `was_alive` is what it said before (None: nothing)."""
        app = self._cluster.apps.get(instance.app_id)
        if app is None or instance.task is None:
            return
        healthy_before = instance.healthy
        while len(instance.health) <= index:
            instance.health.append(None)
        instance.health[index] = result
        instance.task.statuses[-1].healthy = instance.healthy
        if result.alive != was_alive:
            self._bus.publish(
                "health_status_changed_event",
                {
                    "appId": instance.app_id,
                    "instanceId": instance.id,
                    "version": format_timestamp(instance.app_version),
                    "alive": result.alive,
                },
            )
        if instance.healthy != healthy_before:
            self._bus.publish(
                "instance_health_changed_event",
                {
                    "instanceId": instance.id,
                    "runSpecId": instance.app_id,
                    "healthy": instance.healthy,
                    "runSpecVersion": format_timestamp(instance.app_version),
                },
            )
        self._mark(instance)

    def health_check_failed(self, instance: Instance, app: App, index: int) -> None:
        check = app.definition["healthChecks"][index]
        # taskId holds the instance id; so does upstream (reference, section 17).
        self._bus.publish(
            "failed_health_check_event",
            {"appId": app.id, "taskId": instance.id, "instanceId": instance.id, "healthCheck": check},
        )

    def readiness_changed(self, instance: Instance, result: ReadinessResult) -> None:
        instance.readiness = result
        self._mark(instance)

    # What is behind it

    def mark_app(self, state: AppState) -> None:
        """The facts of an app beside its definitions changed."""
        failure = state.last_failure
        self._store.mark(
            self._cluster.name, "failure", state.app.id, lambda: encode(failure) if failure else None
        )

    def _append_status(self, task: Task, state: TaskState, message: str) -> None:
        status = TaskStatus(state, now(), message)
        if task.statuses and task.statuses[-1].state is state:
            status.healthy = task.statuses[-1].healthy
            task.statuses[-1] = status
        else:
            task.statuses.append(status)
        self.on_status(task)

    def _announce_status(self, instance: Instance, task: Task, message: str) -> None:
        host = self._cluster.hosts[task.host_id]
        self._bus.publish(
            "status_update_event",
            {
                "slaveId": host.id,
                "taskId": task.id,
                "taskStatus": task.state.value,
                "message": message,
                "appId": instance.app_id,
                "host": host.hostname,
                "ipAddresses": ip_addresses(),
                "ports": list(instance.ports),
                "version": format_timestamp(instance.app_version),
            },
        )

    def _task_ended(self, instance: Instance, task: Task) -> None:
        host = self._cluster.hosts.get(task.host_id)
        if host is not None:
            host.remove(task, reserved=instance.reserved is not None)
        self._remember(task)
        self.on_task_gone(task)
        instance.task = None
        app = self._cluster.apps.get(instance.app_id)
        if instance.goal is Goal.DECOMMISSIONED or app is None:
            self.forget(instance)
        elif instance.goal is Goal.RUNNING and not self._surplus(instance, app):
            self._reschedule(instance, app.app)
        elif instance.goal is Goal.RUNNING:
            self.forget(instance)
        self.on_freed()

    def _surplus(self, instance: Instance, state: AppState) -> bool:
        """An outdated instance that ended when enough others exist: the restart has replaced it already."""
        if instance.app_version >= state.app.last_config_change_at:
            return False
        return sum(other.counts for other in state.instances.values()) > state.app.instances

    def _reschedule(self, instance: Instance, app: App) -> None:
        """The same instance again, as the next incarnation and with the present definition."""
        instance.incarnation += 1
        instance.app_version = app.version
        if instance.reserved is None:
            instance.host_id = None
            instance.ports = ()
        instance.staged_at = instance.started_at = None
        instance.health = []
        instance.readiness = None
        self._schedule(instance)

    def _schedule(self, instance: Instance) -> None:
        instance.scheduled_at = now()
        self._enter(instance, Condition.SCHEDULED)
        self.on_waiting(instance)

    def _enter(self, instance: Instance, condition: Condition) -> None:
        instance.condition = condition
        instance.since = now()
        event = {
            "instanceId": instance.id,
            "condition": condition.value,
            "runSpecId": instance.app_id,
            "runSpecVersion": format_timestamp(instance.app_version),
        }
        host = self._cluster.hosts.get(instance.host_id) if instance.host_id else None
        if host is not None:
            event |= {"agentId": host.id, "host": host.hostname}
        self._bus.publish("instance_changed_event", event)
        self._mark(instance)

    def _remember(self, task: Task) -> None:
        completed = self._cluster.marathon.completed
        if completed.maxlen is not None and len(completed) >= completed.maxlen:
            oldest = completed[0]
            self.on_collected(oldest)
            self._store.mark(self._cluster.name, "completed", oldest.id, lambda: None)
        completed.append(task)
        self._store.mark(self._cluster.name, "completed", task.id, lambda: encode(task))

    def _mark(self, instance: Instance) -> None:
        self._store.mark(
            self._cluster.name,
            "instance",
            instance.id,
            lambda: encode(instance) if instance.id in self._cluster.instances else None,
        )
        self._touch(instance.app_id)

    def _touch(self, app_id: AppId) -> None:
        event = self._changes.get(app_id)
        if event is not None:
            event.set()


def config_is_current(instance: Instance, app: App) -> bool:
    """Up to date: created (or relaunched) at or after the last change of configuration."""
    return instance.app_version >= app.last_config_change_at


def age_key(instance: Instance) -> datetime:
    """For kill selection: when the present task was staged, or the instance scheduled."""
    moment = instance.staged_at or instance.scheduled_at
    assert moment is not None  # every instance was scheduled once
    return moment
