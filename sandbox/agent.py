"""What Mesos agents do on their hosts: sandbox folders, processes, ports that are really free. For any
framework.

A task's folder is
`<data>/<cluster>/slaves/<host>/frameworks/<framework>/executors/<task>/runs/<container>`, with a link
`latest` beside it, as an agent lays it out.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandbox.config import ClusterConfig
from sandbox.ids import TaskId
from sandbox.launcher.client import Launcher
from sandbox.model import Host, Task

EndHandler = Callable[[Task, int | None, bool], None]


def base_environment(folder: str) -> dict[str, str]:
    """Nothing of the sandbox's own environment but what a shell needs: secrets of whoever started it stay
    out."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "HOME": os.environ.get("HOME", folder),
    }


def end_message(status: int | None) -> str:
    """The words of Mesos' command executor for exit code `status`, or minus a signal; None: nobody knows."""
    if status is None:
        return "Executor terminated"
    if status < 0:
        return f"Command terminated with signal {signal.strsignal(-status)}"
    return f"Command exited with status {status}"


def _port_is_free(port: int) -> bool:
    """Whether a task could listen here now; another sandbox, or anything else, may have the port."""
    with socket.socket() as probe:
        # As servers do, so that connections of an earlier task in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Agents:
    """All agents of one cluster. An EndHandler `(task, status, killed)` is told how its process ended."""

    def __init__(
        self,
        config: ClusterConfig,
        data: Path,
        launcher: Launcher,
        kill_grace_s: float,
        claimed_ports: dict[int, TaskId],
    ) -> None:
        """`claimed_ports` is shared by all clusters, since they share the machine's ports."""
        self._work_dir = data / config.name
        self._launcher = launcher
        self._claimed_ports = claimed_ports
        self._kill_grace_s = kill_grace_s
        self._running: dict[TaskId, Task] = {}
        self._handlers: dict[TaskId, EndHandler] = {}
        self._killed: set[TaskId] = set()
        self._escalations: dict[TaskId, asyncio.TimerHandle] = {}
        self._all_ended = asyncio.Event()

    @property
    def work_dir(self) -> Path:
        return self._work_dir

    def port_usable(self, port: int) -> bool:
        """Whether a real task may be given this port now."""
        return port not in self._claimed_ports and _port_is_free(port)

    def claim_ports(self, task: Task) -> None:
        """Between the offer and the moment the process listens, nobody else may get its ports."""
        self._claimed_ports.update(dict.fromkeys(task.allocation.ports, task.id))

    def release_ports(self, task: Task) -> None:
        for port in task.allocation.ports:
            if self._claimed_ports.get(port) == task.id:
                del self._claimed_ports[port]

    def make_folder(self, host: Host, task: Task) -> Path:
        """The task's sandbox folder, empty but for what the executor would put there."""
        executor = (
            self._work_dir / "slaves" / host.id / "frameworks" / task.framework_id / "executors" / task.id
        )
        folder = executor / "runs" / task.container_id
        folder.mkdir(parents=True, exist_ok=True)
        latest = executor / "runs" / "latest"
        latest.unlink(missing_ok=True)
        latest.symlink_to(folder)
        for name in ("stdout", "stderr"):
            (folder / name).touch()
        return folder

    def remove_folder(self, task: Task) -> None:
        """Collect the garbage of a task that nobody can look up any more."""
        if task.directory:
            shutil.rmtree(Path(task.directory).parent.parent, ignore_errors=True)

    async def run(self, task: Task, argv: Sequence[str], env: Mapping[str, str], on_end: EndHandler) -> None:
        """Start the task's process. Raises SpawnError. A kill that came meanwhile is carried out after it."""
        self._handlers[task.id] = on_end
        self._running[task.id] = task
        try:
            process = await self._launcher.spawn(task.id, argv, env=env, folder=Path(task.directory))
        except BaseException:
            self._drop(task.id)
            raise
        task.pid, task.pid_start = process.pid, process.start

    def adopt(self, task: Task, on_end: EndHandler) -> None:
        """A process of an earlier run is still there."""
        self.claim_ports(task)
        self._running[task.id] = task
        self._handlers[task.id] = on_end

    def runs(self, task: Task) -> bool:
        """Whether the task has a process, or one is just being started."""
        return task.id in self._running

    def kill(self, task: Task, grace_s: float | None = None) -> None:
        """SIGTERM to the group, SIGKILL after the grace. `on_end` follows; killing twice is harmless."""
        if task.id not in self._running or task.id in self._killed or task.pid is None:
            return
        self._killed.add(task.id)
        self._launcher.signal(task.id, signal.SIGTERM)
        grace = self._kill_grace_s if grace_s is None else grace_s
        self._escalations[task.id] = asyncio.get_running_loop().call_later(
            grace, self._launcher.signal, task.id, signal.SIGKILL
        )

    def destroy(self, task: Task) -> None:
        """The machine is gone: no grace, and nobody hears of it."""
        if task.id in self._running:
            self._launcher.signal(task.id, signal.SIGKILL)
            self._drop(task.id)

    def ended(self, task_id: TaskId, status: int | None) -> None:
        """The launcher reports an end."""
        self._launcher.forget(task_id)
        task, handler = self._running.get(task_id), self._handlers.get(task_id)
        killed = task_id in self._killed
        self._drop(task_id)
        if task is not None and handler is not None:
            handler(task, status, killed)

    async def stop(self) -> None:
        """Kill everything with grace and wait for it."""
        if not self._running:
            return
        self._all_ended.clear()
        for task in list(self._running.values()):
            self.kill(task, self._kill_grace_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_ended.wait(), self._kill_grace_s + 1)

    def _drop(self, task_id: TaskId) -> None:
        self._running.pop(task_id, None)
        self._handlers.pop(task_id, None)
        self._killed.discard(task_id)
        escalation = self._escalations.pop(task_id, None)
        if escalation is not None:
            escalation.cancel()
        if not self._running:
            self._all_ended.set()
