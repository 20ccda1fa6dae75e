"""The merged log of a job: what its instances wrote and what happened to it, by time, a page at a time.

Nothing is kept between two pages but the cursor, which the reader brings along: any web process goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from heapq import merge as merged

from apps.core.engines import get_engine
from apps.jobs.log_sources import LogSource
from apps.jobs.logs import notes, story
from apps.jobs.logs.cursor import Cursor
from apps.jobs.logs.entries import LogLine, entry_of
from apps.jobs.logs.followed import Followed, ended_places, followed
from apps.jobs.logs.reading import From, LogQuery, read_step
from apps.jobs.masking import Mask, mask_of
from apps.jobs.models import Job
from clients.errors import NotFound


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines by time, and the cursor to read on with. `more`: there are further ones already. `sources`: the
    instances that are followed, `left_out` being too many; `unreadable`: ids of those whose files nobody has."""

    lines: Sequence[LogLine]
    cursor: Cursor
    more: bool
    sources: Sequence[LogSource]
    left_out: int
    unreadable: frozenset[str]


def read_page(job: Job, query: LogQuery, cursor: Cursor | None, *, now: datetime) -> LogPage:
    """The end of the log; with a cursor what came since. Raises LookupError for a task that nobody knows."""
    news, told = story.news(job, cursor)
    followers = followed(job, query.choice, cursor, news=news.ended)
    mask = mask_of(job)
    begin = From(is_first=cursor is None, read_at=_read_at(cursor, now), turn=cursor.turn if cursor else 0)
    step = read_step(get_engine(job.cluster), job.cluster.name, query, followers.all, begin, now=now)
    happened = sorted(told_lines(query, news, followers.all), key=by_time) if query.events else []
    hosts, away = notes.of_hosts(followers.all, step.looks, cursor, now=now)
    said = [*hosts, *notes.of_folders(query.choice, step.looks, followers.all, now=now)]
    if cursor is None and followers.left_out:
        said.append(notes.left_out(followers, now=now))
    kept = ended_places(cursor, followers.all) if cursor else []
    return LogPage(
        lines=masked([*merged(happened, step.lines, key=by_time), *said], mask),
        cursor=Cursor(
            read_at=int(now.timestamp() * 1000),
            turn=(begin.turn + 1) % 1_000_000,
            places=(*kept, *step.places),
            away=away,
            **told,
        ),
        more=step.more,
        sources=[each.source for each in followers.all],
        left_out=followers.left_out,
        unreadable=frozenset(task for task, look in step.looks.items() if isinstance(look.error, NotFound)),
    )


def told_lines(query: LogQuery, news: story.News, all_: Iterable[Followed]) -> list[LogLine]:
    """What happened, as far as it belongs to what was asked for."""
    choice = query.choice
    told = [*news.told(), *(line for each in all_ if each.is_new for line in story.started(each.source))]
    return [
        entry_of(line)
        for line in told
        if story.of_interest(line, tasks=choice.tasks, version=choice.version, since=query.since)
    ]


def masked(lines: Sequence[LogLine], mask: Mask) -> list[LogLine]:
    """Without the values of secrets; all at once, which is a hundred times faster than one by one."""
    if not mask or not lines:
        return list(lines)
    texts = mask("\n".join(line.text for line in lines)).split("\n")
    if len(texts) != len(lines):  # a value of several lines was printed as it is
        texts = [mask(line.text) for line in lines]
    return [replace(line, text=text) for line, text in zip(lines, texts, strict=True)]


def by_time(line: LogLine) -> datetime:
    return line.order or line.time


def _read_at(cursor: Cursor | None, now: datetime) -> datetime | None:
    """A cursor comes from outside: a time to come is no time."""
    if cursor is None or not cursor.read_at:
        return None
    return datetime.fromtimestamp(min(cursor.read_at / 1000, now.timestamp()), UTC)
