"""What can go wrong with a remote service, said in one small tree whichever service it was.

    RemoteError             any of these; carries `remote`, `operation`, `message`
    ├── Unavailable         nobody took the request, or it was put off: ask again later
    │   └── Unreached       it never left: nothing was sent
    ├── TimedOut            sent, but no whole answer came; of a write the outcome is *unknown*
    ├── Conflict            something else holds the object: a deployment, a rival, its own existence
    ├── NotFound            the remote does not know the object
    ├── Unauthorized        the remote does not accept who we are, or what we may do
    ├── Refused             understood and refused for good, in the remote's own words
    └── ProtocolError       the answer is not what the remote's documents promise

The errors know nothing of HTTP and can be pickled (Celery sends them between processes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict


class Call(TypedDict):
    """What every error says of its call; pass it on as `**call`."""

    remote: str
    operation: str


class RemoteError(Exception):
    """A call to a remote service failed.

    `remote` names the service (`marathon staging`), `operation` what was asked of it (`scale /a/b`),
    `message` says why, in the remote's own words where it gave any.
    """

    def __init__(self, message: str, *, remote: str, operation: str) -> None:
        super().__init__(message)
        self.message = message
        self.remote = remote
        self.operation = operation

    def __str__(self) -> str:
        return f"{self.remote}: {self.operation}: {self.message}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own way calls the class with `args`, which keyword-only arguments do not survive.
        return _restored, (type(self), self.args, self.__dict__)


class Unavailable(RemoteError):
    """Nobody took the request: no connection, no leader, overload. `retry_after_s` when the remote said so.

    A server's 5xx is here too. A write that met one may have been done all the same if a proxy stood
    between, so look before asking again.
    """

    def __init__(
        self, message: str, *, remote: str, operation: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, remote=remote, operation=operation)
        self.retry_after_s = retry_after_s


class Unreached(Unavailable):
    """There was no connection, or no time for one: nothing was sent, so nothing can have happened."""


class TimedOut(RemoteError):
    """The request was sent and no whole answer came in time. Of a write the outcome is unknown."""


class Conflict(RemoteError):
    """The object is held by something else. `deployments`: the ids of those that hold it, if any do."""

    def __init__(
        self, message: str, *, remote: str, operation: str, deployments: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, remote=remote, operation=operation)
        self.deployments = deployments


class NotFound(RemoteError):
    """The remote does not know the object."""


class Unauthorized(RemoteError):
    """The remote does not accept the credentials, or does not allow the call to them."""


class Refused(RemoteError):
    """The request was understood and refused; asking again is useless.

    `details`: (path, text) for each thing that is wrong, the path as the remote writes it
    (Marathon: `/healthChecks(0)/portIndex`; `/` is the whole object).
    """

    def __init__(
        self, message: str, *, remote: str, operation: str, details: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message, remote=remote, operation=operation)
        self.details = details

    def __str__(self) -> str:
        said = "; ".join(f"{path}: {text}" for path, text in self.details)
        return f"{super().__str__()} ({said})" if said else super().__str__()


class ProtocolError(RemoteError):
    """The answer is not what the remote's documents promise: wrong shape, too large, a strange redirect."""


def _restored(cls: type[RemoteError], args: tuple[object, ...], state: Mapping[str, Any]) -> RemoteError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error
