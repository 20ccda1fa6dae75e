"""One watcher works for a cluster, however many run: a PostgreSQL advisory lock.

The lock belongs to the very connection that the mirror is written through. When it is lost (the server restarts,
the network breaks), so is the connection, and the next write fails instead of competing with the new holder.
"""

from __future__ import annotations

from django.db import connection

WATCH_LOCK = 7201
"""The first key of `pg_try_advisory_lock(int, int)`; the second is the cluster's id. Never reused for another use."""


def try_lock(cluster_id: int) -> bool:
    """Take the cluster's lock on this thread's connection, without waiting."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [WATCH_LOCK, cluster_id])
        row = cursor.fetchone()
    return bool(row and row[0])


def unlock(cluster_id: int) -> None:
    """Give it back, so that another watcher need not wait for this connection to end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [WATCH_LOCK, cluster_id])


def write_lightly() -> None:
    """Commit on this thread's connection without waiting for the disk. What a crash of the server takes (the last
    moments, each transaction whole) is put right by the snapshot with which a watcher begins anew."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
