"""One GET to an instance, as its health check does it: to see what it answers, which schedulers do not tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from clients.errors import RemoteError
from clients.http import HttpClient, Timeouts

BODY_BYTES = 2048
"""As much of a body is read; an instance may answer without end."""


@dataclass(frozen=True, slots=True)
class Answered:
    """`status` is 0 where nothing answered, and `text` then says why."""

    status: int
    text: str


def probe(address: str, port: int, path: str) -> Answered:
    """What `http://address:port/path` answers within 1.5 s. Never raises, follows no redirect."""
    host = f"[{address}]" if ":" in address else address
    try:
        with _client().stream(f"http://{host}:{port}/{path.lstrip('/')}", operation="probe") as response:
            body = response.raw.read(BODY_BYTES)
            return Answered(response.status_code, body.decode("utf-8", "replace"))
    except RemoteError as exc:
        return Answered(0, str(exc))


@cache
def _client() -> HttpClient:
    return HttpClient("instance", timeouts=Timeouts(connect_s=0.5, read_s=1.0, total_s=1.5))
