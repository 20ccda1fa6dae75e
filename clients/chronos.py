"""Chronos' HTTP API: its jobs, what they do now and did, running and killing them.

Chronos 2.x serves `/scheduler/…`, 3.x `/v1/scheduler/…`, neither both, so the prefix is found by a read.
Nearly every success is a 204 without body, and a job that does not exist is a 400 whose text says so. What only 3.x
answers is put together from what both do.
Source: `chronos/src/main/scala/org/apache/mesos/chronos/scheduler/api` (2.3.4 – 3.0.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict, cast
from urllib.parse import quote, urlencode

import requests

from clients.addresses import Addresses
from clients.errors import Call, NotFound, ProtocolError, Refused, RemoteError, Unauthorized, Unavailable
from clients.http import Credentials, HttpClient, Timeouts

_PREFIXES = ("/v1/scheduler", "/scheduler")
_HEADERS = {"Content-Type": "application/json"}
_RUNNING = re.compile(r"(\d+) running")
LastOutcome = Literal["success", "failure", "fresh"]


class EnvironmentVariable(TypedDict):
    name: str
    value: str


class ChronosJob(TypedDict):
    """A job; the wire's own words. Read back, `schedule` is the *next* run, not what was posted, and has
    either `schedule` or `parents`. Absent keys go to Chronos' defaults, counters included."""

    name: str
    command: NotRequired[str]
    schedule: NotRequired[str]
    scheduleTimeZone: NotRequired[str]
    parents: NotRequired[list[str]]
    disabled: NotRequired[bool]
    owner: NotRequired[str]
    description: NotRequired[str]
    retries: NotRequired[int]
    cpus: NotRequired[float]
    mem: NotRequired[float]
    disk: NotRequired[float]
    environmentVariables: NotRequired[list[EnvironmentVariable]]
    successCount: NotRequired[int]
    errorCount: NotRequired[int]
    errorsSinceLastSuccess: NotRequired[int]
    lastSuccess: NotRequired[str]
    lastError: NotRequired[str]


@dataclass(frozen=True, slots=True)
class JobState:
    """What a job did last, and does now."""

    name: str
    last_outcome: LastOutcome  # `fresh`: it never ran
    running: int
    queued: bool


class TaskStat(TypedDict):
    """One run. Times are in the server's zone, `endTime` "N/A" while it runs."""

    taskId: str
    jobName: str
    slaveId: str
    startTime: str
    endTime: str
    duration: str
    status: str


class JobStat(TypedDict):
    """How long a job takes, in seconds, counted since Chronos started (`mean` is the median really), and its last runs,
    which a Chronos without Cassandra does not keep."""

    histogram: dict[str, float]
    taskStatHistory: list[TaskStat]


