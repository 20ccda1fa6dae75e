"""One cluster's Chronos at work: the scheduler driven by the clock, its tasks, and what a restart finds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

from sandbox.agent import Agents
from sandbox.chronos.executor import TaskExecutor
from sandbox.chronos.history import History
from sandbox.chronos.jobs import LINE_2, LINE_3
from sandbox.chronos.registry import Registry
from sandbox.chronos.runs import Outcome, Run
from sandbox.chronos.scheduler import JobScheduler
from sandbox.config import ClusterConfig, Timing
from sandbox.faults.state import Faults
from sandbox.launcher.client import TaskProcess, kill_leftover
from sandbox.model import Cluster, Framework, Host, Task, TaskState
from sandbox.store import Store
from sandbox.timestamps import now

FRAMEWORK_NAME = "chronos"


class Chronos:
    """While the fault door says that it is away it neither answers nor launches. `on_status(task)` is told of each
    status of its tasks."""

    def __init__(
        self,
        config: ClusterConfig,
        cluster: Cluster,
        *,
        store: Store,
        agents: Agents,
        faults: Faults,
        timing: Timing,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._agents = agents
        self._faults = faults
        self._timing = timing
        self._wake = asyncio.Event()
        self._stopping = False
        self.clock: Callable[[], datetime] = now
        self.registry = Registry(store, cluster.name)
        self.history = History(store, cluster.name)
        line = LINE_2 if config.chronos_line == LINE_2.major else LINE_3
        self.scheduler = JobScheduler(
            self.registry, self.history, store, cluster.name, line=line, retry_s=timing.chronos_retry_s
        )
        self.framework = Framework(
            id=f"{cluster.master_id}-0001",
            name=FRAMEWORK_NAME,
            registered_at=cluster.started_at,
            webui_url="" if config.chronos_port is None else f"http://127.0.0.1:{config.chronos_port}",
            user="root",
        )
        self.executor = TaskExecutor(cluster, self.framework, agents, faults)
        self.executor.on_end = self._ended
        self.executor.on_status = self._changed
        self.on_status: Callable[[Task], None] = lambda task: None
        self.scheduler.executor = self.executor
        self.scheduler.on_news = self.wake
        self.history.on_collected = agents.remove_folder

    @property
    def away(self) -> bool:
        return self._faults.chronos_away

    def wake(self) -> None:
        """Something changed: look what is due and what fits."""
        self._wake.set()

    def recover(self, processes: dict[str, TaskProcess]) -> None:
        """Take up the tasks of the last run. `processes`: what the launcher knows; ours are removed."""
        self.framework.completed.extend(run.task for run in self.history.ended())
        if self.framework.completed or self.history.all_running():
            self._cluster.frameworks[self.framework.id] = self.framework
        for run in self.history.all_running():
            self._recover(run, processes.pop(run.task.id, None))

    async def run(self) -> None:
        """Launch what is due, for ever."""
        while True:
            self._wake.clear()
            pause_s = self._timing.unreachable_sweep_s
            if not self.away:
                self._give_up_lost()
                due = self.scheduler.tick(self.clock())
                # Before the processes begin: what is not on disk would run again after a kill.
                self._store.flush()
                if due is not None:
                    pause_s = min(pause_s, max(0.0, (due - self.clock()).total_seconds()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause_s)

    def evict(self, host: Host) -> None:
        """An operator wants the host empty."""
        for run in self.history.all_running():
            if run.task.host_id == host.id:
                self.executor.kill(run.task)

    async def stop(self) -> None:
        """Launch no more; what runs is ended by the agents, and failed at the next start."""
        self._stopping = True
        await self.executor.stop()

    def _changed(self, task: Task) -> None:
        run = self.history.running_as(task)
        if run is not None:
            self.history.mark(run)
        self.on_status(task)

    def _ended(self, task: Task, outcome: Outcome) -> None:
        run = self.history.running_as(task)
        if run is None or self._stopping:
            return
        self.scheduler.ended(run, Outcome.KILLED if run.killed else outcome, now=self.clock())

    def _give_up_lost(self) -> None:
        for run in self.history.all_running():
            host = self._cluster.hosts[run.task.host_id]
            died = host.connected and run.task.state is TaskState.RUNNING and not self._agents.runs(run.task)
            if died or not host.reachable:
                self.executor.lose(run.task, f"Agent {host.hostname} is unreachable")

    def _recover(self, run: Run, process: TaskProcess | None) -> None:
        task = run.task
        placed = self.executor.place(task)
        if process is None or not placed:
            if task.pid is not None and task.pid_start is not None:
                kill_leftover(task.pid, task.pid_start)
            self.executor.lose(task, "Executor terminated")
            return
        task.pid, task.pid_start = process.pid, process.start
        self.executor.adopt(task)
        if process.status is not None:
            asyncio.get_running_loop().call_soon(self._agents.ended, task.id, process.status)
