"""The one door through which every remote HTTP call leaves.

It holds what no call may forget: connect and read time-outs, a bounded pool, a cap on the body, no redirect
that nobody expected, a User-Agent, one log line for each call, and `clients.errors` instead of the HTTP
library's exceptions. Reads that break are asked once more; writes are sent exactly once.
"""

from __future__ import annotations

import io
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.poolmanager import PoolManager
from urllib3.util import Retry

from clients.egress import Egress, Forbidden
from clients.errors import Call, ProtocolError, Refused, RemoteError, TimedOut, Unavailable, Unreached
from clients.limits import at_most

log = logging.getLogger(__name__)

USER_AGENT = "ocean-portal/0.1"
POOL_SIZE = 16
CHUNK_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and password for HTTP Basic; the password never shows in a repr or a log."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """`connect_s` to be connected, `read_s` between two pieces of an answer, `total_s` for all of it."""

    connect_s: float = 3.0
    read_s: float = 10.0
    total_s: float = 60.0


class _OneMoreRead(Retry):
    """Asks a read once more when its connection broke, not when it was slow: a server that did not answer
    in time will not do so sooner the second time, and the caller may have another server to ask."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error.with_traceback(_stacktrace)
        return super().increment(method, url, response, error, _pool, _stacktrace)


class _Adapter(HTTPAdapter):
    """With an `egress`, it sends nothing over a connection that reached a machine which that refuses."""

    def __init__(self, egress: Egress | None, **options: Any) -> None:
        self._egress = egress
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        if self._egress is not None:
            self.poolmanager: PoolManager
            self.poolmanager.pool_classes_by_scheme = _guarded_pools(self._egress)


def _guarded_pools(egress: Egress) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools, whose connections look at their peer as soon as they have one."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _checked_peer(super()._new_conn(), egress)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _checked_peer(super()._new_conn(), egress)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


def _checked_peer(connection: socket.socket, egress: Egress) -> socket.socket:
    try:
        address, port = connection.getpeername()[:2]
        egress.check_peer(address, port)
    except BaseException:
        connection.close()
        raise
    return connection


