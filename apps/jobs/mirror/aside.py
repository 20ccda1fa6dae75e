"""Things that a watcher does beside its main loop, so that none of them can hold up the jobs' mirror."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context

from django.db import DatabaseError, connection

from clients.errors import RemoteError

log = logging.getLogger(__name__)


@contextmanager
def aside(name: str, task: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """Run `task` at once and then every `every_s` seconds, in a thread with a database connection of its own, for as
    long as the block lasts. Whatever goes wrong is logged; the next turn tries again."""
    over = threading.Event()

    def turn() -> None:
        try:
            task()
        except (DatabaseError, RemoteError) as exc:
            log.warning("watch_aside_failed", extra={"task": name, "error": str(exc)})
            connection.close()
        except Exception:
            log.exception("watch_aside_crashed", extra={"task": name})
            connection.close()

    def loop() -> None:
        try:
            turn()
            while not over.wait(every_s):
                turn()
        finally:
            connection.close()

    # The context carries what is bound for the logs.
    thread = threading.Thread(target=copy_context().run, args=(loop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)
