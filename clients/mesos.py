"""Mesos' HTTP API, as far as Ocean reads it: the hosts from the leading master, files from the agents.

Source: `mesos/src/master/http.cpp`, `src/slave/http.cpp`, `src/files/files.cpp` (1.11). A standby master
answers 307 with a scheme-relative Location; an agent is found by the `pid` that the master shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import requests

from clients.addresses import Addresses
from clients.errors import Call, NotFound, ProtocolError, Refused, RemoteError, Unauthorized, Unavailable
from clients.http import Credentials, HttpClient, Timeouts

READ_MAX_BYTES = 64 * 1024
"""The most that one call of `/files/read` gives (16 pages)."""
_PID = re.compile(r"(?P<actor>[^@/]+)@(?P<address>[^/]+:\d+)")
_LIVE_STATES = ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING")


@dataclass(frozen=True, slots=True)
class Agent:
    """A host as the master knows it. `pid` is `slave(1)@10.0.0.5:5051`; mem and disk in MiB; `tasks` counts
    the live ones of all frameworks. `active` is false also for one that is merely disconnected."""

    id: str
    hostname: str
    pid: str
    active: bool
    attributes: Mapping[str, str]
    resources: Mapping[str, float]
    used: Mapping[str, float]
    registered_at: datetime | None
    tasks: int
    draining: bool

    @property
    def ip(self) -> str:
        """The IP that the agent registered with."""
        return self.pid.rpartition("@")[2].rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file in a sandbox folder; `path` is whole, `size` in bytes."""

    path: str
    size: int
    modified_at: datetime
    is_folder: bool


