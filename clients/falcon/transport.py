"""Calls to one Falcon API server: its sessions, and its errors told apart.

Every failure is a 400, 401 or 417 with `{"error": "…"}`, now and then as text/plain; a missing object is a 400 or 417
that says so. Sources: falcon-plus modules/api/app/helper, app/utils/auth_middle.go.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

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
from clients.http import HttpClient, Timeouts

API = "/api/v1"
_MISSING = ("record not found", "no such team", "not found")
_TAKEN = ("duplicate entry", "already existing", "already exist")


@dataclass(frozen=True, slots=True)
class FalconToken:
    """The API server's own `default_token`. `name` must be an existing admin: rights are looked up by it."""

    token: str = field(repr=False)
    name: str = "root"


@dataclass(frozen=True, slots=True)
class FalconLogin:
    """A person's name and password; a session is begun when it is needed, and again when it has gone."""

    name: str
    password: str = field(repr=False)


class FalconTransport:
    """One API server. Safe to share between threads; raises the errors of `clients.errors`."""

    def __init__(
        self,
        url: str,
        access: FalconToken | FalconLogin,
        *,
        name: str = "falcon",
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        """Raises ValueError for an address that is none."""
        self.name = name
        self._url = Addresses([url]).preferred
        self._access = access
        self._http = HttpClient(name, timeouts=timeouts, ca_bundle=ca_bundle)
        self._session: str | None = access.token if isinstance(access, FalconToken) else None
        self._logging_in = threading.Lock()

    def ask(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        body: object = None,
        params: Mapping[str, object] | None = None,
    ) -> Any:
        """The answer's JSON. A session that the server has forgotten is begun anew, once."""
        session = self._log_in(None) if self._session is None else self._session
        response = self._send(method, path, session, operation=operation, body=body, params=params)
        if response.status_code == 401 and isinstance(self._access, FalconLogin):
            session = self._log_in(session)
            response = self._send(method, path, session, operation=operation, body=body, params=params)
        return self._answer(response, operation=operation)

    def _log_in(self, forgotten: str | None) -> str:
        """A session other than `forgotten`; another thread may have begun it meanwhile."""
        access = self._access
        assert isinstance(access, FalconLogin)
        with self._logging_in:
            if self._session is not None and self._session != forgotten:
                return self._session
            operation = f"log in as {access.name}"
            response = self._http.send(
                "POST",
                f"{self._url}{API}/user/login",
                operation=operation,
                data=json.dumps({"name": access.name, "password": access.password}),
                headers={"Content-Type": "application/json"},
            )
            if response.status_code == 400:
                raise Unauthorized(_said(response), remote=self.name, operation=operation)
            answer = self._answer(response, operation=operation)
            if not isinstance(answer, dict) or not answer.get("sig"):
                raise ProtocolError("a login without a sig", remote=self.name, operation=operation)
            self._session = str(answer["sig"])
            return self._session

    def _send(
        self,
        method: str,
        path: str,
        session: str,
        *,
        operation: str,
        body: object,
        params: Mapping[str, object] | None,
    ) -> requests.Response:
        headers = {"Apitoken": json.dumps({"name": self._access.name, "sig": session})}
        if body is not None:
            # Any other type is read as a form, and nothing of the body is found.
            headers["Content-Type"] = "application/json"
        return self._http.send(
            method,
            f"{self._url}{API}{path}",
            operation=operation,
            params=params,
            data=None if body is None else json.dumps(body, separators=(",", ":")),
            headers=headers,
        )

    def _answer(self, response: requests.Response, *, operation: str) -> Any:
        error = self._error(response, operation=operation)
        if error is not None:
            raise error
        try:
            return response.json()
        except requests.exceptions.JSONDecodeError as exc:
            raise ProtocolError(f"not JSON: {exc}", remote=self.name, operation=operation) from exc

    def _error(self, response: requests.Response, *, operation: str) -> RemoteError | None:
        status = response.status_code
        if status == 200:
            return None
        call: Call = {"remote": self.name, "operation": operation}
        message = _said(response)
        if status in (401, 403):
            return Unauthorized(message, **call)
        if status == 404:
            return ProtocolError(f"no such call there; is this Falcon's API? ({message})", **call)
        if status >= 500:
            return Unavailable(message, **call)
        lower = message.lower()
        if any(words in lower for words in _TAKEN):
            return Conflict(message, **call)
        if any(words in lower for words in _MISSING):
            return NotFound(message, **call)
        return Refused(message, **call)


def _said(response: requests.Response) -> str:
    """Falcon's words, whatever content type they come with."""
    try:
        content: Any = response.json()
    except requests.exceptions.JSONDecodeError:
        content = None
    if isinstance(content, dict) and content.get("error"):
        return str(content["error"])
    return f"HTTP {response.status_code} {response.reason}"
