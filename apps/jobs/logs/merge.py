"""Lines of many sources into one, by time. Pure.

A line's time is the one that stands at its beginning (`times`). A line without one has, in this order:

- the time of the line before it in the same piece, where that has one of its own: a stack trace stays with its
  message;
- a time between the piece's `since` and `until` (the first piece of an instance: its start and the file's last
  change; then: the last look and the file's last change), by how far into the bytes of that span it stands. Such a
  time is an estimate, and said to be one.

An own time that cannot be (before the instance was there, or to come) is not believed. Within one source the order
is that of the file, whatever the times say. Lines of the same time stay together by source.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from heapq import merge as merged

from apps.jobs.logs.lines import Line
from apps.jobs.logs.times import line_time

EARLIER_AT_MOST = timedelta(hours=1)
LATER_AT_MOST = timedelta(minutes=1)
"""Clocks differ; so much is believed."""


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes that were written from `since` to `until`: the piece's lines begin `before` bytes into its `length`.
    `earliest`: when the first line of the instance can have been written, None where nobody knows."""

    since: datetime
    until: datetime
    before: int
    length: int
    earliest: datetime | None = None

    def at(self, place: int) -> datetime:
        share = min((self.before + place) / self.length, 1.0) if self.length else 1.0
        return self.since + (self.until - self.since) * share


@dataclass(frozen=True, slots=True)
class TimedLine:
    """`key` is what it is ordered by: `at`, or the key of the line before where that is later."""

    key: datetime
    at: datetime
    estimated: bool
    line: Line


@dataclass(frozen=True, slots=True)
class Piece:
    """What one source has to say now. `more`: it goes on behind these lines."""

    lines: Sequence[TimedLine]
    more: bool = False


def with_times(
    lines: Sequence[Line], span: Span, *, now: datetime, zones: Sequence[tzinfo]
) -> Iterator[TimedLine]:
    """Give each line its time and its key."""
    own: datetime | None = None
    key: datetime | None = None
    inside = False
    for line in lines:
        near = span.at(line.end)
        read = None if inside else _believed(line_time(line.text, zones=zones, near=near), span, now=now)
        own = read or own
        at = own or near
        key = max(key, at) if key else at
        yield TimedLine(key, at, estimated=read is None, line=line)
        inside = line.cut


def _believed(read: datetime | None, span: Span, *, now: datetime) -> datetime | None:
    if read is None or read > now + LATER_AT_MOST:
        return None
    if span.earliest is not None and read < span.earliest - EARLIER_AT_MOST:
        return None
    return read


def merge(pieces: Sequence[Piece], *, limit: int) -> list[tuple[int, TimedLine]]:
    """The first `limit` lines of all, by time, each with the number of its piece.

    A piece that goes on holds up what is later than its last line: something earlier may follow there. Those lines
    are left for the next time.
    """
    frontier = min((piece.lines[-1].key for piece in pieces if piece.more and piece.lines), default=None)
    keyed = [
        [(line.key, number, line) for line in piece.lines if frontier is None or line.key <= frontier]
        for number, piece in enumerate(pieces)
    ]
    found: list[tuple[int, TimedLine]] = []
    for _key, number, line in merged(*keyed, key=lambda entry: entry[:2]):
        if len(found) == limit:
            break
        found.append((number, line))
    return found


def last_of(pieces: Sequence[Piece], *, limit: int) -> list[tuple[int, TimedLine]]:
    """The last `limit` lines of all, by time: what a reader who has just come sees first."""
    everything = merge(
        [Piece(piece.lines) for piece in pieces], limit=sum(len(piece.lines) for piece in pieces)
    )
    return everything[-limit:]
