"""Waiting for a condition with a deadline: the one place of the embedded default that sleeps."""

import time
from collections.abc import Callable

from embedded.errors import EmbeddedError

_INTERVAL_S = 0.05


class WaitTimeoutError(EmbeddedError):
    """The condition did not come true before its deadline."""


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float) -> None:
    """Return as soon as `condition()` is true; ask 20 times a second.

    Raises WaitTimeoutError, naming `what`, after `timeout_s` seconds. What `condition` raises goes
    through, so that a thing which can no longer come true (a process that ended) is told at once.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise WaitTimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(_INTERVAL_S)
