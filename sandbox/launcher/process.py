"""The keeper of task processes. Run by path in isolated mode; imports nothing but the standard library.

    python -I -S process.py DIR

listens on DIR/launcher.sock for one sandbox at a time. Lines of JSON, from the sandbox:

    {"op": "spawn", "task": ID, "argv": [...], "env": {...}, "cwd": FOLDER, "log_max_bytes": N, "log_files": N}
    {"op": "signal", "task": ID, "signal": 15}     to the task's whole process group
    {"op": "forget", "task": ID}                   its end has been noted
    {"op": "stop"}                                 kill everything and exit

and to the sandbox:

    {"event": "hello", "tasks": [{"task", "pid", "start", "status"}]}    what there is; status null = running
    {"event": "spawned", "task": ID, "pid": N, "start": TICKS} | {"event": "refused", "task": ID, "error":
    TEXT} {"event": "exited", "task": ID, "status": N}   exit code, or minus the signal

What a task prints goes through the keeper into `stdout` and `stderr` of its folder, which are rotated as Mesos'
LogrotateContainerLogger does: at `log_max_bytes` the file becomes `stdout.1`, the one before it `stdout.2`, and
of these `log_files` are kept. A pipe that is full holds a task up rather than the disk.

Ends of processes are kept until they are forgotten, over any number of connections. Without a sandbox for
RECOVERY_TIMEOUT_S everything is ended (as Mesos executors do), without tasks after IDLE_TIMEOUT_S.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECOVERY_TIMEOUT_S = 900.0
IDLE_TIMEOUT_S = 20.0
FILES_AT_MOST = 65536


PIECE_BYTES = 64 * 1024
"""What is read from a pipe at once: all that it holds."""
LAST_PIECES = 64
"""Pieces that are read after a task's end: something that outlived it may print for ever."""


@dataclass(slots=True)
class Child:
    process: subprocess.Popen[bytes]
    start: int
    streams: tuple[Stream, ...]
    status: int | None = None


class Stream:
    """What a task prints to one of its files, read from a pipe."""

    def __init__(self, path: Path, *, max_bytes: int, files: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def take(self) -> bool:
        """Write down what the pipe holds. Returns whether there was anything."""
        try:
            piece = os.read(self.reader, PIECE_BYTES)
        except BlockingIOError:
            return False
        # A full disk or a folder that somebody removed is no reason to end the task.
        with contextlib.suppress(OSError):
            self._write(piece)
        return bool(piece)

    def _write(self, piece: bytes) -> None:
        while piece:
            with open(self._path, "ab", buffering=0) as file:
                room = self._max_bytes - file.tell()
                piece = piece[file.write(piece[:room]) :] if room > 0 else piece
            if piece:
                self._rotate()

    def _rotate(self) -> None:
        for number in range(self._files, 0, -1):
            older = f"{self._path}.{number - 1}" if number > 1 else self._path
            with contextlib.suppress(FileNotFoundError):
                os.replace(older, f"{self._path}.{number}")
        if not self._files:
            os.truncate(self._path, 0)

    def close(self) -> None:
        """Write down the rest."""
        for _ in range(LAST_PIECES):
            if not self.take():
                break
        os.close(self.reader)


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot. Raises OSError when there is no such process."""
    # The command name may contain blanks and parentheses; the fields after the last one are numbers.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


class Keeper:
    def __init__(self) -> None:
        self._children: dict[str, Child] = {}
        self._by_pid: dict[int, str] = {}
        self._sandbox: asyncio.StreamWriter | None = None
        self._stopped = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, socket_path: str) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        server = await asyncio.start_unix_server(self._serve, socket_path, limit=2**24)
        self._wait_for_sandbox()
        await self._stopped.wait()
        server.close()
        for child in self._children.values():
            self._kill_group(child, signal.SIGKILL)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
        self._sandbox = writer
        self._wait_for_sandbox()
        self._tell({"event": "hello", "tasks": [self._describe(task) for task in self._children]})
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                self._obey(json.loads(line))
        if self._sandbox is writer:
            self._sandbox = None
            self._wait_for_sandbox()

    def _obey(self, request: dict[str, Any]) -> None:
        match request["op"]:
            case "spawn":
                self._spawn(request)
            case "signal":
                child = self._children.get(request["task"])
                if child is not None and child.status is None:
                    self._kill_group(child, request["signal"])
            case "forget":
                self._children.pop(request["task"], None)
            case "stop":
                self._stopped.set()

    def _spawn(self, request: dict[str, Any]) -> None:
        task, folder = request["task"], Path(request["cwd"])
        streams: list[Stream] = []
        try:
            for name in ("stdout", "stderr"):
                limits = {"max_bytes": request["log_max_bytes"], "files": request["log_files"]}
                streams.append(Stream(folder / name, **limits))
            process = subprocess.Popen(
                request["argv"],
                env=request["env"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=streams[0].writer,
                stderr=streams[1].writer,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._tell({"event": "refused", "task": task, "error": str(error)})
            for stream in streams:
                os.close(stream.reader)
            return
        finally:
            for stream in streams:
                os.close(stream.writer)
        for stream in streams:
            asyncio.get_running_loop().add_reader(stream.reader, self._take, stream)
        # It cannot be gone: nobody but _reap waits for it.
        self._children[task] = Child(process, start_ticks(process.pid), tuple(streams))
        self._by_pid[process.pid] = task
        self._tell({"event": "spawned", **self._describe(task)})

    def _reap(self) -> None:
        while True:
            try:
                # Look first and reap later: the group must be killed while its leader still holds the number.
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None:
                return
            task = self._by_pid.pop(found.si_pid)
            child = self._children[task]
            self._kill_group(child, signal.SIGKILL)
            _, raw = os.waitpid(found.si_pid, 0)
            self._close(child)
            child.process.returncode = child.status = os.waitstatus_to_exitcode(raw)
            self._tell({"event": "exited", "task": task, "status": child.status})

    def _take(self, stream: Stream) -> None:
        if not stream.take():
            # The task closed it: a pipe at its end would be reported for ever.
            asyncio.get_running_loop().remove_reader(stream.reader)

    def _close(self, child: Child) -> None:
        """Before the end is told, so that whoever hears of it finds the last words."""
        for stream in child.streams:
            asyncio.get_running_loop().remove_reader(stream.reader)
            stream.close()

    def _kill_group(self, child: Child, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.process.pid, number)

    def _describe(self, task: str) -> dict[str, Any]:
        child = self._children[task]
        return {"task": task, "pid": child.process.pid, "start": child.start, "status": child.status}

    def _tell(self, event: dict[str, Any]) -> None:
        if self._sandbox is not None:
            self._sandbox.write(json.dumps(event).encode() + b"\n")

    def _wait_for_sandbox(self) -> None:
        """Nobody is served: end after a while, soon when there is nothing to keep."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if self._sandbox is None:
            patience = RECOVERY_TIMEOUT_S if self._by_pid else IDLE_TIMEOUT_S
            self._timer = asyncio.get_running_loop().call_later(patience, self._stopped.set)


def raise_file_limit() -> None:
    """Two pipes a task: the usual 1,024 would be 500 tasks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_AT_MOST if hard == resource.RLIM_INFINITY else min(hard, FILES_AT_MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def main(folder: str) -> None:
    raise_file_limit()
    # Through the folder's descriptor, as a socket's path is limited to 108 bytes and the folder's is not.
    descriptor = os.open(folder, os.O_PATH)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, "launcher.sock"))
    # The socket's file is left behind: removing it late could hit that of a successor.
    await Keeper().run(f"/proc/self/fd/{descriptor}/launcher.sock")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
