"""The state on disk: one SQLite file in WAL mode, so that kill -9 loses nothing that was answered.

Records are JSON under (cluster, kind, id). Writers mark what changed; `flush` writes all marks in one
transaction. What a client was told is flushed before the answer goes out, the rest (states of instances)
within `flush_interval_s`: the launcher knows the truth about processes, so a lost status is found again at
start.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_Key = tuple[str, str, str]  # cluster, kind, id


class Store:
    """A keyed heap of JSON records with batched writes. Used from the event loop's thread only."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        # Without fsync at each commit: a power cut may lose the last moments, kill -9 cannot.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS record (cluster TEXT, kind TEXT, id TEXT, body TEXT NOT NULL,"
            " PRIMARY KEY (cluster, kind, id)) WITHOUT ROWID"
        )
        self._marked: dict[_Key, Callable[[], Record | None]] = {}

    def mark(self, cluster: str, kind: str, record_id: str, current: Callable[[], Record | None]) -> None:
        """The record changed. `current` gives its body at the time of the flush; None deletes it.

        Marking the same record again before a flush costs nothing: only its last state is written."""
        self._marked[(cluster, kind, record_id)] = current

    def flush(self) -> None:
        """Write all marked records in one transaction."""
        if not self._marked:
            return
        marked, self._marked = self._marked, {}
        changed, gone = [], []
        for key, current in marked.items():
            body = current()
            if body is None:
                gone.append(key)
            else:
                changed.append((*key, json.dumps(body, separators=(",", ":"))))
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", changed)
        self._database.executemany("DELETE FROM record WHERE cluster = ? AND kind = ? AND id = ?", gone)
        self._database.execute("COMMIT")

    def load(self, cluster: str, kind: str) -> Iterator[tuple[str, Record]]:
        """All records of one kind, ordered by id."""
        rows = self._database.execute(
            "SELECT id, body FROM record WHERE cluster = ? AND kind = ? ORDER BY id", (cluster, kind)
        )
        for record_id, body in rows:
            yield record_id, json.loads(body)

    def close(self) -> None:
        """Write what is marked, fold the log into the file and close it."""
        self.flush()
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.close()
