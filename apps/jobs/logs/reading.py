"""Reading the files of the instances that are followed: one step of a reader, without any database.

What one step costs is bounded, in bytes from each file and in all, in time, and in lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.jobs.logs import notes
from apps.jobs.logs.cursor import Place, task_key
from apps.jobs.logs.entries import LogLine
from apps.jobs.logs.fetch import Look, Wanted, fetch
from apps.jobs.logs.followed import Choice, Followed
from apps.jobs.logs.merge import Piece, TimedLine, last_of, merge
from apps.jobs.logs.pieces import FilePiece, file_piece
from apps.jobs.logs.position import Position
from clients.errors import NotFound
from engines.base import Engine

FILE_BYTES = 128 * 1024
STEP_BYTES = 2 * 1024 * 1024
"""So much is read in one step, of each file and of all."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What a reader wants: at most `limit` lines that the instances wrote, none before `since`; with what happened
    to the job (`events`). `skip`: leave out what a person could not have read so fast."""

    choice: Choice
    limit: int = 500
    since: datetime | None = None
    events: bool = True
    skip: bool = True


@dataclass(frozen=True, slots=True)
class From:
    """Where a step begins: for a reader who has just come (`is_first`) at the end of each file. `read_at`: when the
    reader was last there. `turn` says who is asked first, in case the time is too short for all."""

    is_first: bool
    read_at: datetime | None = None
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """The lines, by time; how far each file has been read; what each host said. `more`: there are further lines
    already."""

    lines: Sequence[LogLine]
    places: Sequence[Place]
    looks: Mapping[str, Look]
    more: bool


def read_step(
    engine: Engine, cluster: str, query: LogQuery, all_: Sequence[Followed], begin: From, *, now: datetime
) -> Step:
    """Read on in all files of these instances."""
    looks = _look(engine, cluster, query, all_, begin)
    zones = _zones()
    pieces = [
        file_piece(
            each.source,
            file,
            read,
            before=each.places.get(file),
            read_at=None if each.is_new else begin.read_at,
            now=now,
            zones=zones,
        )
        for each in all_
        if (look := looks.get(each.source.task_id))
        for file, read in look.reads.items()
    ]
    plain = [Piece(piece.lines, more=piece.more) for piece in pieces]
    chosen = last_of(plain, limit=query.limit) if begin.is_first else merge(plain, limit=query.limit)
    taken = Counter(number for number, _line in chosen)
    if begin.is_first:
        taken = Counter({number: len(piece.lines) for number, piece in enumerate(pieces)})
    left = sum(len(piece.lines) for piece in pieces) > taken.total()
    return Step(
        lines=[
            line
            for line in _lines(pieces, chosen, now=now)
            if query.since is None or line.time >= query.since
        ],
        places=_places(all_, looks, pieces, taken, files=query.choice.files, now=now),
        looks=looks,
        more=left or any(piece.more for piece in pieces),
    )


def _look(
    engine: Engine, cluster: str, query: LogQuery, all_: Sequence[Followed], begin: From
) -> dict[str, Look]:
    turn = begin.turn % len(all_) if all_ else 0
    files = {each.source: [file for file in query.choice.files if not _is_ended(each, file)] for each in all_}
    length = min(FILE_BYTES, STEP_BYTES // max(1, sum(map(len, files.values()))))
    wanted = [
        (
            each.source,
            [
                Wanted(file, _position(each, file, is_first=begin.is_first), length)
                for file in files[each.source]
            ],
        )
        for each in [*all_[turn:], *all_[:turn]]
        if files[each.source]
    ]
    return fetch(engine, wanted, cluster=cluster, skip=query.skip)


def _is_ended(each: Followed, file: str) -> bool:
    place = each.places.get(file)
    return place is not None and place.ended


def _position(each: Followed, file: str, *, is_first: bool) -> Position | None:
    """An instance that came after the reader did is read from its start."""
    place = each.places.get(file)
    if place is not None:
        return place.position
    return None if is_first else Position()


def _zones() -> list[tzinfo]:
    return [UTC, ZoneInfo(settings.OCEAN_DEFAULT_TIME_ZONE)]


def _lines(
    pieces: Sequence[FilePiece], chosen: Iterable[tuple[int, TimedLine]], *, now: datetime
) -> list[LogLine]:
    """The lines, with what is to be said of a file before the first of it."""
    lines: list[LogLine] = []
    begun: set[int] = set()
    for number, timed in chosen:
        piece = pieces[number]
        if number not in begun:
            begun.add(number)
            lines += notes.of_file(piece, at=timed.key)
        lines.append(
            LogLine(
                time=timed.at,
                source="log",
                text=timed.line.text,
                task_id=piece.source.task_id,
                host=piece.source.host,
                version=piece.source.version,
                file=piece.file,
                position=str(piece.position_of(timed.line)),
                estimated=timed.estimated,
                cut=timed.line.cut,
                order=timed.key,
            )
        )
    for piece in pieces:
        if not piece.lines:
            lines += notes.of_file(piece, at=now)
    return lines


def _places(
    all_: Iterable[Followed],
    looks: Mapping[str, Look],
    pieces: Sequence[FilePiece],
    taken: Mapping[int, int],
    *,
    files: Sequence[str],
    now: datetime,
) -> list[Place]:
    """How far everything was read, shown or not."""
    by_file = {(piece.source.task_id, piece.file): number for number, piece in enumerate(pieces)}
    places: list[Place] = []
    for each in all_:
        task = each.source.task_id
        look = looks.get(task)
        nobody_has_it = look is not None and isinstance(look.error, NotFound)
        for file in files:
            number = by_file.get((task, file))
            before = each.places.get(file)
            if before is not None and before.ended:
                places.append(before)
            elif number is not None:
                places.append(pieces[number].place(before, taken=taken[number], now=now))
            elif nobody_has_it and each.source.ended_at is not None:
                places.append(Place(task_key(task), file, Position(), ended=True))
            else:
                places.append(before or Place(task_key(task), file, Position()))
    return places
