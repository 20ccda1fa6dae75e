"""Open-Falcon as a source of metrics.

Each tick asks for the last points of all instances, some thousands in one request: graph answers those from memory,
whereas history is read from files. A tick that comes late would miss points that way: then a short history is read.

Source: falcon-plus modules/graph (v0.3); which settings make 5 s possible: docs/falcon.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from clients.errors import RemoteError
from clients.falcon import FalconGraph, FalconLogin, FalconPortal, FalconToken, FalconTransport
from clients.http import Timeouts
from engines.metrics.base import JobSeries, Metric, Point, SeriesKey, SourceAway
from engines.metrics.gathering import Gathering, resampled

T = TypeVar("T")
R = TypeVar("R")

POINTS_PER_CALL = 2_000
HOSTS_PER_CALL = 100
CALLS_AT_ONCE = 4
_LATE_STEPS = 1.5
_MOST_MISSED_STEPS = 12
_AHEAD_STEPS = 2
"""Samples further ahead are of a host whose clock is wrong, and do not count: beside them all others would be old."""
_RAW_POINTS = 720
_RECENT_POINTS = 700
_ROWS: Final = ((720, 1), (576, 5), (504, 20), (766, 180), (730, 720))
"""(points kept, steps for each) of graph's archives."""
_TIMEOUTS = Timeouts(connect_s=1.0, read_s=4.0, total_s=8.0)


COUNTERS: Mapping[Metric, str] = {
    "cpu": "cpu.busy",
    "memory": "mem.memused.percent",
    "qps": "qps",
    "latency": "latency",
}
"""Under which name each metric is pushed (docs/falcon.md)."""


