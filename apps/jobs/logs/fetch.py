"""Reading many files from many hosts at once, with a bound on bytes and time.

Hosts are asked side by side, the instances of one host one after the other: a host that is away takes up one thread
and one time-out, and is left alone for a moment. What was not reached in time is read the next time.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

from apps.core.breaker import Breaker
from apps.jobs.log_sources import LogSource
from apps.jobs.logs.position import (
    Position,
    Stretch,
    ahead,
    end_of,
    first_bytes,
    is_same,
    last_bytes,
    whole_log,
)
from clients.errors import NotFound, RemoteError, TimedOut, Unavailable
from engines.base import Engine, FileStatus, InstanceId

REQUEST_S = 4.0
"""So long all hosts together may take."""
HOSTS_AT_ONCE = 8
REST_S = 5.0
BEHIND_AT_MOST = 512 * 1024
SKIP_TO = 64 * 1024
"""A log that has grown by more than the first since it was read is followed from the second before its end: nobody
reads that fast."""

_pool = ThreadPoolExecutor(HOSTS_AT_ONCE, thread_name_prefix="logs")
_breakers: dict[str, Breaker] = defaultdict(lambda: Breaker(rest_s=REST_S))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to read on from `position`; None: its end. `length` bytes at most."""

    file: str
    position: Position | None
    length: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read of a file. Of the `whole` bytes that are kept, `behind` stand before it and `ahead` from the
    reader's place on, of which the first `skipped` are left out. `partial`: it may begin inside a line; `more`: the
    file goes on; `lost`: the place was not there any more. Where nothing is read, `place` is where to go on."""

    stretches: tuple[Stretch, ...]
    whole: int
    behind: int
    ahead: int
    place: Position
    more: bool = False
    partial: bool = False
    skipped: int = 0
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What a file held, by its plan. `changed_at`: when it was last written, seconds since 1970."""

    plan: Plan
    data: bytes
    changed_at: float


@dataclass(frozen=True, slots=True)
class Look:
    """One look at an instance: what was read of each file, or why it could not be."""

    reads: Mapping[str, Read]
    error: RemoteError | None = None


def fetch(
    engine: Engine, wanted: Sequence[tuple[LogSource, Sequence[Wanted]]], *, cluster: str, skip: bool
) -> dict[str, Look]:
    """What these instances' files hold, by task id; those that nobody came to in time are left out. `skip`: leave
    out what nobody could read so fast."""
    by_host: dict[str, list[tuple[LogSource, Sequence[Wanted]]]] = defaultdict(list)
    for source, files in wanted:
        by_host[source.host].append((source, files))
    deadline = time.monotonic() + REQUEST_S
    looks: dict[str, Look] = {}
    futures = {
        _pool.submit(_of_host, engine, host, group, cluster=cluster, deadline=deadline, skip=skip): group
        for host, group in by_host.items()
    }
    done, late = wait(futures, timeout=REQUEST_S)
    for future in done:
        looks.update(future.result())
    for future in late:
        future.cancel()
    return looks


def _of_host(
    engine: Engine,
    host: str,
    group: Iterable[tuple[LogSource, Sequence[Wanted]]],
    *,
    cluster: str,
    deadline: float,
    skip: bool,
) -> dict[str, Look]:
    breaker = _breakers[f"{cluster}/{host}"]
    looks: dict[str, Look] = {}
    away: RemoteError | None = None
    if breaker.is_open:
        away = Unavailable(f"{host} did not answer just now", remote=cluster, operation="read logs")
    for source, files in group:
        if away is not None:
            looks[source.task_id] = Look({}, away)
        elif time.monotonic() > deadline:
            break
        else:
            look = _of_instance(engine, source, files, skip=skip)
            if isinstance(look.error, Unavailable | TimedOut):
                away = look.error
                breaker.failed()
            looks[source.task_id] = look
    return looks


def _of_instance(engine: Engine, source: LogSource, files: Iterable[Wanted], *, skip: bool) -> Look:
    task = InstanceId(source.task_id)
    reads: dict[str, Read] = {}
    try:
        listed = engine.list_files(task, host=source.host)
        for wanted in files:
            plan = plan_of(wanted, listed, skip=skip)
            data = b""
            for stretch in plan.stretches:
                piece = engine.read_file(
                    task, host=source.host, file=stretch.file, offset=stretch.start, length=stretch.length
                )
                data += piece
                if len(piece) < stretch.length:
                    break
            reads[wanted.file] = Read(plan, data, _changed_at(wanted.file, listed))
        if any(read.data for read in reads.values()):
            reads = _still_so(reads, engine.list_files(task, host=source.host))
    except NotFound as exc:
        # A file that went between the listing and the reading is one of a folder that is there.
        return Look(reads, None if reads else exc)
    except RemoteError as exc:
        return Look(reads, exc)
    return Look(reads)


def _still_so(reads: Mapping[str, Read], listed: Sequence[FileStatus]) -> dict[str, Read]:
    """What was read of files that have not been rotated meanwhile; the others, whose names were other files' by
    then, are read the next time."""
    return {
        file: read
        if is_same(read.plan.stretches, whole_log(file, listed))
        else Read(read.plan, b"", read.changed_at)
        for file, read in reads.items()
    }


def plan_of(wanted: Wanted, listed: Iterable[FileStatus], *, skip: bool) -> Plan:
    """What to read of a file that is `listed` with its older ones."""
    log = whole_log(wanted.file, listed)
    whole = _length(log)
    if wanted.position is None:
        tail = last_bytes(log, wanted.length)
        behind = whole - _length(tail)
        return Plan(tail, whole, behind, _length(tail), end_of(log), partial=behind > 0)
    found = ahead(log, wanted.position)
    if skip and found.length > BEHIND_AT_MOST:
        tail = last_bytes(found.stretches, min(SKIP_TO, wanted.length))
        return Plan(
            tail,
            whole,
            whole - _length(tail),
            found.length,
            end_of(log),
            partial=True,
            skipped=found.length - _length(tail),
            lost=found.lost,
        )
    head = first_bytes(found.stretches, wanted.length)
    return Plan(
        head,
        whole,
        whole - found.length,
        found.length,
        end_of(log) if found.lost else wanted.position,
        more=found.length > _length(head),
        lost=found.lost,
    )


def _length(stretches: Iterable[Stretch]) -> int:
    return sum(stretch.length for stretch in stretches)


def _changed_at(file: str, listed: Iterable[FileStatus]) -> float:
    times = [each.modified_at.timestamp() for each in listed if each.name in (file, f"{file}.1")]
    return max(times, default=0.0)
