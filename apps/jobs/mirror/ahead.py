"""Reading ahead: what is asked for arrives and is parsed while what came before is being written."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, none of which is None: while the caller works on one, a thread takes the next."""
    context = copy_context()  # it carries what is bound for the logs

    def take() -> T | None:
        return next(items, None)

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        ahead: Future[T | None] = pool.submit(context.run, take)
        while (item := ahead.result()) is not None:
            ahead = pool.submit(context.run, take)
            yield item
