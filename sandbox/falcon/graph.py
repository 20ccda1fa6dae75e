"""Graph: keeps every series, knows endpoints and counters, answers queries.

Source: falcon-plus modules/graph/api/graph.go, modules/graph/store/history.go, modules/api/app/controller/graph.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.codec import decode, encode
from sandbox.falcon.archive import RAW, Archive, Function, row_for
from sandbox.falcon.samples import Sample, is_storable
from sandbox.store import Store

CLUSTER = "falcon"
_KIND = "series"
MOST_SERIES = 100_000
_IN_MEMORY = 3  # points that lastpoint knows of
_SAVE_EVERY = 12  # points; the newest time of a series goes to the index so often


@dataclass(slots=True)
class Series:
    """One counter of one endpoint. `room`: its place in the archive; `time`: of its newest point."""

    id: int
    endpoint_id: int
    endpoint: str
    counter: str
    kind: str
    step: int
    room: int
    time: int | None = None


@dataclass(slots=True)
class _Live:
    """What is in memory of a series: raw points as pushed, newest first."""

    series: Series
    points: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_IN_MEMORY))
    unsaved: int = 0


@dataclass(frozen=True, slots=True)
class LastPoint:
    time: int
    value: float


class Graph:
    """All series. Bounded: beyond `MOST_SERIES` the one that has been silent longest makes room."""

    def __init__(
        self, store: Store, folder: Path, *, disk_flush_s: int, most_series: int = MOST_SERIES
    ) -> None:
        self._store = store
        self._archive = Archive(folder)
        self._disk_flush_s = disk_flush_s
        self._most_series = most_series
        self._series: dict[tuple[str, str], _Live] = {}
        self._by_endpoint: dict[str, dict[str, Series]] = {}
        self._endpoint_ids: dict[str, int] = {}
        self._next_id = 1
        self._free_rooms: list[int] = []
        self._next_room = 0
        for _, record in store.load(CLUSTER, _KIND):
            self._know(decode(Series, record))
        taken = {live.series.room for live in self._series.values()}
        self._free_rooms = [room for room in range(self._next_room) if room not in taken]

    def add(self, sample: Sample) -> None:
        """Keep a point; one that is not newer than the newest is dropped."""
        live = self._series.get((sample.endpoint, sample.counter))
        if live is None or live.series.step != sample.step or live.series.kind != sample.kind:
            if not is_storable(sample):
                return
            live = self._start(sample, live)
        series = live.series
        newest = live.points[0][0] if live.points else series.time
        if newest is not None and sample.time <= newest:
            return
        live.points.appendleft((sample.time, sample.value))
        value = _rate(live) if sample.kind != "GAUGE" else sample.value
        if value is not None:
            self._archive.append(
                series.room, step=series.step, last=series.time, time=sample.time, value=value
            )
            series.time = sample.time
        live.unsaved += 1
        if live.unsaved >= _SAVE_EVERY:
            live.unsaved = 0
            self._save(series)

    def last_point(self, endpoint: str, counter: str) -> LastPoint:
        """From memory; zeros where nothing is known. A COUNTER's is its last rate."""
        live = self._series.get((endpoint, counter))
        if live is None or not live.points:
            return LastPoint(0, 0.0)
        when, value = live.points[0]
        if live.series.kind == "GAUGE":
            return LastPoint(when, value)
        rate = _rate(live)
        return LastPoint(0, 0.0) if rate is None else LastPoint(when, rate)

    def history(
        self, endpoint: str, counter: str, function: Function, *, start: int, end: int
    ) -> tuple[Series | None, Sequence[tuple[int, float | None]]]:
        """The series (None: unknown) and its points in [start, end], None where nothing was pushed."""
        live = self._series.get((endpoint, counter))
        if live is None:
            return None, ()
        series = live.series
        if series.time is None or start >= end or end - start < series.step:
            return series, ()
        age = int(time.time()) - start
        row = row_for(function, step=series.step, age_s=age)
        if age > RAW.points * series.step:
            end = min(end, int(time.time()) - self._disk_flush_s)
        return series, list(
            self._archive.read(series.room, row, step=series.step, last=series.time, start=start, end=end)
        )

    def endpoints(self, patterns: Sequence[str], tags: Sequence[str]) -> list[tuple[int, str]]:
        """(id, endpoint) of those whose name matches every pattern and that have a counter with every tag in it. Tags
        that match nothing are ignored where there is a pattern, as upstream."""
        tests = [re.compile(pattern) for pattern in patterns]
        by_name = {
            name: number
            for name, number in self._endpoint_ids.items()
            if all(test.search(name) for test in tests)
        }
        if not tags:
            return [(number, name) for name, number in by_name.items()]
        tagged = {
            name
            for name, counters in self._by_endpoint.items()
            if all(any(tag in counter for counter in counters) for tag in tags)
        }
        if not tagged and patterns:
            return [(number, name) for name, number in by_name.items()]
        return [(number, name) for name, number in by_name.items() if name in tagged]

    def endpoint_times(self, names: Iterable[str]) -> Iterator[tuple[int, str, int]]:
        """(id, endpoint, newest time) of those that exist."""
        for name in names:
            if name in self._endpoint_ids:
                times = [series.time or 0 for series in self._by_endpoint[name].values()]
                yield self._endpoint_ids[name], name, max(times)

    def counters(self, endpoint_ids: Sequence[int], patterns: Sequence[str]) -> Iterator[Series]:
        """Those of the endpoints whose counter matches every pattern; `!x` must not match."""
        names = [name for name, number in self._endpoint_ids.items() if number in set(endpoint_ids)]
        wanted = [re.compile(pattern) for pattern in patterns if not pattern.startswith("!")]
        unwanted = [re.compile(pattern[1:]) for pattern in patterns if pattern.startswith("!")]
        for name in names:
            for counter, series in self._by_endpoint[name].items():
                if all(test.search(counter) for test in wanted) and not any(
                    test.search(counter) for test in unwanted
                ):
                    yield series

    def forget(self, endpoint: str, counter: str) -> bool:
        """Remove a series. Returns whether it was there."""
        live = self._series.pop((endpoint, counter), None)
        if live is None:
            return False
        series = live.series
        self._free_rooms.append(series.room)
        del self._by_endpoint[endpoint][counter]
        if not self._by_endpoint[endpoint]:
            del self._by_endpoint[endpoint], self._endpoint_ids[endpoint]
        self._store.mark(CLUSTER, _KIND, str(series.id), lambda: None)
        return True

    def counters_of(self, endpoint: str) -> list[str]:
        return list(self._by_endpoint.get(endpoint, ()))

    def save(self) -> None:
        """Mark every series whose newest time the index does not have."""
        for live in self._series.values():
            if live.unsaved:
                self._save(live.series)

    def _start(self, sample: Sample, changed: _Live | None) -> _Live:
        """A new series, or one whose step or kind changed: both are in the file's name, so it starts afresh."""
        if changed is not None:
            self.forget(sample.endpoint, sample.counter)
        elif len(self._series) >= self._most_series:
            oldest = min(self._series.values(), key=lambda live: live.series.time or 0).series
            self.forget(oldest.endpoint, oldest.counter)
        if self._free_rooms:
            room = self._free_rooms.pop()
            self._archive.clear(room)
        else:
            room, self._next_room = self._next_room, self._next_room + 1
        endpoint_id = self._endpoint_ids.get(sample.endpoint, self._next_id)
        series = Series(
            self._next_id, endpoint_id, sample.endpoint, sample.counter, sample.kind, sample.step, room
        )
        self._know(series)
        self._save(series)
        return self._series[(series.endpoint, series.counter)]

    def _know(self, series: Series) -> None:
        self._series[(series.endpoint, series.counter)] = _Live(series)
        self._by_endpoint.setdefault(series.endpoint, {})[series.counter] = series
        self._endpoint_ids[series.endpoint] = series.endpoint_id
        self._next_id = max(self._next_id, series.id + 1)
        self._next_room = max(self._next_room, series.room + 1)

    def _save(self, series: Series) -> None:
        self._store.mark(CLUSTER, _KIND, str(series.id), lambda: encode(series))


def _rate(live: _Live) -> float | None:
    """Per second, from the two newest points; None where there is no such thing, as after a reset of a COUNTER."""
    if len(live.points) < 2:
        return None
    (now, value), (before, earlier) = live.points[0], live.points[1]
    if now - before > 2 * live.series.step:
        return None
    rate = (value - earlier) / (now - before)
    return None if rate < 0 and live.series.kind == "COUNTER" else rate