def make_session(
    *, credentials: Credentials | None = None, ca_bundle: str | None = None, egress: Egress | None = None
) -> requests.Session:
    """A session with a bounded pool, no cookies, and nothing taken from the environment.

    (`trust_env` would send a `.netrc` entry or an outgoing proxy to the machines next door.)
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_bundle if ca_bundle is not None else True
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = USER_AGENT
    if credentials is not None:
        # As bytes: requests would encode a text as Latin-1 and fail on any other letter.
        session.auth = HTTPBasicAuth(credentials.username.encode(), credentials.password.encode())
    retry = _OneMoreRead(total=1, connect=0, read=1, redirect=0, status=0, other=0, allowed_methods=_READS)
    adapter = _Adapter(
        egress, pool_connections=POOL_SIZE, pool_maxsize=POOL_SIZE, pool_block=True, max_retries=retry
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


class HttpClient:
    """Calls to one remote service, whatever number of addresses it has.

    `remote` is its name in errors and logs; `egress` says where an address that somebody typed may lead (without it
    the address is one of our own configuration). Safe to share between threads; not across a fork.
    """

    def __init__(
        self,
        remote: str,
        *,
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        egress: Egress | None = None,
    ) -> None:
        self.remote = remote
        self._timeouts = timeouts or Timeouts()
        self._max_body_bytes = max_body_bytes
        self._session = make_session(credentials=credentials, ca_bundle=ca_bundle, egress=egress)

    def send(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        params: Mapping[str, object] | None = None,
        data: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        redirects: bool = False,
    ) -> requests.Response:
        """The answer, of any status, its body read whole. Redirects are never followed; an answer that is
        one is handed out only if `redirects`.

        Raises Unavailable when nobody took the request, TimedOut when it was sent and not answered,
        ProtocolError for a body over the cap or an unexpected redirect.
        """
        with self._call(method, url, operation=operation) as outcome:
            response = self._session.request(
                method,
                url,
                params=_texts(params),
                data=data,
                headers=dict(headers or {}),
                timeout=self._patience(self._timeouts.read_s, operation=operation),
                allow_redirects=False,
                stream=True,
            )
            outcome["status"] = response.status_code
            with response:
                body = self._body(response, operation=operation)
            response.raw = io.BytesIO(body)
        if response.is_redirect and not redirects:
            raise ProtocolError(
                f"HTTP {response.status_code} sends to {_server(urljoin(url, response.headers['Location']))}, "
                "which nobody expected; check the configured address",
                remote=self.remote,
                operation=operation,
            )
        return response

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        operation: str,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        idle_timeout_s: float | None = None,
    ) -> Iterator[requests.Response]:
        """A read whose body is still to come: read `response.raw`, at most `idle_timeout_s` between bytes.

        What breaks while the block reads raises the same errors as `send`. Redirects are handed out.
        """
        read_s = idle_timeout_s if idle_timeout_s is not None else self._timeouts.read_s
        with self._call("GET", url, operation=operation) as outcome:
            response = self._session.get(
                url,
                params=_texts(params),
                headers=dict(headers or {}),
                timeout=self._patience(read_s, operation=operation),
                allow_redirects=False,
                stream=True,
            )
            outcome["status"] = response.status_code
        try:
            response.raw.decode_content = True
            yield response
        except (requests.RequestException, HTTPError, OSError) as exc:
            raise self._failure(exc, method="GET", operation=operation) from exc
        finally:
            response.close()

    def whole(self, response: requests.Response, *, operation: str) -> requests.Response:
        """A streamed answer with its body read whole after all (it was an error, say)."""
        try:
            response.raw = io.BytesIO(self._body(response, operation=operation))
        except (HTTPError, OSError) as exc:
            raise self._failure(exc, method="GET", operation=operation) from exc
        return response

    @contextmanager
    def _call(self, method: str, url: str, *, operation: str) -> Iterator[dict[str, object]]:
        """Time a call, log it, translate its failure."""
        outcome: dict[str, object] = {"status": "-"}
        begun = time.monotonic()
        try:
            yield outcome
        except RemoteError:
            raise
        except (requests.RequestException, HTTPError, OSError, Forbidden) as exc:
            error = self._failure(exc, method=method, operation=operation)
            outcome["status"] = type(error).__name__
            raise error from exc
        finally:
            log.info(
                "remote_call",
                extra={
                    "remote": self.remote,
                    "op": operation,
                    "server": urlsplit(url).netloc,
                    "status": outcome["status"],
                    "ms": round((time.monotonic() - begun) * 1000),
                },
            )

    def _patience(self, read_s: float, *, operation: str) -> tuple[float, float]:
        """Seconds to be connected in, and between two pieces. Raises Unreached where the caller's time is over."""
        if at_most(read_s) <= 0:
            raise Unreached("there was no time left to ask", remote=self.remote, operation=operation)
        return at_most(self._timeouts.connect_s), at_most(read_s)

    def _body(self, response: requests.Response, *, operation: str) -> bytes:
        deadline = time.monotonic() + at_most(self._timeouts.total_s)
        pieces: list[bytes] = []
        size = 0
        for piece in response.raw.stream(CHUNK_BYTES, decode_content=True):
            size += len(piece)
            if size > self._max_body_bytes:
                raise ProtocolError(
                    f"the answer is longer than {self._max_body_bytes} bytes",
                    remote=self.remote,
                    operation=operation,
                )
            if time.monotonic() > deadline:
                raise TimedOut(
                    f"the answer was still coming after {self._timeouts.total_s:g} s",
                    remote=self.remote,
                    operation=operation,
                )
            pieces.append(piece)
        return b"".join(pieces)

    def _failure(self, exc: Exception, *, method: str, operation: str) -> RemoteError:
        call: Call = {"remote": self.remote, "operation": operation}
        if isinstance(exc, Forbidden):
            return Refused(f"Ocean does not call it: {exc}", **call)
        if isinstance(exc, requests.exceptions.ConnectTimeout):
            return Unreached(f"no connection within {self._timeouts.connect_s:g} s", **call)
        if isinstance(exc, requests.exceptions.ReadTimeout | ReadTimeoutError):
            return TimedOut("connected, but nothing came in time", **call)
        if isinstance(exc, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
            return ProtocolError(f"not an address that can be called: {exc}", **call)
        if isinstance(exc, requests.exceptions.SSLError) or _never_sent(exc):
            return Unreached(f"the connection failed: {_reason(exc)}", **call)
        if method in _READS:
            return Unavailable(f"the connection failed: {_reason(exc)}", **call)
        return TimedOut(f"the connection broke before the answer came: {_reason(exc)}", **call)


def _server(url: str) -> str:
    """What may be said of an address: its path may be a key, as those of webhooks are."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _never_sent(exc: Exception) -> bool:
    cause = exc.args[0] if exc.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _reason(exc: BaseException) -> str:
    """The innermost cause in words ("Connection refused"): what libraries wrap around it says nothing more to a
    person."""
    inner = getattr(exc, "reason", None) or (exc.args[0] if exc.args else None)
    if isinstance(inner, BaseException):
        return _reason(inner)
    cause = exc.__cause__
    return cause.strerror if isinstance(cause, OSError) and cause.strerror else str(exc)


def _texts(params: Mapping[str, object] | None) -> dict[str, str | list[str]]:
    """Query parameters as texts; booleans in lower case, as documented APIs show them."""
    return {
        key: [_text(item) for item in value] if isinstance(value, list | tuple) else _text(value)
        for key, value in (params or {}).items()
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
