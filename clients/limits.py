"""A moment by which all remote calls of a piece of work are to be over, however patient each of them is.

It is kept in the context, so that whoever does the work need not hand it through every layer; a thread has it by
running in a copy of the context.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_end_by: ContextVar[float | None] = ContextVar("calls_end_by", default=None)


@contextmanager
def calls_end_by(moment: float) -> Iterator[None]:
    """`moment` as `time.monotonic` tells it."""
    token = _end_by.set(moment)
    try:
        yield
    finally:
        _end_by.reset(token)


def at_most(seconds: float) -> float:
    """So many seconds, or what is left if that is less; 0 or below: nothing is."""
    moment = _end_by.get()
    return seconds if moment is None else min(seconds, moment - time.monotonic())
