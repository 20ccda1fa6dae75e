"""Chronos' HTTP API, as far as Ocean uses it: list, create or replace, delete, ping.

Chronos 2.x serves `/scheduler/…`, 3.x `/v1/scheduler/…`, neither both, so the prefix is found by a read.
Nearly every success is a 204 without body, and a job that does not exist is a 400 whose text says so.
Source: `chronos/src/main/scala/org/apache/mesos/chronos/scheduler/api` (2.3.4 – 3.0.2).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict, cast
from urllib.parse import quote

import requests

from clients.addresses import Addresses
from clients.errors import Call, NotFound, ProtocolError, Refused, RemoteError, Unauthorized, Unavailable
from clients.http import Credentials, HttpClient, Timeouts

_PREFIXES = ("/v1/scheduler", "/scheduler")
_HEADERS = {"Content-Type": "application/json"}


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
    lastSuccess: NotRequired[str]
    lastError: NotRequired[str]


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

    def put_job(self, job: ChronosJob) -> None:
        """Create the scheduled or dependent job of that name, or replace it whole. Raises Refused."""
        kind = "dependency" if "parents" in job else "iso8601"
        server = self._live_server()
        self._send("POST", f"{server}{self._prefix}/{kind}", operation=f"put job {job['name']}", body=job)

    def delete_job(self, name: str) -> None:
        """Remove a job and kill what it runs. Raises NotFound."""
        server = self._live_server()
        path = f"{self._prefix}/job/{quote(name, safe='')}"
        self._send("DELETE", server + path, operation=f"delete job {name}")

    def _live_server(self) -> str:
        """An address that answers now; the read finds the prefix as well."""
        self.jobs()
        return self._addresses.preferred

    def _jobs(self, server: str) -> list[ChronosJob]:
        operation = "list jobs"
        for prefix in _PREFIXES if self._prefix is None else (self._prefix,):
            try:
                response = self._send("GET", f"{server}{prefix}/jobs", operation=operation)
            except NotFound:
                continue
            self._prefix = prefix
            return self._parsed(response, operation=operation)
        raise ProtocolError(
            f"no Chronos at {server}: neither {' nor '.join(_PREFIXES)} is there",
            remote=self.name,
            operation=operation,
        )

    def _parsed(self, response: requests.Response, *, operation: str) -> list[ChronosJob]:
        try:
            found = response.json()
        except requests.exceptions.JSONDecodeError as exc:
            raise ProtocolError(f"not JSON: {exc}", remote=self.name, operation=operation) from exc
        if not isinstance(found, list) or any("name" not in job for job in found):
            raise ProtocolError("expected a list of jobs", remote=self.name, operation=operation)
        return cast(list[ChronosJob], found)

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


def _said(response: requests.Response) -> str:
    """Chronos' words: the first line, since 3.x sends a Java stack trace as its message."""
    try:
        body: Any = response.json()
    except requests.exceptions.JSONDecodeError:
        body = response.text if response.headers.get("Content-Type", "").startswith("text/plain") else ""
    text = str(body.get("message", "") if isinstance(body, dict) else body).strip()
    return text.splitlines()[0] if text else f"HTTP {response.status_code} {response.reason}"
