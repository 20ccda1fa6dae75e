"""The sandbox's side of the keeper of task processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.launcher import process

log = logging.getLogger(__name__)

START_TIMEOUT_S = 10.0


class SpawnError(Exception):
    """The process could not be started; the text is the system's reason."""


@dataclass(frozen=True, slots=True)
class TaskProcess:
    """A process that leads its own session; `status` is None while it runs, else exit code or minus
    signal."""

    task_id: str
    pid: int
    start: int
    status: int | None


class Launcher:
    """Starts, signals and watches task processes through the keeper.

    `on_exit(task_id, status)` is called for every end. Status None: the keeper itself died and the process
    with it, so nobody knows how it ended."""

    def __init__(
        self, folder: Path, on_exit: Callable[[str, int | None], None], *, log_max_bytes: int, log_files: int
    ) -> None:
        """What a task prints is kept in files of at most `log_max_bytes`, and `log_files` older ones of each."""
        self._folder = folder
        self._log_limits = {"log_max_bytes": log_max_bytes, "log_files": log_files}
        self._on_exit = on_exit
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting: dict[str, asyncio.Future[TaskProcess]] = {}
        self._running: dict[str, TaskProcess] = {}

    async def start(self) -> list[TaskProcess]:
        """Connect to the keeper that an earlier run left, or start one. Returns the tasks it knows."""
        try:
            reader, hello = await self._greet()
        except OSError:
            self._start_keeper()
            reader, hello = await self._greet_when_ready()
        known = [_described(item) for item in hello["tasks"]]
        self._running = {task.task_id: task for task in known if task.status is None}
        self._reading = asyncio.create_task(self._read(reader), name="launcher")
        return known

    async def spawn(
        self, task_id: str, argv: Sequence[str], *, env: Mapping[str, str], folder: Path
    ) -> TaskProcess:
        """Start a process with stdout and stderr in files of `folder`, its working directory. Raises
        SpawnError."""
        future: asyncio.Future[TaskProcess] = asyncio.get_running_loop().create_future()
        self._starting[task_id] = future
        request = {"op": "spawn", "task": task_id, "argv": list(argv), "env": dict(env), "cwd": str(folder)}
        self._send(request | self._log_limits)
        return await future

    def signal(self, task_id: str, number: signal.Signals) -> None:
        """To the whole process group; nothing happens when the task is gone."""
        self._send({"op": "signal", "task": task_id, "signal": int(number)})

    def forget(self, task_id: str) -> None:
        """The end of this task has been noted."""
        self._send({"op": "forget", "task": task_id})

    async def stop(self) -> None:
        """Kill what is left and end the keeper."""
        if self._reading is None:
            return
        self._send({"op": "stop"})
        reading, self._reading = self._reading, None
        await reading

    def _send(self, request: dict[str, Any]) -> None:
        if self._writer is not None:
            self._writer.write(json.dumps(request).encode() + b"\n")

    def _start_keeper(self) -> None:
        with open(self._folder / "launcher.log", "ab") as output:
            # Its own session: Ctrl-C in the sandbox's terminal is for the sandbox, which then stops it in
            # order. It keeps our environment, by which who started us knows it for ours; tasks get their own.
            subprocess.Popen(
                [sys.executable, "-I", "-S", process.__file__, str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def _greet(self) -> tuple[asyncio.StreamReader, dict[str, Any]]:
        """Connect and read what the keeper knows. Raises OSError; a dying keeper accepts and says nothing."""
        folder = os.open(self._folder, os.O_PATH)
        try:
            reader, self._writer = await asyncio.open_unix_connection(
                f"/proc/self/fd/{folder}/launcher.sock", limit=2**24
            )
        finally:
            os.close(folder)
        line = await reader.readline()
        if not line:
            raise ConnectionResetError("the launcher hung up without a word")
        return reader, json.loads(line)

    async def _greet_when_ready(self) -> tuple[asyncio.StreamReader, dict[str, Any]]:
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                with contextlib.suppress(OSError):
                    return await self._greet()
                await asyncio.sleep(0.01)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self._take(json.loads(line))
        if self._reading is not None:
            log.error("launcher_lost", extra={"tasks": len(self._running)})
            await self._replace_keeper()

    def _take(self, event: dict[str, Any]) -> None:
        task_id = event["task"]
        match event["event"]:
            case "spawned":
                self._running[task_id] = _described(event)
                self._answer(task_id, self._running[task_id])
            case "refused":
                self._answer(task_id, SpawnError(event["error"]))
            case "exited":
                self._running.pop(task_id, None)
                # After whoever waits for "spawned", which may have come with the same read.
                asyncio.get_running_loop().call_soon(self._on_exit, task_id, event["status"])

    def _answer(self, task_id: str, answer: TaskProcess | SpawnError) -> None:
        future = self._starting.pop(task_id, None)
        if future is None or future.cancelled():
            return
        if isinstance(answer, SpawnError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    async def _replace_keeper(self) -> None:
        """Without it nobody would hear of its tasks' ends, so they are ended too, and reported."""
        lost, self._running = self._running, {}
        for task in lost.values():
            kill_leftover(task.pid, task.start)
        for task_id in list(self._starting):
            self._answer(task_id, SpawnError("the launcher was killed"))
        await self.start()
        for task_id in lost:
            self._on_exit(task_id, None)


def kill_leftover(pid: int, start: int) -> None:
    """Kill the process group of a task that nobody keeps any more, unless the number belongs to another by
    now."""
    with contextlib.suppress(OSError):
        if process.start_ticks(pid) == start:
            os.killpg(pid, signal.SIGKILL)


def _described(item: dict[str, Any]) -> TaskProcess:
    return TaskProcess(item["task"], item["pid"], item["start"], item["status"])
