"""Django's PostgreSQL backend, with connections that are kept for the next one who needs one.

Each request of an ASGI server, and each task of a worker, opens a connection and closes it: some 10 ms, half of a small
page. Django has a pool for psycopg 3 only; with `KEEP_IDLE` in the database's settings this keeps so many of psycopg2's
in each process. One is asked whether it is still good before it is given away, and none is kept that was in the middle
of anything. Nothing may be left on a session, so whoever holds a session's lock (`watch`) keeps none.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import psycopg2
from django.db.backends.postgresql import base, psycopg_any
from psycopg2.extensions import TRANSACTION_STATUS_IDLE


class Idle:
    """The idle connections of this process, the one used last in front."""

    def __init__(self) -> None:
        self._pid = 0
        self._kept: deque[tuple[Any, Any]] = deque()

    def keep(self, key: Any, connection: Any, *, at_most: int) -> bool:
        """Whether it was taken in."""
        self._forget_parents()
        if len(self._kept) >= at_most:
            return False
        self._kept.appendleft((key, connection))
        return True

    def take(self, key: Any) -> Any | None:
        """One that still answers, or None."""
        self._forget_parents()
        while self._kept:
            try:
                known, connection = self._kept.popleft()
            except IndexError:  # another thread was quicker
                return None
            if known == key and _answers(connection):
                return connection
            connection.close()
        return None

    def close(self) -> None:
        """End them all: a test's database must not be held."""
        self._forget_parents()
        while self._kept:
            self._kept.popleft()[1].close()

    def _forget_parents(self) -> None:
        """After a fork the connections are the parent's: to close them would end them there."""
        if self._pid != os.getpid():
            self._pid, self._kept = os.getpid(), deque()


idle = Idle()


class DatabaseWrapper(base.DatabaseWrapper):
    """Reads `KEEP_IDLE`: how many idle connections a process keeps; 0, or nothing, is Django's own way."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self._keep_idle and (connection := idle.take(self._key)):
            self.isolation_level = psycopg_any.IsolationLevel.READ_COMMITTED
            return connection
        return super().get_new_connection(conn_params)

    def _close(self) -> None:
        connection = self.connection
        if (
            self._keep_idle
            and connection is not None
            and not self.in_atomic_block
            and not connection.closed
            and connection.get_transaction_status() == TRANSACTION_STATUS_IDLE
            and idle.keep(self._key, connection, at_most=self._keep_idle)
        ):
            return
        super()._close()  # type: ignore[misc] # the stubs leave it out

    @property
    def _keep_idle(self) -> int:
        return int(self.settings_dict.get("KEEP_IDLE", 0))

    @property
    def _key(self) -> tuple[Any, ...]:
        """Where it leads."""
        return tuple(self.settings_dict[name] for name in ("HOST", "PORT", "NAME", "USER"))


def _answers(connection: Any) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return True
