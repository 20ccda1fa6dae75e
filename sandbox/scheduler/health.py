"""Health checks of running tasks, Marathon's own and those that Mesos' executor would run.

Sources: Marathon's core/health/impl/HealthCheckActor.scala (kill on failure number max + 1), Mesos'
checks/health_checker.cpp (kill on failure number max).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from sandbox.config import Timing
from sandbox.definitions.app import App, HealthCheck, Protocol
from sandbox.events import EventBus
from sandbox.ids import TaskId
from sandbox.model import Cluster, HealthResult, Instance, Task, TaskState
from sandbox.scheduler.probes import HttpProbe, probe_command, probe_tcp
from sandbox.scheduler.tracker import Tracker
from sandbox.timestamps import format_timestamp, now


class HealthChecks:
    """Runs a loop for each check of each running task. `environment` gives a task's, for command checks."""

    def __init__(
        self,
        cluster: Cluster,
        tracker: Tracker,
        bus: EventBus,
        http: HttpProbe,
        timing: Timing,
        *,
        kill: Callable[[Instance], None],
        environment: Callable[[Instance, App], Mapping[str, str]],
    ) -> None:
        self._cluster = cluster
        self._tracker = tracker
        self._bus = bus
        self._http = http
        self._timing = timing
        self._kill = kill
        self._environment = environment
        self._loops: dict[TaskId, list[asyncio.Task[None]]] = {}

    def watch(self, instance: Instance) -> None:
        """The instance's task runs: begin with its checks. Watching twice is harmless."""
        task = instance.task
        app = self._app_of(instance)
        if task is None or task.noop or app is None or task.id in self._loops:
            return
        self._loops[task.id] = [
            asyncio.create_task(self._check_for_ever(instance, task, app, index), name=f"health {task.id}")
            for index in range(len(app.health_checks))
        ]

    def forget(self, task: Task) -> None:
        for loop in self._loops.pop(task.id, ()):
            loop.cancel()

    def stop(self) -> None:
        for loops in self._loops.values():
            for loop in loops:
                loop.cancel()
        self._loops.clear()

    def _app_of(self, instance: Instance) -> App | None:
        """The definition this task was started with, whose checks are the ones that fit it."""
        state = self._tracker.state(instance.app_id)
        return None if state is None else state.versions.get(instance.app_version, state.app)

    async def _check_for_ever(self, instance: Instance, task: Task, app: App, index: int) -> None:
        check = app.health_checks[index]
        if check.by_executor:
            await asyncio.sleep(check.delay_s)
        else:
            await asyncio.sleep(min(check.interval_s, self._timing.first_health_check_s))
        while instance.task is task:
            if not instance.lost_sight_of:
                cause = await self._probe(instance, app, check)
                if instance.task is task and not instance.being_killed:
                    self._note(instance, app, index, check, cause)
            await asyncio.sleep(max(check.interval_s, 0.01))

    async def _probe(self, instance: Instance, app: App, check: HealthCheck) -> str | None:
        """None when healthy, else why not."""
        if check.protocol is Protocol.COMMAND:
            folder = instance.task.directory if instance.task else "/"
            env = self._environment(instance, app)
            return await probe_command(check.command, env=env, folder=folder, timeout_s=check.timeout_s)
        port = self._port(instance, app, check)
        if port is None:
            return "the task has no port that this check could use"
        if check.protocol in (Protocol.TCP, Protocol.MESOS_TCP):
            return await probe_tcp(port, timeout_s=check.timeout_s)
        https = check.protocol in (Protocol.HTTPS, Protocol.MESOS_HTTPS)
        answer = await self._http.get(port, check.path, https=https, timeout_s=check.timeout_s)
        return None if 200 <= answer.status < 400 else answer.cause

    def _port(self, instance: Instance, app: App, check: HealthCheck) -> int | None:
        if check.port:
            return check.port
        given = iter(instance.ports)
        ports = [next(given, None) if port.host_port is not None else port.requested for port in app.ports]
        index = check.port_index or 0
        return ports[index] if index < len(ports) else None

    def _note(self, instance: Instance, app: App, index: int, check: HealthCheck, cause: str | None) -> None:
        before = instance.health[index] if index < len(instance.health) else None
        was_alive = None if before is None else before.alive
        moment = now()
        old = before or HealthResult()
        if cause is None:
            result = replace(
                old,
                consecutive_failures=0,
                first_success=old.first_success or moment,
                last_success=moment,
            )
            self._tracker.health_changed(instance, index, result, was_alive=was_alive)
            return
        started = instance.started_at or moment
        if old.first_success is None and (moment - started).total_seconds() < check.grace_s:
            return
        self._tracker.health_check_failed(instance, app, index)
        result = replace(
            old,
            consecutive_failures=old.consecutive_failures + 1,
            last_failure=moment,
            last_failure_cause=cause,
        )
        self._tracker.health_changed(instance, index, result, was_alive=was_alive)
        if self._too_often(check, old.consecutive_failures):
            self._kill_unhealthy(instance, cause)

    @staticmethod
    def _too_often(check: HealthCheck, failures_before: int) -> bool:
        if check.by_executor:
            return failures_before + 1 >= max(check.max_failures, 1)
        # Upstream compares before it counts the present failure; 0 means never.
        return 0 < check.max_failures <= failures_before

    def _kill_unhealthy(self, instance: Instance, cause: str) -> None:
        task = instance.task
        if task is None:
            return
        self._bus.publish(
            "unhealthy_instance_kill_event",
            {
                "appId": instance.app_id,
                "taskId": task.id,
                "instanceId": instance.id,
                "version": format_timestamp(instance.app_version),
                "reason": cause,
                "host": self._cluster.hosts[task.host_id].hostname,
                "slaveId": task.host_id,
            },
        )
        message = f"Task was killed since health check failed. Reason: {cause}"
        self._tracker.record_failure(instance, TaskState.KILLED, message)
        self._kill(instance)
