"""Asks every cluster's metric source at once, each in its own thread, so that one that hangs holds up no other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from apps.elastic.planning import Sample
from engines.metrics.base import JobSeries, MetricSource, Point, SeriesKey, SourceAway, is_sensible

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 3.0
SINCE_S = 60.0
"""How far back a tick asks: what was handed out already, a source does not hand out again."""
MAX_THREADS = 32

SourceOf = Callable[[int], MetricSource | None]
"""A cluster's source by the cluster's id; None where it has none."""
Answer = Mapping[SeriesKey, Sequence[Point]]


@dataclass(slots=True)
class Samples:
    """What the sources said. `away`: clusters whose source did not answer, and why; `none`: those without one;
    `faults`: jobs of which they said what makes no sense."""

    by_job: dict[int, dict[str, list[Sample]]] = field(default_factory=dict)
    away: dict[int, str] = field(default_factory=dict)
    none: set[int] = field(default_factory=set)
    faults: dict[int, Exception] = field(default_factory=dict)

    def of(self, job_id: int) -> Mapping[str, Sequence[Sample]]:
        return self.by_job.get(job_id, {})


class SampleReader:
    """Keeps the threads, and what has not answered yet: a source is for one caller at a time."""

    def __init__(self, source_of: SourceOf) -> None:
        self._source_of = source_of
        self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="metrics")
        self._late: dict[int, Future[Answer]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def read(self, series: Mapping[int, Sequence[JobSeries]], *, now_s: float) -> Samples:
        """By cluster the series to ask for; what is new of them."""
        found = Samples()
        asked: dict[int, Future[Answer]] = {}
        for cluster_id, wanted in series.items():
            source = self._source_of(cluster_id)
            if source is None:
                found.none.add(cluster_id)
            elif (late := self._late.get(cluster_id)) is not None and not late.done():
                found.away[cluster_id] = f"{source.name}: has not answered for a while"
            else:
                since_s = now_s - SINCE_S
                asked[cluster_id] = self._pool.submit(source.latest, wanted, since_s=since_s, now_s=now_s)
        self._late = {cluster: late for cluster, late in self._late.items() if not late.done()}
        until = time.monotonic() + ANSWER_WITHIN_S
        for cluster_id, future in asked.items():
            done, _late = wait([future], timeout=max(0.0, until - time.monotonic()))
            if not done:
                self._late[cluster_id] = future
                found.away[cluster_id] = f"no answer within {ANSWER_WITHIN_S:.0f} s"
                continue
            try:
                _take(found, future.result())
            except SourceAway as exc:
                found.away[cluster_id] = str(exc)
            except Exception as exc:
                log.exception("metrics_crashed", extra={"cluster": cluster_id})
                found.away[cluster_id] = type(exc).__name__
        return found


def _take(found: Samples, answer: Answer) -> None:
    for (key, metric), points in answer.items():
        try:
            found.by_job.setdefault(int(key), {})[metric] = samples_of(points)
        except Exception as exc:  # noqa: BLE001 - one job's fault, which is told
            found.faults[int(key)] = exc


def samples_of(points: Iterable[Point]) -> list[Sample]:
    """What the decision takes of them."""
    return [Sample(one.time_s, one.mean, one.reporting) for one in points if is_sensible(one.mean)]
