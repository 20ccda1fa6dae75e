"""Speaking to the API: one session, patience with what passes, problems as errors.

What is asked for may be asked again without being done twice: every POST and DELETE carries an `Idempotency-Key`. So
network faults, 429 and 503 are tried again, `Retry-After` or a growing pause between, until `patience_s` is over.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import MaxRetryError, NewConnectionError

from ocean_cli import __version__
from ocean_cli.config import Context
from ocean_cli.errors import CliError, NotFound, Unreachable, api_error
from ocean_cli.language import accept_language

CONNECT_S, READ_S = 5.0, 60.0
PATIENCE_S = 30.0
"""How long a console that is away is asked again, unless the command says."""
MAX_PAUSE_S = 10.0
PAGE_SIZE = 200
PASSING = {429, 502, 503, 504}

JSON = dict[str, Any]


class TokenAuth(AuthBase):
    """`Authorization: Token …`. (As a plain header, requests would replace it by what ~/.netrc says.)"""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Token {self.token}"
        return request


@dataclass(slots=True)
class Api:
    """The API of one console. `notice` is told what it waits for."""

    context: Context
    patience_s: float = PATIENCE_S
    notice: Callable[[str], None] = lambda text: None
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.auth = TokenAuth(self.context.token)
        self.session.headers["User-Agent"] = f"ocean-cli/{__version__}"
        if language := accept_language():
            self.session.headers["Accept-Language"] = language

    def get(self, path: str, **query: Any) -> Any:
        """`path` is under /api/v1/; query parameters that are None are left out, lists are repeated."""
        return self.call("GET", path, query=query)

    def post(self, path: str, body: Any = None) -> Any:
        """A POST that may be asked again: with a key of its own."""
        return self.call("POST", path, body={} if body is None else body, key=new_key())

    def delete(self, path: str, body: Any = None) -> Any:
        return self.call("DELETE", path, body=body or None, key=new_key())

    def put(self, path: str, body: Any) -> Any:
        return self.call("PUT", path, body=body)

    def patch(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body=body)

    def pages(self, path: str, *, limit: int | None = None, **query: Any) -> Iterator[JSON]:
        """The rows of a list, page after page; `limit` at most."""
        given = 0
        query["page_size"] = min(PAGE_SIZE, limit) if limit else PAGE_SIZE
        while True:
            answer = self.get(path, **query)
            for row in answer["results"]:
                yield row
                given += 1
                if limit is not None and given >= limit:
                    return
            if not answer["next"]:
                return
            # Its parameters alone: behind a proxy the console may know itself by another address.
            query = dict(parse_qs(urlsplit(answer["next"]).query))

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str = "",
        repeatable: bool | None = None,
    ) -> Any:
        """The answer's JSON. `repeatable`: it may be sent again though it may have arrived; else only what was
        certainly not taken up is. Raises the CliError that the answer is, Unreachable without one in time."""
        if repeatable is None:
            repeatable = method in ("GET", "PUT") or bool(key)
        url = f"{self.context.url}/api/v1/{path}"
        ends_at = time.monotonic() + self.patience_s
        attempt = 0
        while True:
            attempt += 1
            pause = _pause(attempt)
            try:
                response = self.session.request(
                    method,
                    url,
                    params=_parameters(query),
                    data=None if body is None else json.dumps(body),
                    headers=_headers(body=body, key=key),
                    timeout=(CONNECT_S, READ_S),
                    allow_redirects=False,
                )
            except requests.exceptions.SSLError as exc:
                raise Unreachable(
                    f"{self.context.url} has no certificate that is trusted here: {exc}"
                ) from exc
            except requests.RequestException as exc:
                failure: CliError = _unreachable(self.context.url, exc)
                may_repeat = repeatable or _was_never_sent(exc)
                if not may_repeat and not isinstance(exc, requests.exceptions.InvalidURL):
                    failure.hint = "It may have been taken up: look before you ask again."
            else:
                if response.status_code < 300:
                    return _json(response)
                if response.status_code not in PASSING:
                    _refuse(response, url)
                failure = _failure(response, url)
                may_repeat = repeatable or response.status_code in (429, 503)
                pause = _retry_after(response) or pause
            if not may_repeat or time.monotonic() + pause > ends_at:
                raise failure
            self.notice(f"{_first_line(str(failure))} Asking again in {ceil(pause)} s.")
            time.sleep(pause)


def new_key() -> str:
    return f"ocean-cli-{uuid.uuid4().hex}"


def _headers(*, body: Any, key: str) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if key:
        headers["Idempotency-Key"] = key
    return headers


def _parameters(query: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        name: "true" if value is True else "false" if value is False else value
        for name, value in (query or {}).items()
        if value is not None and value != ""
    }


def _json(response: requests.Response) -> Any:
    if response.status_code == 204 or not response.content:
        return None
    try:
        return response.json()
    except ValueError as exc:
        hint = "Is this the address of an Ocean?"
        raise CliError(f"{response.url} answered something that is not JSON.", hint=hint) from exc


def _failure(response: requests.Response, url: str) -> CliError:
    problem: Any = {}
    if "json" in response.headers.get("Content-Type", ""):
        try:
            problem = response.json()
        except ValueError:
            problem = {}
    return api_error(
        status=response.status_code, problem=problem if isinstance(problem, dict) else {}, url=url
    )


def _refuse(response: requests.Response, url: str) -> NoReturn:
    if response.status_code < 400:
        where = response.headers.get("Location", "elsewhere")
        raise NotFound(
            f"{url} is at {where} now.",
            status=response.status_code,
            problem={},
            hint="`ocean login` with the console's own address.",
        )
    raise _failure(response, url)


def _unreachable(url: str, exc: requests.RequestException) -> Unreachable:
    if isinstance(exc, requests.Timeout):
        return Unreachable(f"{url} does not answer in time.")
    return Unreachable(f"{url} does not answer.")


def _was_never_sent(exc: requests.RequestException) -> bool:
    """Whether no connection came about, so that nothing can have been taken up."""
    if isinstance(exc, requests.exceptions.ConnectTimeout):
        return True
    cause = exc.args[0] if exc.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _retry_after(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _pause(attempt: int) -> float:
    """Half a second, then doubled, with some chance in it so that many pipelines do not come back together."""
    return float(min(MAX_PAUSE_S, 0.5 * 2 ** (attempt - 1))) * random.uniform(0.75, 1.25)  # noqa: S311


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
