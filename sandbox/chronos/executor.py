"""Chronos' tasks on the hosts: placed where there is room, started by the agents, told to Mesos.

Constraints are looked at as upstream does: a host without the attribute satisfies none of them, UNLIKE neither.
Source: TaskUtils.scala, MesosTaskBuilder.scala, ConstraintChecker.scala.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sandbox.agent import Agents, base_environment, end_message
from sandbox.chronos.jobs import Job
from sandbox.chronos.runs import Attempt, Outcome
from sandbox.definitions.app import Artifact
from sandbox.faults.state import Faults
from sandbox.fetcher import FetchError, fetch_all
from sandbox.ids import TaskId
from sandbox.launcher.client import SpawnError
from sandbox.model import Cluster, Framework, Host, Task, TaskState, TaskStatus
from sandbox.resources import UNRESERVED, Allocation
from sandbox.scheduler.environment import Placement, mesos_variables
from sandbox.timestamps import now

_DOWNLOADED = re.compile(r"(https?|ftp)://\S+")


class TaskExecutor:
    """`on_end(task, outcome)` is called for every end, `on_status(task)` after each status update, `on_freed()` when
    resources came back."""

    def __init__(self, cluster: Cluster, framework: Framework, agents: Agents, faults: Faults) -> None:
        self._cluster = cluster
        self._framework = framework
        self._agents = agents
        self._faults = faults
        self._turn = 0
        self._starting: set[asyncio.Task[None]] = set()
        self.on_end: Callable[[Task, Outcome], None] = lambda task, outcome: None
        self.on_status: Callable[[Task], None] = lambda task: None
        self.on_freed: Callable[[], None] = lambda: None

    def start(self, attempt: Attempt, job: Job) -> Task | None:
        """Take the room on a host and begin; None where no host has it."""
        host = self._host_for(job)
        if host is None:
            return None
        wanted = {name: job[name] for name in ("cpus", "mem", "disk") if job[name] > 0}
        task = Task(
            id=TaskId(attempt.task_id),
            name=f"ChronosTask:{attempt.job}",
            framework_id=self._framework.id,
            host_id=host.id,
            role=UNRESERVED,
            allocation=Allocation({UNRESERVED: wanted}),
            container_id=str(uuid.uuid4()),
            directory="",
            app_id=None,
            instance_id=None,
            labels={},
        )
        # It registers with Mesos when it has something to run; upstream as soon as it is up.
        self._cluster.frameworks.setdefault(self._framework.id, self._framework)
        host.add(task)
        self._tell(task, TaskState.STAGING)
        starting = asyncio.create_task(self._launch(attempt, dict(job), host, task), name=f"start {task.id}")
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)
        return task

    def kill(self, task: Task) -> None:
        """SIGTERM, then SIGKILL."""
        if not task.state.terminal:
            self._tell(task, TaskState.KILLING)
            self._agents.kill(task)

    def adopt(self, task: Task) -> None:
        """A process of an earlier run is still there."""
        self._agents.adopt(task, self._ended)

    def place(self, task: Task) -> bool:
        """After a restart: whether the task's host is there still; then the room is taken again."""
        host = self._cluster.hosts.get(task.host_id)
        if host is not None:
            host.add(task)
        return host is not None

    def lose(self, task: Task, message: str) -> None:
        """Its host is gone, or its process went with the launcher."""
        self._agents.destroy(task)
        self._finish(task, TaskState.GONE, message, Outcome.FAIL)

    async def stop(self) -> None:
        """Begin no more processes."""
        for starting in self._starting:
            starting.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)

    def _host_for(self, job: Job) -> Host | None:
        hosts = list(self._cluster.hosts.values())
        for step in range(len(hosts)):
            host = hosts[(self._turn + step) % len(hosts)]
            fits = all(host.resources.free(name, UNRESERVED) >= job[name] for name in ("cpus", "mem", "disk"))
            if host.offering and fits and all(_satisfied(each, host) for each in job["constraints"]):
                self._turn += step + 1
                return host
        return None

    async def _launch(self, attempt: Attempt, job: Job, host: Host, task: Task) -> None:
        if self._faults.launch_delay_s:
            await asyncio.sleep(self._faults.launch_delay_s)
        try:
            folder = self._agents.make_folder(host, task)
            task.directory = str(folder)
            await fetch_all([_artifact(item) for item in job["fetch"] or _from_uris(job["uris"])], folder)
            argv = await _argv(job, attempt.arguments, folder)
            if task.state.terminal or not host.connected:
                return
            self._tell(task, TaskState.STARTING)
            await self._agents.run(task, argv, self._environment(attempt, job, host, task), self._ended)
        except FetchError as error:
            self._finish(task, TaskState.FAILED, str(error), Outcome.FAIL)
        except (SpawnError, OSError) as error:
            self._finish(task, TaskState.FAILED, f"Failed to launch command: {error}", Outcome.FAIL)
        else:
            if task.state is TaskState.KILLING:
                self._agents.kill(task)
            elif not task.state.terminal:
                self._tell(task, TaskState.RUNNING)

    def _ended(self, task: Task, status: int | None, killed: bool) -> None:
        finished = TaskState.FINISHED if status == 0 else TaskState.FAILED
        state = TaskState.KILLED if killed else finished
        outcome = Outcome.SUCCESS if state is TaskState.FINISHED else Outcome.FAIL
        self._finish(task, state, end_message(status), outcome)

    def _finish(self, task: Task, state: TaskState, message: str, outcome: Outcome) -> None:
        if task.state.terminal:
            return
        self._tell(task, state, message)
        host = self._cluster.hosts.get(task.host_id)
        if host is not None:
            host.remove(task)
        self._framework.completed.append(task)
        self.on_end(task, outcome)
        self.on_freed()

    def _tell(self, task: Task, state: TaskState, message: str = "") -> None:
        task.statuses.append(TaskStatus(state, now(), message))
        self.on_status(task)

    def _environment(self, attempt: Attempt, job: Job, host: Host, task: Task) -> dict[str, str]:
        """What Chronos sets cannot be set by the job, other than with Marathon."""
        placement = Placement(
            task_id=task.id,
            hostname=host.hostname,
            host_id=host.id,
            agent_pid=host.agent_pid,
            framework_id=task.framework_id,
            directory=task.directory,
            ports=(),
        )
        own = {str(item["name"]): str(item["value"]) for item in job["environmentVariables"]}
        return {
            **base_environment(task.directory),
            **mesos_variables(placement),
            **own,
            "mesos_task_id": task.id,
            "MESOS_TASK_ID": task.id,
            "CHRONOS_JOB_OWNER": job["owner"],
            "CHRONOS_JOB_NAME": attempt.job,
            "HOST": host.hostname,
            "CHRONOS_RESOURCE_MEM": str(job["mem"]),
            "CHRONOS_RESOURCE_CPU": str(job["cpus"]),
            "CHRONOS_RESOURCE_DISK": str(job["disk"]),
            "CHRONOS_JOB_RUN_TIME": str(_milliseconds(attempt.due)),
            "CHRONOS_JOB_RUN_ATTEMPT": str(attempt.number),
        }


