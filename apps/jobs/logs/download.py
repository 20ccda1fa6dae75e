"""Logs to keep: a file as it is, or everything merged, streamed a piece at a time, so that the size does not matter.

All that the database knows is looked up before the first byte; from then on only hosts are asked. What grows
meanwhile is not waited for.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from heapq import merge as merged

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from apps.core.engines import get_engine
from apps.jobs.log_sources import LogSource
from apps.jobs.logs import notes, story
from apps.jobs.logs.cursor import Cursor
from apps.jobs.logs.entries import LogLine
from apps.jobs.logs.followed import Choice, Followed, followed
from apps.jobs.logs.lines import MAX_LINE_BYTES
from apps.jobs.logs.position import Position, ahead, first_bytes, is_same, place_after, whole_log
from apps.jobs.logs.reading import From, LogQuery, read_step
from apps.jobs.logs.stream import by_time, masked, told_lines
from apps.jobs.masking import Mask, mask_of
from apps.jobs.models import Job
from clients.errors import NotFound, RemoteError
from engines.base import Engine, InstanceId

PIECE_BYTES = 256 * 1024
LINES = 2000
STALLED_STEPS = 3
"""A file that is said to go on and gives nothing so many times is given up."""


def whole_file(job: Job, choice: Choice) -> StreamingHttpResponse:
    """One file of one instance from its oldest kept byte. Raises LookupError for a task that nobody knows, NotFound
    and other RemoteErrors where it cannot be read."""
    [each] = followed(job, choice, None, news=()).all
    engine, mask, [file] = get_engine(job.cluster), mask_of(job), choice.files
    listed = engine.list_files(InstanceId(each.source.task_id), host=each.source.host)
    log = whole_log(file, listed)
    if not log:
        raise NotFound(f"there is no {file}", remote=job.cluster.name, operation=f"read {file}")
    size = sum(stretch.length for stretch in log)
    pieces = _of_file(engine, each.source, file, size=size, begin=Position(0, log[0].mark))
    return _attachment(_masked_bytes(pieces, mask), name=f"{job.name}-{_short(each.source)}-{file}.log")


def merged_download(job: Job, choice: Choice, *, now: datetime) -> StreamingHttpResponse:
    """All that is kept of these instances, with what happened, by time. Raises LookupError for a task that nobody
    knows."""
    all_ = followed(job, choice, None, news=()).all
    query = LogQuery(choice, limit=LINES, skip=False)
    news, _told = story.news(job, None)
    happened = sorted(told_lines(query, news, all_), key=by_time)
    mask = mask_of(job)
    written = _of_all(get_engine(job.cluster), job.cluster.name, query, all_, mask, now=now)
    lines = merged(masked(happened, mask), written, key=by_time)
    return _attachment((_line_bytes(line) for line in lines), name=f"{job.name}.log")


def _of_file(engine: Engine, source: LogSource, file: str, *, size: int, begin: Position) -> Iterator[bytes]:
    """`size` bytes from `begin`, also where the file is rotated meanwhile."""
    task, position = InstanceId(source.task_id), begin
    try:
        listed = engine.list_files(task, host=source.host)
        while size > 0:
            stretches = first_bytes(
                ahead(whole_log(file, listed), position).stretches, min(size, PIECE_BYTES)
            )[:1]
            if not stretches:
                return
            [part] = stretches
            data = engine.read_file(
                task, host=source.host, file=part.file, offset=part.start, length=part.length
            )
            listed = engine.list_files(task, host=source.host)
            if not is_same(stretches, whole_log(file, listed)):
                continue
            if not data:
                return
            yield data
            size -= len(data)
            position = place_after(stretches, len(data), otherwise=position)
    except RemoteError as exc:
        text = _("The rest could not be read: %(error)s") % {"error": exc.message}
        yield f"\n--- {text} ---\n".encode()


def _of_all(
    engine: Engine, cluster: str, query: LogQuery, all_: Sequence[Followed], mask: Mask, *, now: datetime
) -> Iterator[LogLine]:
    """Step by step until the lines are as late as `now`, or there are no more."""
    read = [replace(each, is_new=True) for each in all_]
    cursor = Cursor(read_at=0)
    stalled = 0
    while stalled < STALLED_STEPS:
        begin = From(is_first=False, turn=cursor.turn)
        step = read_step(engine, cluster, query, read, begin, now=now)
        said, away = notes.of_hosts(read, step.looks, cursor, now=now)
        yield from masked([*(line for line in step.lines if line.time <= now), *said], mask)
        if not step.more or (step.lines and min(line.time for line in step.lines) > now):
            return
        stalled = stalled + 1 if tuple(step.places) == cursor.places else 0
        cursor = Cursor(read_at=0, turn=cursor.turn + 1, places=tuple(step.places), away=away)
        count = len(query.choice.files)
        read = [
            replace(each, places={place.file: place for place in step.places[number : number + count]})
            for number, each in zip(range(0, len(step.places), count), read, strict=True)
        ]


def _masked_bytes(pieces: Iterator[bytes], mask: Mask) -> Iterator[bytes]:
    """Masked by whole lines, as far as lines are of a sensible length."""
    if not mask:
        yield from pieces
        return
    held = b""
    for piece in pieces:
        held += piece
        end = held.rfind(b"\n") + 1
        if not end and len(held) > MAX_LINE_BYTES:
            end = len(held)
        if end:
            yield _mask(held[:end], mask)
        held = held[end:]
    yield _mask(held, mask)


def _mask(data: bytes, mask: Mask) -> bytes:
    return mask(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _line_bytes(line: LogLine) -> bytes:
    at = line.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    where = f"{line.host} {line.file}" if line.source == "log" else f"{line.source} {line.level}"
    return f"{at} {where}  {line.text}\n".encode("utf-8", "replace")


def _attachment(pieces: Iterator[bytes], *, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        _in_threads(pieces, language=get_language() or settings.LANGUAGE_CODE),
        content_type="text/plain; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        },
    )


async def _in_threads(pieces: Iterator[bytes], *, language: str) -> AsyncIterator[bytes]:
    """The pieces, each made in a thread: a plain iterator would be read whole before the first byte is sent."""
    take = sync_to_async(_gathered, thread_sensitive=False)
    while gathered := await take(pieces, language=language):
        yield gathered


def _gathered(pieces: Iterator[bytes], *, language: str) -> bytes:
    """Small pieces together: a thread for each line would take longer than the line. Empty at the end."""
    together: list[bytes] = []
    size = 0
    with override(language):
        for piece in pieces:
            together.append(piece)
            size += len(piece)
            if size >= PIECE_BYTES:
                break
    return b"".join(together)


def _short(source: LogSource) -> str:
    """The end of a task's id that tells it from others, as a part of a file's name."""
    return re.sub(r"[^\w-]+", "-", source.task_id.partition(".instance-")[2] or source.task_id)[-40:]
