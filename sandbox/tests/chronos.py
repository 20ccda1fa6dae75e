"""A Chronos whose clock a test moves and whose tasks it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.agent import Agents
from sandbox.chronos.jobs import LINE_2, LINE_3, Job, Line, read_job
from sandbox.chronos.runs import Attempt, Outcome
from sandbox.chronos.service import Chronos
from sandbox.config import ClusterConfig, HostConfig, Timing
from sandbox.faults.state import Faults
from sandbox.ids import HostId, TaskId
from sandbox.launcher.client import Launcher
from sandbox.loading import load_cluster
from sandbox.model import Task, TaskState, TaskStatus
from sandbox.resources import Allocation
from sandbox.store import Store
from sandbox.timestamps import VersionClock

START = datetime(2034, 5, 2, 2, 0, tzinfo=UTC)


def make_chronos(store: Store, *, line: int = 3, cluster: str = "c1") -> Chronos:
    """On one host; it launches when `run` is awaited only."""
    config = ClusterConfig(cluster, (HostConfig("node1"),), chronos_port=4400, chronos_line=line)
    folder = Path("unused")
    launcher = Launcher(folder, lambda task_id, status: None, log_max_bytes=1, log_files=0)
    return Chronos(
        config,
        load_cluster(config, store, VersionClock()),
        store=store,
        agents=Agents(config, folder, launcher, 1.0, {}),
        faults=Faults(),
        timing=Timing(),
    )


class FakeExecutor:
    """Room for `room` tasks."""

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.tasks: dict[str, Task] = {}
        self.started: list[str] = []
        self.killed: list[str] = []

    def start(self, attempt: Attempt, job: Job) -> Task | None:
        if len(self.tasks) >= self.room:
            return None
        task = Task(
            id=TaskId(attempt.task_id),
            name=attempt.job,
            framework_id="f",
            host_id=HostId("h"),
            role="*",
            allocation=Allocation({}),
            container_id="c",
            directory="",
            app_id=None,
            instance_id=None,
            labels={},
            statuses=[TaskStatus(TaskState.RUNNING, START)],
        )
        self.tasks[task.id] = task
        self.started.append(task.id)
        return task

    def kill(self, task: Task) -> None:
        self.killed.append(task.id)


class Story:
    """A scheduler with its clock: `put` jobs, `pass_s` seconds, `end` runs."""

    def __init__(self, store: Store, *, line: int = 3, room: int = 100) -> None:
        self.chronos = make_chronos(store, line=line)
        self.chronos.clock = lambda: self.now
        self.scheduler = self.chronos.scheduler
        self.executor = FakeExecutor(room)
        self.scheduler.executor = self.executor
        self.now = START - timedelta(seconds=10)
        self.line: Line = LINE_2 if line == 2 else LINE_3

    def put(self, **fields: Any) -> None:
        self.chronos.registry.put(read_job(fields, self.line, dependent="parents" in fields))
        self.scheduler.changed(fields["name"])
        self.scheduler.tick(self.now)

    def at(self, moment: datetime) -> list[str]:
        """Go there; the ids of the tasks that were started on the way."""
        before = len(self.executor.started)
        self.now = moment
        self.scheduler.tick(moment)
        return self.executor.started[before:]

    def pass_s(self, seconds: float) -> list[str]:
        return self.at(self.now + timedelta(seconds=seconds))

    def end(self, name: str, outcome: Outcome = Outcome.SUCCESS) -> list[str]:
        """End the job's runs; what was started by that."""
        before = len(self.executor.started)
        for run in self.chronos.history.running(name):
            del self.executor.tasks[run.task.id]
            self.scheduler.ended(run, Outcome.KILLED if run.killed else outcome, now=self.now)
        self.scheduler.tick(self.now)
        return self.executor.started[before:]

    def job(self, name: str) -> Job:
        job = self.chronos.registry.get(name)
        assert job is not None
        return job
