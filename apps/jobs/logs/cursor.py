"""Where a reader of a merged log is, as a text that any web process can go on from. Pure.

It holds places only: whose they are is looked up again with the reader's own rights, so it need not be signed.
Instances are named by a short hash of their id, and how many places it holds is bounded, so it fits into an address.
"""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any

from apps.jobs.logs.position import Position

FORMAT = 1
MAX_LETTERS = 12_000
MAX_BYTES = 64 * 1024
LATE_AT_MOST = 16
"""Rows are told apart by their ids, which may become visible out of order: so many of the latest are remembered."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far one file has been read. `held_bytes` of a line without an end stand behind it, since `held_at`
    (seconds since 1970). `ended`: the instance is gone and its file read to the end."""

    task: str
    file: str
    position: Position
    held_bytes: int = 0
    held_at: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class RowsRead:
    """Which rows of a table were told: those up to `floor`, and `recent`, the latest above it."""

    floor: int = 0
    recent: tuple[int, ...] = ()

    def with_rows(self, ids: list[int]) -> RowsRead:
        """Those and `ids`; the floor rises so that few need remembering."""
        known = sorted({*self.recent, *ids})
        over = max(0, len(known) - LATE_AT_MOST)
        return RowsRead(known[over - 1] if over else self.floor, tuple(known[over:]))


@dataclass(frozen=True, slots=True)
class Cursor:
    """`read_at` in milliseconds since 1970; `turn` counts the reads; `away`: tasks whose host was said to be away."""

    read_at: int
    turn: int = 0
    places: tuple[Place, ...] = ()
    away: tuple[str, ...] = ()
    events: RowsRead = RowsRead()
    log: RowsRead = RowsRead()
    gone: RowsRead = RowsRead()


def task_key(task_id: str) -> str:
    """A short name of an instance; two of a job meet once in millions of jobs."""
    return urlsafe_b64encode(blake2s(task_id.encode(), digest_size=6).digest()).decode()


def encode(cursor: Cursor) -> str:
    places = [
        [p.task, p.file, p.position.offset, p.position.mark, p.held_bytes, p.held_at, int(p.ended)]
        for p in cursor.places
    ]
    rows = [[read.floor, *read.recent] for read in (cursor.events, cursor.log, cursor.gone)]
    content = [FORMAT, cursor.read_at, cursor.turn, places, list(cursor.away), rows]
    return urlsafe_b64encode(zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)).decode()


def decode(text: str) -> Cursor:
    """The reverse of `encode`. Raises ValueError for anything else."""
    try:
        return _decoded(text)
    except (Base64Error, zlib.error, UnicodeError, TypeError, IndexError, RecursionError) as exc:
        raise ValueError("this is no cursor") from exc


def _decoded(text: str) -> Cursor:
    if len(text) > MAX_LETTERS:
        raise ValueError("this is no cursor: too long")
    unpacked = zlib.decompressobj().decompress(urlsafe_b64decode(text.encode()), MAX_BYTES)
    version, read_at, turn, places, away, rows = json.loads(unpacked)
    if version != FORMAT:
        raise ValueError("this cursor is of another release")
    events, log, gone = (RowsRead(_number(row[0]), tuple(map(_number, row[1:]))) for row in rows)
    return Cursor(
        read_at=_number(read_at),
        turn=_number(turn),
        places=tuple(map(_place, places)),
        away=tuple(map(_word, away)),
        events=events,
        log=log,
        gone=gone,
    )


def _place(row: list[Any]) -> Place:
    task, file, offset, mark, held_bytes, held_at, ended = row
    position = Position(_number(offset), _number(mark))
    return Place(_word(task), _word(file), position, _number(held_bytes), _number(held_at), bool(ended))


def _number(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError("this is no cursor: not a number")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 16:
        raise ValueError("this is no cursor: not a word")
    return value
