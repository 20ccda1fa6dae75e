"""Which instances a reader of the merged log follows, and from which place on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apps.jobs.log_sources import LogSource, ended_sources, listed_sources, sources_by_id
from apps.jobs.logs.cursor import Cursor, Place, task_key
from apps.jobs.logs.position import Position
from apps.jobs.models import Job

FILES_AT_MOST = 64
"""Files that are followed at once; the newest instances', where a job has more."""
ENDED_FIRST = 8
"""Instances that ended lately whose last words a reader who has just come sees."""
ENDED_KEPT = 16
"""Instances that were read to their end and are remembered, so that late news of them does not read them again."""
ENDED_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """What is read: `files` of which instances; all of them, or `tasks`, of any version or one."""

    files: tuple[str, ...]
    tasks: tuple[str, ...] = ()
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Followed:
    """An instance and how far each of its files was read. `is_new`: it was not followed before."""

    source: LogSource
    places: Mapping[str, Place]
    is_new: bool


@dataclass(frozen=True, slots=True)
class Followers:
    """Those that are followed, of `listed` instances `left_out` not."""

    all: Sequence[Followed]
    left_out: int = 0


def followed(job: Job, choice: Choice, cursor: Cursor | None, *, news: Iterable[LogSource]) -> Followers:
    """Who is followed now: whoever was before, whoever came since (`news` tells of those that have ended already),
    as far as there is room. Raises LookupError for a task that nobody knows."""
    room = FILES_AT_MOST // len(choice.files)
    if choice.tasks:
        return Followers(_of(_chosen(job, choice), cursor)[:room])
    listed = listed_sources(job, version=choice.version)
    if cursor is None:
        sources = listed[:room]
        ended = ended_sources(job, at_most=ENDED_FIRST, version=choice.version)
        sources += ended[: room - len(sources)]
        return Followers(_of(sources, None), left_out=max(0, len(listed) - room))
    known = {place.task for place in cursor.places}
    before = [source for source in listed if task_key(source.task_id) in known]
    come = [source for source in listed if task_key(source.task_id) not in known]
    known |= {task_key(source.task_id) for source in listed}
    ended_new = [
        source
        for source in news
        if task_key(source.task_id) not in known
        and (choice.version is None or source.version == choice.version)
    ]
    open_keys = {place.task for place in cursor.places if not place.ended}
    lost = open_keys - {task_key(source.task_id) for source in before}
    if lost:
        ended = ended_sources(job, at_most=ENDED_LOOKED_AT)
        before += [source for source in ended if task_key(source.task_id) in lost]
    sources = [*before, *(ended_new + come)[: max(0, room - len(before))]]
    left_out = sum(1 for source in listed if source not in sources)
    return Followers(_of(sources, cursor), left_out=left_out)


def read_from(position: Position, choice: Choice) -> Cursor:
    """The cursor of somebody who reads one file of one instance from a place on."""
    places = tuple(Place(task_key(task), file, position) for task in choice.tasks for file in choice.files)
    return Cursor(read_at=0, places=places)


def _chosen(job: Job, choice: Choice) -> list[LogSource]:
    found = {source.task_id: source for source in sources_by_id(job, choice.tasks)}
    if missing := [task for task in choice.tasks if task not in found]:
        raise LookupError(missing[0])
    return [found[task] for task in dict.fromkeys(choice.tasks)]


def _of(sources: Iterable[LogSource], cursor: Cursor | None) -> list[Followed]:
    by_task: dict[str, dict[str, Place]] = {}
    for place in cursor.places if cursor else ():
        by_task.setdefault(place.task, {})[place.file] = place
    found: list[Followed] = []
    for source in sources:
        places = by_task.get(task_key(source.task_id), {})
        found.append(Followed(source, places, is_new=not places))
    return found


def ended_places(cursor: Cursor, followed: Iterable[Followed]) -> list[Place]:
    """The places of instances that were read to their end and are not followed any more: the latest few."""
    still = {task_key(each.source.task_id) for each in followed}
    ended = [place for place in cursor.places if place.ended and place.task not in still]
    return ended[-2 * ENDED_KEPT :]