class MesosApi:
    """One Mesos, known by the addresses of its masters. Reads only; raises the errors of `clients.errors`."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        name: str = "mesos",
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        self.name = name
        self._http = HttpClient(name, credentials=credentials, timeouts=timeouts, ca_bundle=ca_bundle)
        self._masters = Addresses(urls)

    def agents(self) -> list[Agent]:
        """Every registered agent, from the leading master."""
        found = self._from_leader("/state-summary")
        return [self._agent(item) for item in self._list(found, "slaves", operation="GET /state-summary")]

    def agent_url(self, agent: Agent) -> str:
        """The agent's base URL, `http://10.0.0.5:5051/slave(1)`, with the masters' scheme."""
        match = _PID.fullmatch(agent.pid)
        if match is None:
            raise self._protocol_error(f"agent {agent.hostname} has the strange pid {agent.pid!r}", "agents")
        scheme = urlsplit(self._masters.preferred).scheme
        return f"{scheme}://{match['address']}/{match['actor']}"

    def executor_folders(self, agent_url: str) -> dict[str, str]:
        """The sandbox folder of each executor, also of those that have ended while the agent remembers them.

        For Marathon's tasks the executor's id is the task's, although the master shows it empty.
        """
        operation = "find the folders of the executors"
        state = self._json(self._get(f"{agent_url}/state", operation=operation), operation=operation)
        folders: dict[str, str] = {}
        for key in ("frameworks", "completed_frameworks"):
            for framework in state.get(key, ()):
                for executor in (*framework.get("executors", ()), *framework.get("completed_executors", ())):
                    folders.setdefault(str(executor.get("id")), str(executor["directory"]))
        return folders

    def browse(self, agent_url: str, folder: str) -> list[FileInfo]:
        """What a folder holds, by path; not recursive. Raises NotFound."""
        operation = f"browse {folder}"
        url = _files_url(agent_url, "browse")
        found = self._parsed(
            self._get(url, operation=operation, params={"path": folder}), operation=operation
        )
        if not isinstance(found, list):
            raise self._protocol_error("expected a list of files", operation)
        return [
            FileInfo(
                path=item["path"],
                size=int(item["size"]),
                modified_at=datetime.fromtimestamp(item["mtime"], UTC),
                is_folder=str(item.get("mode", "")).startswith("d"),
            )
            for item in found
        ]

    def file_size(self, agent_url: str, path: str) -> int:
        """A file's length in bytes. Raises NotFound."""
        _, size = self._read(agent_url, path, offset=-1, length=0)
        return size

    def read(self, agent_url: str, path: str, *, offset: int, length: int) -> bytes:
        """`length` bytes of a file from `offset`, fewer at its end. Raises NotFound."""
        pieces: list[bytes] = []
        missing = length
        while missing > 0:
            piece, _ = self._read(agent_url, path, offset=offset, length=min(missing, READ_MAX_BYTES))
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _read(self, agent_url: str, path: str, *, offset: int, length: int) -> tuple[bytes, int]:
        operation = f"read {path}"
        url = _files_url(agent_url, "read")
        params = {"path": path, "offset": offset, "length": length}
        found = self._json(self._get(url, operation=operation, params=params), operation=operation)
        data, at = found.get("data"), found.get("offset")
        if not isinstance(data, str) or not isinstance(at, int):
            raise self._protocol_error("expected data and offset", operation)
        return data.encode("utf-8", "surrogateescape"), at

    def _from_leader(self, path: str) -> dict[str, Any]:
        operation = f"GET {path}"
        return self._masters.first_answer(
            lambda master: self._json(self._led(master, path, operation=operation), operation=operation)
        )

    def _led(self, master: str, path: str, *, operation: str) -> requests.Response:
        """The leader's answer: a standby sends there by 307, and is followed once."""
        response = self._get(master + path, operation=operation)
        if response.status_code != 307:
            return response
        target = urljoin(master + path, response.headers.get("Location", ""))
        if urlsplit(target).path != urlsplit(master + path).path:
            raise self._protocol_error(f"{master} sends to {target}, not to the leader's {path}", operation)
        response = self._get(target, operation=operation)
        if response.status_code == 307:
            raise Unavailable(
                "the masters do not agree on a leader now", remote=self.name, operation=operation
            )
        return response

    def _get(
        self, url: str, *, operation: str, params: Mapping[str, object] | None = None
    ) -> requests.Response:
        response = self._http.send("GET", url, operation=operation, params=params, redirects=True)
        error = self._error(response, operation=operation)
        if error is not None:
            raise error
        return response

    def _error(self, response: requests.Response, *, operation: str) -> RemoteError | None:
        status = response.status_code
        if status == 200 or status == 307:
            return None
        call: Call = {"remote": self.name, "operation": operation}
        plain = response.headers.get("Content-Type", "").startswith("text/plain")
        message = (response.text.strip() if plain else "") or f"HTTP {status} {response.reason}"
        if status >= 500:
            return Unavailable(message, **call)
        if status in (401, 403):
            return Unauthorized(message, **call)
        if status == 404:
            return NotFound(message, **call)
        if status >= 400:
            return Refused(message, **call)
        return ProtocolError(message, **call)

    def _json(self, response: requests.Response, *, operation: str) -> dict[str, Any]:
        found = self._parsed(response, operation=operation)
        if not isinstance(found, dict):
            raise self._protocol_error("expected a JSON object", operation)
        return found

    def _parsed(self, response: requests.Response, *, operation: str) -> object:
        try:
            # A log's bytes stand raw in the JSON text, so they need not be UTF-8, and a read may cut a
            # letter in two. Surrogates carry such bytes through to `read`, which counts bytes.
            return json.loads(response.content.decode("utf-8", "surrogateescape"), strict=False)
        except ValueError as exc:
            raise self._protocol_error(f"not JSON: {exc}", operation) from exc

    def _list(self, found: Mapping[str, Any], key: str, *, operation: str) -> list[dict[str, Any]]:
        items = found.get(key)
        if not isinstance(items, list):
            raise self._protocol_error(f"the reply has no list of {key}", operation)
        return cast(list[dict[str, Any]], items)

    def _agent(self, item: Mapping[str, Any]) -> Agent:
        try:
            return Agent(
                id=item["id"],
                hostname=item["hostname"],
                pid=item["pid"],
                active=bool(item["active"]),
                attributes={key: _attribute(value) for key, value in item.get("attributes", {}).items()},
                resources=_scalars(item["resources"]),
                used=_scalars(item["used_resources"]),
                registered_at=_time(item.get("registered_time")),
                tasks=sum(item.get(state, 0) for state in _LIVE_STATES),
                draining="drain_info" in item or bool(item.get("deactivated", False)),
            )
        except KeyError as exc:
            raise self._protocol_error(f"an agent has no {exc}", "agents") from exc

    def _protocol_error(self, message: str, operation: str) -> ProtocolError:
        return ProtocolError(message, remote=self.name, operation=operation)


def _files_url(agent_url: str, call: str) -> str:
    """`/files/…` is the one door of an agent that never takes its `slave(N)` prefix."""
    return urljoin(agent_url, f"/files/{call}")


def _scalars(resources: Mapping[str, Any]) -> dict[str, float]:
    """The scalar resources; ranges and sets (`ports: "[31000-32000]"`) are texts and stay out."""
    return {name: float(value) for name, value in resources.items() if isinstance(value, int | float)}


def _attribute(value: object) -> str:
    """Attributes as text: `level:3` comes as the number 3.0, `level:a3` as a text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
