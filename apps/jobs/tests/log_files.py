"""Hosts' files for tests of logs: an engine that reads them, and hosts that may be away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from clients.errors import NotFound, RemoteError
from engines.base import FileStatus

EPOCH = datetime(2025, 11, 20, 12, tzinfo=UTC)


class HostFiles:
    """An engine of which only the files work. `at` is when what is written now is written; `after_listing` happens
    once, when somebody has listed files."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.times: dict[tuple[str, str], datetime] = {}
        self.faults: dict[str, RemoteError] = {}
        self.asked: Counter[str] = Counter()
        self.at = EPOCH
        self.after_listing: Callable[[], None] | None = None

    def write(self, task_id: str, text: str | bytes, *, file: str = "stdout") -> None:
        data = text.encode() if isinstance(text, str) else text
        files = self.files.setdefault(task_id, {"stdout": b"", "stderr": b""})
        files[file] = files.get(file, b"") + data
        self.times[task_id, file] = self.at

    def rotate(self, task_id: str, *, file: str = "stdout", keep: int = 2) -> None:
        """`stdout` becomes `stdout.1` … An empty file is none to rotate."""
        files = self.files[task_id]
        if not files[file]:
            return
        for number in range(keep, 0, -1):
            older = f"{file}.{number - 1}" if number > 1 else file
            if older in files:
                files[f"{file}.{number}"] = files.pop(older)
                self.times[task_id, f"{file}.{number}"] = self.times[task_id, older]
        files[file] = b""
        self.at += timedelta(seconds=1)

    def list_files(self, instance_id: str, *, host: str) -> Sequence[FileStatus]:
        self.asked["list"] += 1
        listed = tuple(
            FileStatus(name, len(data), self.times.get((instance_id, name), EPOCH))
            for name, data in self._folder(instance_id, host).items()
        )
        happens, self.after_listing = self.after_listing, None
        if happens:
            happens()
        return listed

    def read_file(self, instance_id: str, *, host: str, file: str, offset: int, length: int) -> bytes:
        self.asked["read"] += 1
        files = self._folder(instance_id, host)
        if file not in files:
            raise NotFound("no such file", remote="mesos", operation="read")
        return files[file][offset : offset + length]

    def _folder(self, instance_id: str, host: str) -> dict[str, bytes]:
        if host in self.faults:
            raise self.faults[host]
        if instance_id not in self.files:
            raise NotFound("the host keeps no folder of it", remote="mesos", operation="read")
        return self.files[instance_id]