class ChronosApi:
    """One Chronos, known by one or several addresses (any of them passes a call to the leader itself).

    Raises the errors of `clients.errors`. A write is sent once, to an address that has just answered a read.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        name: str = "chronos",
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        self.name = name
        self._http = HttpClient(name, credentials=credentials, timeouts=timeouts, ca_bundle=ca_bundle)
        self._addresses = Addresses(urls)
        self._prefix: str | None = None

    def ping(self) -> None:
        """Raises Unavailable or TimedOut unless one of the addresses answers."""
        self._addresses.first_answer(lambda server: self._send("GET", f"{server}/ping", operation="ping"))

    def jobs(self) -> list[ChronosJob]:
        """All jobs, in no order."""
        return self._addresses.first_answer(self._jobs)

    def job(self, name: str) -> ChronosJob:
        """One job. Raises NotFound. (2.x has no such call: there all are listed.)"""
        server = self._live_server()
        if self._prefix == _PREFIXES[0]:
            path = f"{self._prefix}/job/{_quoted(name)}"
            return cast(ChronosJob, self._read(server + path, dict, operation=f"read job {name}"))
        found = [job for job in self._jobs(server) if job["name"] == name]
        if not found:
            raise NotFound(f"Job '{name}' not found", remote=self.name, operation=f"read job {name}")
        return found[0]

    def search(
        self, *, name: str = "", command: str = "", limit: int = 10, offset: int = 0
    ) -> list[ChronosJob]:
        """The jobs whose name and command contain these, whatever the case."""
        asked = {"name": name, "command": command, "limit": limit, "offset": offset}
        return self._addresses.first_answer(
            lambda server: self._list(server, f"jobs/search?{urlencode(asked)}", operation="search jobs")
        )

    def summary(self) -> list[JobState]:
        """What every job did last and does now, from the graph, which both lines have."""
        operation = "read the graph"
        text = self._addresses.first_answer(
            lambda server: self._on_prefix(server, "graph/csv", operation=operation)
        ).text
        nodes = [line.split(",") for line in text.splitlines() if line.startswith("node,")]
        if any(len(node) != 4 for node in nodes):
            raise ProtocolError("expected lines of four columns", remote=self.name, operation=operation)
        return [_job_state(node) for node in nodes]

    def stat(self, name: str) -> JobStat:
        """How long the job takes, and its last runs. Raises NotFound."""
        server = self._live_server()
        path = f"{self._prefix}/job/stat/{_quoted(name)}"
        return cast(JobStat, self._read(server + path, dict, operation=f"read runs of {name}"))

    def put_job(self, job: ChronosJob) -> None:
        """Create the scheduled or dependent job of that name, or replace it whole. Raises Refused."""
        kind = "dependency" if "parents" in job else "iso8601"
        self._write("POST", kind, operation=f"put job {job['name']}", body=job)

    def delete_job(self, name: str) -> None:
        """Remove a job and kill what it runs. Raises NotFound."""
        self._write("DELETE", f"job/{_quoted(name)}", operation=f"delete job {name}")

    def run_job(self, name: str, *, arguments: str = "") -> None:
        """Run it now, besides its schedule. Raises NotFound; a disabled job, or one that waits already, is left alone
        without a word."""
        query = f"?{urlencode({'arguments': arguments})}" if arguments else ""
        self._write("PUT", f"job/{_quoted(name)}{query}", operation=f"run job {name}")

    def kill_tasks(self, name: str) -> None:
        """End what the job runs. Raises NotFound."""
        self._write("DELETE", f"task/kill/{_quoted(name)}", operation=f"kill tasks of {name}")

    def mark_success(self, name: str) -> None:
        """Count a success, which releases dependents. Raises NotFound. Since 2.5."""
        operation = f"mark {name} successful"
        if self._write("PUT", f"job/success/{_quoted(name)}", operation=operation).text.endswith("false"):
            raise NotFound(f"Job '{name}' not found", remote=self.name, operation=operation)

    def _write(
        self, method: str, path: str, *, operation: str, body: ChronosJob | None = None
    ) -> requests.Response:
        """Once, to a server that answers."""
        server = self._live_server()
        return self._send(method, f"{server}{self._prefix}/{path}", operation=operation, body=body)

    def _live_server(self) -> str:
        """An address that answers now; the read, of one job at most, finds the prefix as well."""
        self.search(limit=1)
        return self._addresses.preferred

    def _jobs(self, server: str) -> list[ChronosJob]:
        return self._list(server, "jobs", operation="list jobs")

    def _list(self, server: str, path: str, *, operation: str) -> list[ChronosJob]:
        found = self._parsed(self._on_prefix(server, path, operation=operation), list, operation=operation)
        if any("name" not in job for job in found):
            raise ProtocolError("expected a list of jobs", remote=self.name, operation=operation)
        return cast(list[ChronosJob], found)

    def _on_prefix(self, server: str, path: str, *, operation: str) -> requests.Response:
        for prefix in _PREFIXES if self._prefix is None else (self._prefix,):
            try:
                response = self._send("GET", f"{server}{prefix}/{path}", operation=operation)
            except NotFound:
                continue
            self._prefix = prefix
            return response
        raise ProtocolError(
            f"no Chronos at {server}: neither {' nor '.join(_PREFIXES)} is there",
            remote=self.name,
            operation=operation,
        )

    def _read(self, url: str, shape: type, *, operation: str) -> Any:
        return self._parsed(self._send("GET", url, operation=operation), shape, operation=operation)

    def _parsed(self, response: requests.Response, shape: type, *, operation: str) -> Any:
        try:
            found = response.json()
        except requests.exceptions.JSONDecodeError as exc:
            raise ProtocolError(f"not JSON: {exc}", remote=self.name, operation=operation) from exc
        if not isinstance(found, shape):
            what = "a list" if shape is list else "an object"
            raise ProtocolError(f"expected {what}", remote=self.name, operation=operation)
        return found

    def _send(
        self, method: str, url: str, *, operation: str, body: ChronosJob | None = None
    ) -> requests.Response:
        data = None if body is None else json.dumps(body)
        response = self._http.send(method, url, operation=operation, data=data, headers=_HEADERS)
        error = self._error(response, operation=operation)
        if error is not None:
            raise error
        return response

    def _error(self, response: requests.Response, *, operation: str) -> RemoteError | None:
        status = response.status_code
        if status < 300:
            return None
        call: Call = {"remote": self.name, "operation": operation}
        message = _said(response)
        if status == 404 or (status == 400 and "not found" in message.lower()):
            return NotFound(message, **call)
        if status in (401, 403):
            return Unauthorized(message, **call)
        # Chronos answers 500 for wrong jobs too (a cycle, a dependent job without parents), but also when
        # its leader is away; asking again is the harmless reading.
        return Unavailable(message, **call) if status >= 500 else Refused(message, **call)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _job_state(node: list[str]) -> JobState:
    _, name, outcome, state = node
    running = _RUNNING.fullmatch(state)
    return JobState(name, cast(LastOutcome, outcome), int(running[1]) if running else 0, state == "queued")


def _said(response: requests.Response) -> str:
    """Chronos' words: the first line, since 3.x sends a Java stack trace as its message."""
    try:
        body: Any = response.json()
    except requests.exceptions.JSONDecodeError:
        body = response.text if response.headers.get("Content-Type", "").startswith("text/plain") else ""
    text = str(body.get("message", "") if isinstance(body, dict) else body).strip()
    return text.splitlines()[0] if text else f"HTTP {response.status_code} {response.reason}"