class FalconSource:
    """One Falcon behind `engines.metrics.base.MetricSource`."""

    def __init__(
        self,
        url: str,
        access: FalconToken | FalconLogin,
        *,
        name: str,
        step_s: int = 5,
        timeouts: Timeouts = _TIMEOUTS,
        ca_bundle: str | None = None,
    ) -> None:
        """`step_s`: the step of what is pushed. Raises ValueError for an address that is none."""
        transport = FalconTransport(url, access, name=name, timeouts=timeouts, ca_bundle=ca_bundle)
        self._portal = FalconPortal(transport)
        self._graph = FalconGraph(transport)
        self._name = name
        self._step_s = step_s
        self._gatherings: dict[SeriesKey, Gathering] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def step_s(self) -> int:
        return self._step_s

    def ping(self) -> None:
        self._asking(self._portal.ping)

    def latest(
        self, series: Sequence[JobSeries], *, since_s: float, now_s: float
    ) -> Mapping[SeriesKey, Sequence[Point]]:
        """See the port. Takes one call for every 2,000 instances' metrics, four of them at a time."""
        gatherings = self._known(series, since_s)
        owners = self._owners(series, gatherings)
        late = {key: gathering for key, gathering in gatherings.items() if self._is_late(gathering, now_s)}
        if late:
            missed_from = int(min(gathering.asked_s or now_s for gathering in late.values())) - self._step_s
            missing = [job for job in series if any((job.key, metric) in late for metric in job.metrics)]
            self._catch_up(missing, owners, start_s=missed_from, end_s=int(now_s))
        newest_s = now_s + _AHEAD_STEPS * self._step_s
        for answers in self._each(self._graph.last_points, _chunks(owners, POINTS_PER_CALL)):
            for last in answers:
                owner = owners.get((last.endpoint, last.counter))
                if owner is not None and last.time_s <= newest_s:
                    owner.add(last.endpoint, last.time_s, last.value)
        self._keep(gatherings, now_s=now_s)
        found = {}
        for job in series:
            for metric in job.metrics:
                points = gatherings[(job.key, metric)].ready(job.endpoints, now_s=now_s)
                if points:
                    found[(job.key, metric)] = points
        return found

    def history(
        self, endpoints: Sequence[str], metric: Metric, *, start_s: int, end_s: int, step_s: int
    ) -> Sequence[Point]:
        """See the port. What is older than the raw points is Falcon's own average."""
        values: dict[str, dict[int, float]] = {endpoint: {} for endpoint in endpoints}
        coarsest = self._step_s
        for begin, end in self._windows(start_s, end_s):

            def ask(some: Sequence[str], begin: int = begin, end: int = end) -> list[_History]:
                found = self._graph.history(some, [COUNTERS[metric]], start_s=begin, end_s=end)
                return [_History(row.endpoint, row.points) for row in found]

            for rows in self._each(ask, _chunks(endpoints, HOSTS_PER_CALL)):
                for row in rows:
                    coarsest = max(coarsest, row.spacing_s)
                    known = values.setdefault(row.endpoint, {})
                    known.update((at, value) for at, value in row.points if value is not None)
        spacing = -(-max(step_s, coarsest) // step_s) * step_s
        return resampled((sorted(known.items()) for known in values.values()), step_s=spacing)

    def finest_step_s(self, *, age_s: float) -> int:
        """By graph's archives: at 5 s raw points reach back an hour, averages of 25 s four hours."""
        for points, steps in _ROWS:
            if age_s <= points * steps * self._step_s:
                return steps * self._step_s
        return _ROWS[-1][1] * self._step_s

    def _known(self, series: Sequence[JobSeries], since_s: float) -> dict[SeriesKey, Gathering]:
        """The gatherings of what is asked, new ones for new jobs."""
        keys = ((job.key, metric) for job in series for metric in job.metrics)
        return {key: self._gatherings.get(key) or Gathering(self._step_s, since_s) for key in keys}

    def _keep(self, gatherings: Mapping[SeriesKey, Gathering], *, now_s: float) -> None:
        """They were asked for: only now, as a tick that failed has to be caught up with. The others stay for a while,
        since between two ticks a few jobs are asked for alone; those of jobs that are gone are dropped."""
        for gathering in gatherings.values():
            gathering.asked_s = now_s
        self._gatherings |= gatherings
        if len(self._gatherings) > len(gatherings):
            since_s = now_s - _MOST_MISSED_STEPS * self._step_s
            self._gatherings = {
                key: gathering
                for key, gathering in self._gatherings.items()
                if gathering.asked_s is not None and gathering.asked_s >= since_s
            }

    def _owners(
        self, series: Sequence[JobSeries], gatherings: Mapping[SeriesKey, Gathering]
    ) -> dict[tuple[str, str], Gathering]:
        """Whose sample a Falcon counter is."""
        return {
            (endpoint, COUNTERS[metric]): gatherings[(job.key, metric)]
            for job in series
            for metric in job.metrics
            for endpoint in job.endpoints
        }

    def _is_late(self, gathering: Gathering, now_s: float) -> bool:
        """Whether points may have come and gone unseen. After a long absence nobody needs them any more."""
        if gathering.asked_s is None:
            return False
        passed = now_s - gathering.asked_s
        return _LATE_STEPS * self._step_s < passed <= _MOST_MISSED_STEPS * self._step_s

    def _catch_up(
        self,
        series: Sequence[JobSeries],
        owners: Mapping[tuple[str, str], Gathering],
        *,
        start_s: int,
        end_s: int,
    ) -> None:
        metrics = sorted({metric for job in series for metric in job.metrics})
        names = [COUNTERS[metric] for metric in metrics]
        endpoints = list(dict.fromkeys(endpoint for job in series for endpoint in job.endpoints))

        def ask(some: Sequence[str]) -> list[tuple[str, str, int, float]]:
            return [
                (row.endpoint, row.counter, at, value)
                for row in self._graph.history(some, names, start_s=start_s, end_s=end_s)
                for at, value in row.points
                if value is not None
            ]

        for rows in self._each(ask, _chunks(endpoints, HOSTS_PER_CALL)):
            for endpoint, name, at, value in rows:
                if owner := owners.get((endpoint, name)):
                    owner.add(endpoint, at, value)

    def _windows(self, start_s: int, end_s: int) -> list[tuple[int, int]]:
        """What is long ago and what is recent, apart: a query for the former does not see the newest."""
        now = int(time.time())
        recent = now - _RECENT_POINTS * self._step_s
        if now - start_s <= _RAW_POINTS * self._step_s or end_s <= recent:
            return [(start_s, end_s)]
        return [(start_s, recent), (recent, end_s)]

    def _each(self, ask: Callable[[Sequence[T]], R], chunks: Sequence[Sequence[T]]) -> list[R]:
        """Several calls at a time."""
        if len(chunks) <= 1:
            return self._asking(lambda: [ask(chunk) for chunk in chunks])
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            calls = [pool.submit(copy_context().run, ask, chunk) for chunk in chunks]
            return self._asking(lambda: [call.result() for call in calls])

    def _asking(self, ask: Callable[[], R]) -> R:
        try:
            return ask()
        except RemoteError as exc:
            raise SourceAway(self._name, exc.message) from exc


@dataclass(frozen=True, slots=True)
class _History:
    endpoint: str
    points: Sequence[tuple[int, float | None]]

    @property
    def spacing_s(self) -> int:
        return self.points[1][0] - self.points[0][0] if len(self.points) > 1 else 0


def _chunks(items: Iterable[T], size: int) -> list[list[T]]:
    left = iter(items)
    return list(iter(lambda: list(islice(left, size)), []))
