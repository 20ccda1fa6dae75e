"""What was read of one file, as lines with times, and the place to read on from. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from apps.jobs.log_sources import LogSource
from apps.jobs.logs.cursor import Place, task_key
from apps.jobs.logs.fetch import Read
from apps.jobs.logs.lines import Line, first_line_start, split_lines
from apps.jobs.logs.merge import Span, TimedLine, with_times
from apps.jobs.logs.position import Position, place_after

HELD_S = 3
"""A line without an end is shown when nothing was added to it for so long: a prompt, a last word."""


@dataclass(frozen=True, slots=True)
class FilePiece:
    """The lines of `read`, the first of which begins `start` bytes into it; `more` follow, and `held` bytes of a
    line whose end is not there yet."""

    source: LogSource
    file: str
    read: Read
    start: int
    lines: Sequence[TimedLine]
    more: bool
    held: int

    @property
    def skipped(self) -> int:
        """Bytes that were left out because nobody could have read them."""
        return self.read.plan.skipped + self.start if self.read.plan.skipped else 0

    def position_of(self, line: Line) -> Position:
        """Where the line begins, for a link to it."""
        return self._position(line.start)

    def place(self, before: Place | None, *, taken: int, now: datetime) -> Place:
        """Where to read on when the first `taken` lines were shown. What was not shown is read again."""
        shown_all = taken == len(self.lines)
        if before is not None and taken == 0 and not shown_all:
            return before
        position = self._position(self.lines[taken - 1].line.end if taken else 0)
        held = self.held if shown_all and not self.more else 0
        stays = before is not None and (before.position, before.held_bytes) == (position, held)
        return Place(
            task_key(self.source.task_id),
            self.file,
            position,
            held_bytes=held,
            held_at=0 if not held else before.held_at if before and stays else int(now.timestamp()),
            ended=self.source.ended_at is not None and shown_all and not self.more and not held,
        )

    def _position(self, consumed: int) -> Position:
        plan = self.read.plan
        return place_after(plan.stretches, self.start + consumed, otherwise=plan.place)


def file_piece(
    source: LogSource,
    file: str,
    read: Read,
    *,
    before: Place | None,
    read_at: datetime | None,
    now: datetime,
    zones: Sequence[tzinfo],
) -> FilePiece:
    """`before`: the place that it was read from; None for the end of the log. `read_at`: when the reader was last
    there; None where nobody knows when what stands before it was written."""
    plan = read.plan
    short = len(read.data) < sum(stretch.length for stretch in plan.stretches)
    more = plan.more or short
    start = first_line_start(read.data) if plan.partial else 0
    data = read.data[start:]
    lines = list(split_lines(data, whole=source.ended_at is not None and not more))
    held = len(data) - (lines[-1].end if lines else 0)
    if held and not lines and not more and _held_long(before, held, now=now):
        lines, held = list(split_lines(data, whole=True)), 0
    until = min(datetime.fromtimestamp(read.changed_at, UTC), now)
    if read_at is None:
        since, place, length = source.started_at or until, plan.behind, plan.whole
    else:
        since, place, length = read_at, plan.skipped, plan.ahead
    span = Span(min(since, until), until, before=place + start, length=length, earliest=source.started_at)
    timed = tuple(with_times(lines, span, now=now, zones=zones))
    return FilePiece(source, file, read, start, timed, more, held)


def _held_long(before: Place | None, held: int, *, now: datetime) -> bool:
    return before is not None and before.held_bytes == held and now.timestamp() - before.held_at >= HELD_S
