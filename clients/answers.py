"""What the status of an answer means where nothing but the status is agreed upon."""

from __future__ import annotations

from http import HTTPStatus

import requests

from clients.errors import Refused, Unavailable

PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
SHOWN = 200
"""Characters of an answer that an error quotes."""


def accepted(answer: requests.Response, *, remote: str, operation: str) -> None:
    """Returns for any 2xx. Raises Unavailable for what may pass by itself, Refused for the rest, with the first words
    of the answer."""
    status = answer.status_code
    if 200 <= status < 300:
        return
    words = " ".join(answer.text.split())[:SHOWN]
    said = f"HTTP {status}: {words}" if words else f"HTTP {status}"
    if status in PASSING or status >= 500:
        after = answer.headers.get("Retry-After", "")
        raise Unavailable(
            said,
            remote=remote,
            operation=operation,
            retry_after_s=float(after) if after.isascii() and after.isdigit() else None,
        )
    raise Refused(said, remote=remote, operation=operation)
