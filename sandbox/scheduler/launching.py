"""From a matched offer to a running task: real processes, and pretended ones for tests of scale."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path

from sandbox.agent import Agents, base_environment, end_message
from sandbox.config import Timing
from sandbox.definitions.app import App
from sandbox.faults.state import Faults
from sandbox.fetcher import FetchError, fetch_all
from sandbox.ids import task_id_of
from sandbox.launcher.client import SpawnError
from sandbox.model import Cluster, Host, Instance, LocalVolume, Task, TaskState
from sandbox.resources import Allocation
from sandbox.scheduler.environment import Placement, task_environment
from sandbox.scheduler.noop import NoopTasks
from sandbox.scheduler.tracker import Tracker

_NO_COMMAND = (
    "Failed to launch container: the sandbox runs commands on its own machine and has no container engine; "
    "give the app a 'cmd' or 'args' beside its image"
)


class _LaunchError(Exception):
    """The task cannot be started; the text is what its status says."""


class Launching:
    """Starts tasks and ends them, telling the tracker about every step."""

    def __init__(
        self,
        cluster: Cluster,
        tracker: Tracker,
        agents: Agents,
        faults: Faults,
        timing: Timing,
        *,
        extra_environment: Mapping[str, str],
    ) -> None:
        """`extra_environment`: what the sandbox' operator gives to every task."""
        self._extra_environment = extra_environment
        self._cluster = cluster
        self._tracker = tracker
        self._agents = agents
        self._faults = faults
        self._noop = NoopTasks(tracker, timing.noop_step_s)
        self._starting: set[asyncio.Task[None]] = set()

    def launch(self, instance: Instance, app: App, host: Host, allocation: Allocation) -> None:
        """Use this part of the host's offer for the instance. The resources are taken when this returns."""
        role = app.role or self._cluster.marathon.role
        resident = app.resident
        if resident and instance.reserved is None:
            host.resources.take(allocation)
            instance.reserved = allocation
        task = Task(
            id=task_id_of(instance.id, instance.incarnation),
            name=".".join(reversed(app.id.strip("/").split("/"))),
            framework_id=self._cluster.marathon.id,
            host_id=host.id,
            role=role,
            allocation=instance.reserved or allocation,
            container_id=str(uuid.uuid4()),
            directory="",
            app_id=app.id,
            instance_id=instance.id,
            labels=dict(app.labels),
            noop=app.noop,
        )
        self._tracker.provision(instance, task)
        if app.noop:
            self._noop.start(instance, app)
            return
        self._agents.claim_ports(task)
        starting = asyncio.create_task(self._start(instance, app, host, task), name=f"start {task.id}")
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    def kill(self, instance: Instance, *, max_grace_s: float | None = None) -> None:
        """End the instance's task: TASK_KILLING now, TASK_KILLED when it is gone.

        `max_grace_s` shortens the app's own grace. Killing twice is harmless."""
        task = instance.task
        if task is None:
            return
        if instance.lost_sight_of:
            # Nobody can be told; Marathon expunges it and kills the task if it is ever seen again.
            self._tracker.forget(instance)
            return
        if not instance.being_killed:
            self._tracker.update(instance, TaskState.KILLING, "Killing task")
        if not self._cluster.hosts[task.host_id].connected:
            return  # it does not get through; the host's return, or its loss, decides
        if task.noop:
            self._noop.kill(instance)
        elif not self._agents.runs(task):
            self._tracker.update(instance, TaskState.KILLED, "Task killed before it was launched")
        else:
            state = self._tracker.state(instance.app_id)
            grace_s = state.app.kill_grace_s if state else None
            if max_grace_s is not None:
                grace_s = max_grace_s if grace_s is None else min(grace_s, max_grace_s)
            self._agents.kill(task, grace_s)

    def environment(self, instance: Instance, app: App) -> dict[str, str]:
        """The environment of the instance's present task; empty without one."""
        task = instance.task
        if task is None:
            return {}
        host = self._cluster.hosts[task.host_id]
        placement = Placement(
            task_id=task.id,
            hostname=host.hostname,
            host_id=host.id,
            agent_pid=host.agent_pid,
            framework_id=task.framework_id,
            directory=task.directory,
            ports=instance.ports,
        )
        return task_environment(
            app, placement, base={**base_environment(task.directory), **self._extra_environment}
        )

    def adopt(self, instance: Instance) -> None:
        """After a restart: go on with a task whose process is still there."""
        if instance.task is not None:
            self._agents.adopt(instance.task, self._ended)

    def resume_noop(self, instance: Instance, app: App) -> None:
        """After a restart: pretended tasks go on from where they were, all hosts being back."""
        if instance.lost_sight_of:
            self._tracker.update(instance, TaskState.RUNNING, "Agent reregistered")
        if instance.being_killed:
            self._noop.kill(instance)
        else:
            self._noop.start(instance, app)

    async def stop(self) -> None:
        """Begin no more processes."""
        for starting in self._starting:
            starting.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)

    async def _start(self, instance: Instance, app: App, host: Host, task: Task) -> None:
        if self._faults.launch_delay_s:
            await asyncio.sleep(self._faults.launch_delay_s)
        try:
            await self._prepare(instance, app, host, task)
            if instance.task is not task or not host.connected:
                return  # killed meanwhile, or its host is lost
            self._tracker.update(instance, TaskState.STARTING)
            argv = list(app.args) if app.cmd is None else ["/bin/sh", "-c", app.cmd]
            await self._agents.run(task, argv, self.environment(instance, app), self._ended)
        except _LaunchError as error:
            self._fail(instance, task, str(error))
        except (SpawnError, OSError) as error:
            self._fail(instance, task, f"Failed to launch command: {error}")
        else:
            self._started(instance, task)

    async def _prepare(self, instance: Instance, app: App, host: Host, task: Task) -> None:
        """The sandbox folder with all that belongs in it. Raises _LaunchError, OSError."""
        if instance.task is not task or not host.connected:
            return
        folder = self._agents.make_folder(host, task)
        task.directory = str(folder)
        self._link_volumes(instance, app, folder)
        self._tracker.update(instance, TaskState.STAGING)
        if app.cmd is None and not app.args:
            raise _LaunchError(_NO_COMMAND)
        try:
            await fetch_all(app.artifacts, folder)
        except FetchError as error:
            raise _LaunchError(str(error)) from error

    def _started(self, instance: Instance, task: Task) -> None:
        """The process is there; while it came, its instance may have been killed or lost."""
        if instance.task is not task:
            self._agents.destroy(task)
        elif instance.being_killed:
            self.kill(instance)
        else:
            self._tracker.update(instance, TaskState.RUNNING)

    def _fail(self, instance: Instance, task: Task, message: str) -> None:
        if instance.task is task:
            self._tracker.update(instance, TaskState.FAILED, message)

    def _ended(self, task: Task, status: int | None, killed: bool) -> None:
        instance = self._cluster.instances.get(task.instance_id) if task.instance_id else None
        if instance is None or instance.task is not task:
            return
        if not self._cluster.hosts[task.host_id].connected:
            # Its agent cannot tell anybody; it will say so when it comes back.
            task.pid = None
            return
        how_it_ended = TaskState.FINISHED if status == 0 else TaskState.FAILED
        state = TaskState.KILLED if killed else how_it_ended
        self._tracker.update(instance, state, end_message(status))

    def _link_volumes(self, instance: Instance, app: App, folder: Path) -> None:
        """Persistent volumes are folders that stay; the task finds them by a link in its sandbox."""
        for volume in app.volumes:
            known = {existing.container_path: existing for existing in instance.volumes}
            local = known.get(volume.container_path)
            if local is None:
                volume_id = str(uuid.uuid1())
                path = self._agents.work_dir / "volumes" / volume_id
                path.mkdir(parents=True)
                safe_id = app.id.strip("/").replace("/", "_")
                local = LocalVolume(
                    container_path=volume.container_path,
                    persistence_id=f"{safe_id}#{volume.container_path}#{volume_id}",
                    uuid=volume_id,
                    size_mib=volume.size_mib,
                    directory=str(path),
                )
                instance.volumes.append(local)
            (folder / volume.container_path).symlink_to(local.directory)
