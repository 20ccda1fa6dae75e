"""An instance's files, read from the agent that ran it, while its sandbox folder exists."""

from __future__ import annotations

import codecs
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from clients.errors import NotFound, Refused, TimedOut, Unavailable
from clients.mesos import MesosApi
from engines.base import FileStatus, InstanceId, LogChunk

_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class _Sandbox:
    agent_url: str
    folder: str


class Sandboxes:
    """Where the instances' folders are. The places are remembered, since an agent's state is long and a
    log is asked for every second; whatever fails is looked up again the next time."""

    def __init__(self, mesos: MesosApi) -> None:
        self._mesos = mesos
        self._agents: dict[str, str] = {}
        self._places: OrderedDict[InstanceId, _Sandbox] = OrderedDict()

    def list_files(self, instance_id: InstanceId, *, host: str) -> tuple[FileStatus, ...]:
        with self._found(instance_id, host) as sandbox:
            listed = self._mesos.browse(sandbox.agent_url, sandbox.folder)
        return tuple(
            FileStatus(PurePosixPath(file.path).name, file.size, file.modified_at)
            for file in listed
            if not file.is_folder
        )

    def read_file(self, instance_id: InstanceId, *, host: str, file: str, offset: int, length: int) -> bytes:
        self._check(instance_id, file)
        with self._found(instance_id, host) as sandbox:
            path = f"{sandbox.folder}/{file}"
            return self._mesos.read(sandbox.agent_url, path, offset=offset, length=length)

    def read_log(
        self, instance_id: InstanceId, *, host: str, file: str, offset: int | None, length: int
    ) -> LogChunk:
        """`length` bytes of a file from `offset`, None being the tail; cut at whole letters.

        An offset past the end means that the file was rotated: it is read from the start, as the chunk says.
        """
        self._check(instance_id, file)
        with self._found(instance_id, host) as sandbox:
            path = f"{sandbox.folder}/{file}"
            size = self._mesos.file_size(sandbox.agent_url, path)
            start = max(size - length, 0) if offset is None else offset if offset <= size else 0
            data = self._mesos.read(sandbox.agent_url, path, offset=start, length=min(length, size - start))
        if offset is None and start > 0:
            whole = data.lstrip(bytes(range(0x80, 0xC0)))  # the rest of a letter that the cut went through
            start, data = start + len(data) - len(whole), whole
        text, used = _letters(data)
        return LogChunk(text=text, offset=start, length=used, size=size)

    @contextmanager
    def _found(self, instance_id: InstanceId, host: str) -> Iterator[_Sandbox]:
        try:
            yield self._places.get(instance_id) or self._look_up(instance_id, host)
        except (NotFound, Unavailable, TimedOut):
            self._places.pop(instance_id, None)
            self._agents.pop(host, None)
            raise

    def _look_up(self, instance_id: InstanceId, host: str) -> _Sandbox:
        """One look at an agent tells the places of all its instances, of which many are asked for together."""
        operation = f"find the folder of {instance_id}"
        remembered = host in self._agents
        if not remembered:
            self._agents = {agent.hostname: self._mesos.agent_url(agent) for agent in self._mesos.agents()}
        agent_url = self._agents.get(host)
        if agent_url is None:
            raise NotFound(
                f"host {host} is not registered with Mesos, so its files cannot be read",
                remote=self._mesos.name,
                operation=operation,
            )
        try:
            folders = self._mesos.executor_folders(agent_url)
        except Unavailable:
            if not remembered:
                raise
            self._agents.pop(host)  # it may have moved, or be registered no more
            return self._look_up(instance_id, host)
        if instance_id not in folders:
            raise NotFound(
                "the host keeps no folder of it (any more)", remote=self._mesos.name, operation=operation
            )
        for known, folder in folders.items():
            self._places[InstanceId(known)] = _Sandbox(agent_url, folder)
        found = self._places[instance_id]
        while len(self._places) > _REMEMBERED:
            self._places.popitem(last=False)
        return found

    def _check(self, instance_id: InstanceId, file: str) -> None:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise Refused(
                f"'{file}' is not a file inside the sandbox folder",
                remote=self._mesos.name,
                operation=f"read a file of {instance_id}",
            )


def _letters(data: bytes) -> tuple[str, int]:
    """The text of the whole letters in `data`, and how many bytes they took: a letter of which only the
    beginning is there is left for the next read. Bytes that are no UTF-8 become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    pending, _ = decoder.getstate()
    return text, len(data) - len(pending)
