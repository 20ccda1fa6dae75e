"""One cluster with everything that makes it go, and how it is started, recovered and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from sandbox.agent import Agents
from sandbox.chronos.service import Chronos
from sandbox.config import ClusterConfig, LaunchLimits, Timing
from sandbox.events import EventBus
from sandbox.faults.state import Faults
from sandbox.ids import TaskId
from sandbox.launcher.client import Launcher, TaskProcess, kill_leftover
from sandbox.leadership import Leadership
from sandbox.listening import ANY_ADDRESS, LOOPBACK
from sandbox.loading import load_cluster
from sandbox.model import Condition, Instance, Task, TaskState
from sandbox.scheduler.actions import Actions
from sandbox.scheduler.backoff import RateLimiter
from sandbox.scheduler.deployments import Deployments
from sandbox.scheduler.health import HealthChecks
from sandbox.scheduler.hosts import Hosts
from sandbox.scheduler.launching import Launching
from sandbox.scheduler.offers import OfferMatcher
from sandbox.scheduler.probes import HttpProbe
from sandbox.scheduler.queue import LaunchQueue
from sandbox.scheduler.readiness import ReadinessChecks
from sandbox.scheduler.root import Root
from sandbox.scheduler.tracker import Tracker
from sandbox.store import Store
from sandbox.timestamps import VersionClock, now

log = logging.getLogger(__name__)


class ClusterRuntime:
    """The parts of one cluster, wired. HTTP rooms reach everything from here."""

    def __init__(
        self,
        config: ClusterConfig,
        *,
        store: Store,
        launcher: Launcher,
        timing: Timing,
        launch_limits: LaunchLimits,
        data: Path,
        claimed_ports: dict[int, TaskId],
        bind: str,
        http_credentials: str | None,
        task_environment: Mapping[str, str],
    ) -> None:
        self.config = config
        self.timing = timing
        self.store = store
        self.http_credentials = http_credentials
        self.clock = VersionClock()
        self.cluster = load_cluster(config, store, self.clock)
        self.faults = Faults()
        self.bus = EventBus(self.faults.events)
        self.limiter = RateLimiter()
        self.queue = LaunchQueue()
        self.http_probe = HttpProbe()
        self.agents = Agents(config, data, launcher, timing.kill_grace_s, claimed_ports)
        self.tracker = Tracker(self.cluster, store, self.bus, self.limiter)
        self.launching = Launching(
            self.cluster, self.tracker, self.agents, self.faults, timing, extra_environment=task_environment
        )
        self.matcher = OfferMatcher(
            self.cluster, self.queue, self.limiter, self.launching, self.agents, timing, launch_limits
        )
        self.health = HealthChecks(
            self.cluster,
            self.tracker,
            self.bus,
            self.http_probe,
            timing,
            kill=self.launching.kill,
            environment=self.launching.environment,
        )
        self.readiness = ReadinessChecks(self.tracker, self.http_probe)
        self.hosts = Hosts(
            self.cluster,
            self.tracker,
            self.agents,
            self.bus,
            self.faults,
            timing,
            store=store,
            kill=self.launching.kill,
            offer=self.matcher.look_again,
        )
        self.chronos = Chronos(
            config, self.cluster, store=store, agents=self.agents, faults=self.faults, timing=timing
        )
        self.root = Root(self.cluster, store, self.clock)
        self.deployments = Deployments(
            self.cluster,
            store,
            self.bus,
            self.root,
            self.tracker,
            Actions(
                self.cluster,
                self.bus,
                self.tracker,
                self.limiter,
                self.launching,
                self.readiness,
            ),
        )
        self.leadership = Leadership(LOOPBACK if bind == ANY_ADDRESS else bind, timing.abdication_s)
        self.mesos_url: str | None = None  # known when the master's port is open
        self._background: list[asyncio.Task[None]] = []
        self._wire()

    def _wire(self) -> None:
        tracker = self.tracker
        self.leadership.on_step_down = self._step_down
        tracker.on_waiting = self.matcher.waiting
        tracker.on_freed = self._freed
        self.chronos.executor.on_freed = self._freed
        self.hosts.evict_others = self.chronos.evict
        tracker.on_running = self._task_runs
        tracker.on_task_gone = self._task_gone
        tracker.on_collected = self.agents.remove_folder
        tracker.on_left_behind = self.hosts.left_behind
        tracker.on_forgotten = self.queue.remove
        tracker.on_missing = self.deployments.supervise

    def _step_down(self) -> None:
        self.bus.cut()

    def _freed(self) -> None:
        self.matcher.look_again()
        self.chronos.wake()

    def _task_runs(self, instance: Instance) -> None:
        self.matcher.confirmed()
        self.health.watch(instance)

    def _task_gone(self, task: Task) -> None:
        self.health.forget(task)
        self.agents.release_ports(task)

    async def start(self, processes: dict[str, TaskProcess]) -> None:
        """Take up where the last run ended. `processes`: what the launcher knows; those of ours are
        removed."""
        for instance in list(self.cluster.instances.values()):
            self._recover(instance, processes)
        self.deployments.resume()
        for app_id in list(self.cluster.apps):
            self.deployments.supervise(app_id)
        self.chronos.recover(processes)
        for work in (self.matcher.run(), self.hosts.run(), self.chronos.run(), self._forget_delays()):
            self._background.append(asyncio.create_task(self._guarded(work)))

    async def stop(self) -> None:
        """End all tasks' processes, in order; their instances wait for the next start."""
        for task in self._background:
            task.cancel()
        self.health.stop()
        self.readiness.stop()
        await self.deployments.stop()
        await self.launching.stop()
        await self.chronos.stop()
        await self.agents.stop()
        await self.http_probe.close()
        self.bus.cut()

    def _recover(self, instance: Instance, processes: dict[str, TaskProcess]) -> None:
        task = instance.task
        state = self.tracker.state(instance.app_id)
        if task is None or state is None:
            if instance.condition is Condition.SCHEDULED:
                self.matcher.waiting(instance)
            return
        if task.noop:
            self.launching.resume_noop(instance, state.app)
            return
        process = processes.pop(task.id, None)
        if process is None:
            self._recover_without_process(instance, task)
            return
        task.pid, task.pid_start = process.pid, process.start
        self.launching.adopt(instance)
        if process.status is not None:
            asyncio.get_running_loop().call_soon(self.agents.ended, task.id, process.status)
        elif instance.being_killed:
            self.launching.kill(instance)
        elif instance.condition is Condition.RUNNING:
            self.health.watch(instance)
        else:
            self.tracker.update(instance, TaskState.RUNNING, "Task adopted after a restart")

    def _recover_without_process(self, instance: Instance, task: Task) -> None:
        if task.pid is not None and task.pid_start is not None:
            # The launcher died too: nobody would hear of this process' end.
            kill_leftover(task.pid, task.pid_start)
            self.tracker.update(instance, TaskState.FAILED, "Executor terminated")
        else:
            self.tracker.update(instance, TaskState.KILLED, "Task was not launched before the restart")

    async def _forget_delays(self) -> None:
        while True:
            await asyncio.sleep(self.timing.backoff_sweep_s)
            self.limiter.forget_old(now())

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A broken loop must not die silently: the whole sandbox ends, visibly."""
        try:
            await work
        except Exception:
            log.exception("loop_broken", extra={"cluster": self.cluster.name})
            signal.raise_signal(signal.SIGTERM)


def end_unknown(launcher: Launcher, processes: dict[str, TaskProcess]) -> None:
    """Processes that no cluster knows: their app was deleted from the store, or the cluster from the
    configuration."""
    for process in processes.values():
        with contextlib.suppress(ProcessLookupError):
            launcher.signal(process.task_id, signal.SIGKILL)
        launcher.forget(process.task_id)
