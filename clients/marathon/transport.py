"""The `marathon` package's client with its one door replaced.

What goes wrong behind the package's own `_do_request`, and is held here (each has a test):

- with several servers it sends a write that timed out again to the next one;
- any failure becomes a log line and `NoResponseError`, so nobody can tell refused from unknown;
- `error_details` exists only on some errors;
- a redirect is followed, a body read whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from marathon import MarathonClient

from clients.addresses import Addresses
from clients.errors import (
    Call,
    Conflict,
    NotFound,
    ProtocolError,
    Refused,
    RemoteError,
    Unauthorized,
    Unavailable,
)
from clients.http import HttpClient

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Transport(MarathonClient):  # type: ignore[misc]  # the package has no types
    """Sends the package's calls through `HttpClient`. Reads go to the first server that answers; a write
    goes to one server that has just answered a read, once."""

    def __init__(self, http: HttpClient, urls: Sequence[str]) -> None:
        self._http = http
        self._addresses = Addresses(urls)
        super().__init__(list(urls))

    def _do_request(
        self, method: str, path: str, params: Mapping[str, object] | None = None, data: str | None = None
    ) -> requests.Response:
        operation = f"{method} {path}"

        def ask(server: str) -> requests.Response:
            response = self._http.send(
                method, server + path, operation=operation, params=params, data=data, headers=_HEADERS
            )
            self.check(response, operation=operation)
            return response

        return self._addresses.first_answer(ask) if method == "GET" else ask(self._live_server())

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        params: Mapping[str, object],
        accept: str = "application/json",
        idle_timeout_s: float | None = None,
    ) -> Iterator[requests.Response]:
        """A read whose body the caller reads, from the first server that answers.

        A standby sends event streams to the leader with a 302 (since 1.7); it is followed once, and only to
        the same path with the same scheme, because our credentials go with it.
        """
        operation = f"GET {path}"

        def opened(server: str) -> tuple[ExitStack, requests.Response]:
            stack = ExitStack()
            try:
                response = stack.enter_context(open_at(server + path))
                if response.is_redirect:
                    leader = self._leader_url(server + path, response, operation=operation)
                    stack.close()
                    response = stack.enter_context(open_at(leader))
                if not response.ok:
                    self._http.whole(response, operation=operation)
                self.check(response, operation=operation)
            except BaseException:
                stack.close()
                raise
            return stack, response

        def open_at(url: str) -> Any:
            return self._http.stream(
                url,
                operation=operation,
                params=params,
                headers={"Accept": accept},
                idle_timeout_s=idle_timeout_s,
            )

        stack, response = self._addresses.first_answer(opened)
        with stack:
            yield response

    def check(self, response: requests.Response, *, operation: str) -> None:
        """Raise what an answer's status means. Source: Marathon's MarathonExceptionMapper."""
        error = self._error(response, operation=operation)
        if error is not None:
            raise error

    def _live_server(self) -> str:
        """The server to write to: one that answers for the leader now. With one address there is no choice
        to make, and the write itself will tell."""
        if len(self._addresses) == 1:
            return self._addresses.preferred
        return self._addresses.first_answer(self._led)

    def _led(self, server: str) -> str:
        operation = "GET /v2/leader"
        response = self._http.send("GET", f"{server}/v2/leader", operation=operation, headers=_HEADERS)
        if response.status_code == 404:
            raise Unavailable("there is no leader now", remote=self._http.remote, operation=operation)
        self.check(response, operation=operation)
        return server

    def _leader_url(self, asked: str, response: requests.Response, *, operation: str) -> str:
        target = urljoin(asked, response.headers["Location"])
        there, here = urlsplit(target), urlsplit(asked)
        if (there.scheme, there.path) != (here.scheme, here.path):
            raise ProtocolError(
                f"HTTP {response.status_code} sends to {target}, which is not the leader's {here.path}",
                remote=self._http.remote,
                operation=operation,
            )
        return target

    def _error(self, response: requests.Response, *, operation: str) -> RemoteError | None:
        status = response.status_code
        if 200 <= status < 300:
            return None
        call: Call = {"remote": self._http.remote, "operation": operation}
        body = _json_object(response)
        message = str(body.get("message") or f"HTTP {status} {response.reason}")
        if status >= 500 or status in (408, 429):
            return Unavailable(message, retry_after_s=_retry_after_s(response), **call)
        if status == 403 and "running deployments" in message:
            # --max_running_deployments: a queue that is full for the moment, not a matter of rights.
            return Unavailable(message, **call)
        if status in (401, 403):
            return Unauthorized(message, **call)
        if status == 404 and body:
            return NotFound(message, **call)
        if status == 409:
            return Conflict(message, deployments=_deployment_ids(body), **call)
        if status < 400 or status == 404:
            # A 404 without Marathon's JSON comes from something else that listens there. To read it as
            # "the app is gone" would empty the mirror for a proxy's mistake.
            return ProtocolError(f"HTTP {status} {response.reason}: not Marathon's answer", **call)
        return Refused(message, details=_details(body), **call)


def _json_object(response: requests.Response) -> dict[str, Any]:
    """The body when it is a JSON object; {} for HTML (401), text, an empty body, or anything else."""
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _details(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """`details` is a text for malformed JSON, a list of {path, errors} for a wrong definition."""
    details = body.get("details")
    if isinstance(details, str):
        return (("/", details),)
    if not isinstance(details, list):
        return ()
    return tuple(
        (str(item.get("path", "/")), str(text))
        for item in details
        if isinstance(item, dict)
        for text in item.get("errors", ())
    )


def _deployment_ids(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Empty for the other meaning of 409, 'already exists'."""
    return tuple(
        item["id"] for item in body.get("deployments") or () if isinstance(item, dict) and "id" in item
    )


def _retry_after_s(response: requests.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None
