"""What is to be said of the reading itself: in the stream, where it matters, in the active language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.jobs.log_sources import LogSource
from apps.jobs.logs.cursor import Cursor, task_key
from apps.jobs.logs.entries import LogLine
from apps.jobs.logs.fetch import Look
from apps.jobs.logs.followed import Choice, Followed, Followers
from apps.jobs.logs.pieces import FilePiece
from clients.errors import NotFound


def of_file(piece: FilePiece, *, at: datetime) -> Iterator[LogLine]:
    """That the file was rotated away under its reader, that some of it was left out."""
    values = {"file": piece.file, "host": piece.source.host or "–"}
    if piece.read.plan.lost:
        text = _("%(file)s was rotated: it begins anew here, what stood between is not there any more.")
        yield _note(text % values, piece.source, file=piece.file, at=at)
    if piece.skipped:
        text = _("%(bytes)s of %(file)s were skipped: it grows faster than it is read.")
        values["bytes"] = filesizeformat(piece.skipped)
        yield _note(text % values, piece.source, file=piece.file, at=at)


def of_hosts(
    followed: Iterable[Followed], looks: Mapping[str, Look], cursor: Cursor | None, *, now: datetime
) -> tuple[list[LogLine], tuple[str, ...]]:
    """Which hosts are away since now, and which answer again; with the keys of those that are away."""
    said = set(cursor.away) if cursor else set()
    away: dict[str, LogLine] = {}
    back: dict[str, LogLine] = {}
    for each in followed:
        look = looks.get(each.source.task_id)
        host = each.source.host
        if look is None:
            continue
        if look.error is not None and not isinstance(look.error, NotFound):
            text = _("%(host)s cannot be asked for logs now (%(error)s); the others are read on.")
            values = {"host": host or "–", "error": look.error.message}
            away.setdefault(task_key(host), _note(text % values, each.source, at=now))
        elif task_key(host) in said:
            text = _("%(host)s can be asked for logs again.") % {"host": host}
            back.setdefault(task_key(host), _note(text, each.source, at=now, level="info"))
    lines = [line for key, line in away.items() if key not in said]
    return [*lines, *back.values()], tuple(sorted({*away, *(said - back.keys())}))


def of_folders(
    choice: Choice, looks: Mapping[str, Look], followed: Iterable[Followed], *, now: datetime
) -> list[LogLine]:
    """That an instance's folder is not there, where somebody asked for this very instance, once."""
    text = _("%(host)s keeps no files of this instance (any more).")
    return [
        _note(text % {"host": each.source.host or "–"}, each.source, at=now)
        for each in followed
        if choice.tasks and each.is_new
        if (look := looks.get(each.source.task_id)) and isinstance(look.error, NotFound)
    ]


def left_out(followers: Followers, *, now: datetime) -> LogLine:
    """That the job has more instances than are followed."""
    text = ngettext(
        "%(count)s older instance is left out: the newest %(followed)s are followed. Choose one to read it.",
        "%(count)s older instances are left out: the newest %(followed)s are followed. Choose one to read it.",
        followers.left_out,
    )
    values = {"count": followers.left_out, "followed": len(followers.all)}
    return LogLine(time=now, source="event", level="warning", text=text % values)


def _note(text: str, source: LogSource, *, at: datetime, file: str = "", level: str = "warning") -> LogLine:
    return LogLine(
        time=at,
        source="event",
        level=level,
        text=text,
        task_id=source.task_id,
        host=source.host,
        version=source.version,
        file=file,
    )