def _satisfied(constraint: list[str], host: Host) -> bool:
    name, operator, wanted = constraint
    found = host.hostname if name == "hostname" else host.attributes.get(name)
    if found is None:
        return False
    match operator.upper():
        case "EQUALS":
            return isinstance(found, str) and found == wanted
        case "LIKE":
            return re.fullmatch(wanted, str(found)) is not None
        case _:
            return re.fullmatch(wanted, str(found)) is None


async def _argv(job: Job, arguments: str, folder: Path) -> list[str]:
    """A command that is an address is fetched and run."""
    command = job["command"]
    if _DOWNLOADED.fullmatch(command):
        name = command.rpartition("/")[2] or "command"
        await fetch_all([Artifact(command, extract=False, executable=True, dest_path=name)], folder)
        command = f"./{name}"
    if not job["shell"]:
        return [command, *map(str, job["arguments"]), *arguments.split()]
    return ["/bin/sh", "-c", f"{command} {arguments}".rstrip()]


def _artifact(item: dict[str, object]) -> Artifact:
    file = item.get("output_file")
    return Artifact(
        uri=str(item["uri"]),
        extract=bool(item.get("extract", True)),
        executable=bool(item.get("executable", False)),
        dest_path=None if file is None else str(file),
    )


def _from_uris(uris: list[str]) -> list[dict[str, object]]:
    return [{"uri": uri} for uri in uris]


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
