"""Prometheus as a source of metrics: one expression for each metric, for all tasks at once, told apart by a label.

The expressions can be set; the usual ones speak of cAdvisor's container metrics and of the usual HTTP ones. In them
`$label` is the label that holds the task's id, `$match` the selector of the tasks, `$window` a range of some scrapes.
They take values from a range rather than the last one, which Prometheus would go on repeating for 5 minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from string import Template
from typing import TypeVar

from clients.errors import RemoteError
from clients.http import Credentials, Timeouts
from clients.prometheus import PrometheusApi
from engines.metrics.base import JobSeries, Metric, Point, SeriesKey, SourceAway, is_sensible
from engines.metrics.gathering import point, resampled

R = TypeVar("R")

QUERIES: Mapping[Metric, str] = {
    "cpu": "100 * sum by ($label) (rate(container_cpu_usage_seconds_total{$match}[$window]))"
    " / sum by ($label) (last_over_time(container_spec_cpu_shares{$match}[$window]) / 1024)",
    "memory": "100 * sum by ($label) (last_over_time(container_memory_working_set_bytes{$match}[$window]))"
    " / sum by ($label) (last_over_time(container_spec_memory_limit_bytes{$match}[$window]))",
    "qps": "sum by ($label) (rate(http_requests_total{$match}[$window]))",
    "latency": "1000 * sum by ($label) (rate(http_request_duration_seconds_sum{$match}[$window]))"
    " / sum by ($label) (rate(http_request_duration_seconds_count{$match}[$window]))",
}
"""Mesos gives a container 1,024 CPU shares for each CPU that its task asked for."""
LABEL = "task_id"
WORDS = ("label", "match", "window")
_NAMED_AT_MOST = 200
_WINDOW_STEPS = 4
_LOOK_BACK_STEPS = 12
_SETTLED_STEPS = 3
_MOST_POINTS = 10_000
_TIMEOUTS = Timeouts(connect_s=1.0, read_s=4.0, total_s=8.0)


class PrometheusSource:
    """One Prometheus behind `engines.metrics.base.MetricSource`."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        step_s: int = 5,
        label: str = LABEL,
        queries: Mapping[Metric, str] = QUERIES,
        credentials: Credentials | None = None,
        token: str | None = None,
        timeouts: Timeouts = _TIMEOUTS,
        ca_bundle: str | None = None,
    ) -> None:
        """`step_s`: the scrape interval. Raises ValueError for an address, label or expression that is none."""
        check_label(label)
        for query in queries.values():
            check_query(query)
        self._api = PrometheusApi(
            url, name=name, credentials=credentials, token=token, timeouts=timeouts, ca_bundle=ca_bundle
        )
        self._name = name
        self._step_s = step_s
        self._label = label
        self._queries = queries
        self._handed_s: dict[SeriesKey, float] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def step_s(self) -> int:
        return self._step_s

    def ping(self) -> None:
        self._asking(self._api.ping)

    def latest(
        self, series: Sequence[JobSeries], *, since_s: float, now_s: float
    ) -> Mapping[SeriesKey, Sequence[Point]]:
        """See the port. Takes one call for each metric, however many jobs there are."""
        end_s = int(now_s) // self._step_s * self._step_s
        handed = {
            (job.key, metric): max(self._handed_s.get((job.key, metric), since_s), end_s - self._look_back_s)
            for job in series
            for metric in job.metrics
        }
        found: dict[SeriesKey, Sequence[Point]] = {}
        for metric in sorted({metric for _, metric in handed}):
            jobs = [job for job in series if metric in job.metrics]
            start_s = min(handed[(job.key, metric)] for job in jobs)
            by_task = self._values(metric, jobs, start_s=int(start_s) + 1, end_s=end_s, step_s=self._step_s)
            for job in jobs:
                points = _put_together(job, by_task, since_s=handed[(job.key, metric)])
                if points:
                    found[(job.key, metric)] = points
                    handed[(job.key, metric)] = points[-1].time_s
        # What has not come by then does not come: else one job without samples had all be asked for far back each time.
        settled_s = end_s - _SETTLED_STEPS * self._step_s
        handed = {key: max(at_s, settled_s) for key, at_s in handed.items()}
        # Between two ticks a few jobs are asked for alone: the others stay as long as it makes a difference.
        begins_s = end_s - self._look_back_s
        kept = {key: at_s for key, at_s in self._handed_s.items() if at_s > begins_s}
        self._handed_s = kept | handed
        return found

    def history(
        self, endpoints: Sequence[str], metric: Metric, *, start_s: int, end_s: int, step_s: int
    ) -> Sequence[Point]:
        """See the port. Of each step the value at its end is taken, as rates over a window already are means. Tasks are
        asked for by name, some at a time: days of every task of the cluster would be too much."""
        step_s = max(step_s, -(-(end_s - start_s) // _MOST_POINTS))
        found: list[Sequence[tuple[float, float]]] = []
        for first in range(0, len(endpoints), _NAMED_AT_MOST):
            some = JobSeries("", tuple(endpoints[first : first + _NAMED_AT_MOST]), (metric,))
            found += self._values(metric, [some], start_s=start_s, end_s=end_s, step_s=step_s).values()
        return resampled(found, step_s=step_s)

    def finest_step_s(self, *, age_s: float) -> int:
        """Prometheus keeps all it has as it was scraped, for as long as it is told to."""
        return self._step_s

    @property
    def _look_back_s(self) -> int:
        return _LOOK_BACK_STEPS * self._step_s

    def _values(
        self, metric: Metric, jobs: Sequence[JobSeries], *, start_s: int, end_s: int, step_s: int
    ) -> Mapping[str, Sequence[tuple[float, float]]]:
        """Each task's values at multiples of the step."""
        start_s = -(-start_s // step_s) * step_s
        if start_s > end_s:
            return {}
        tasks = [task for job in jobs for task in job.endpoints]
        if not tasks:
            return {}
        expression = _filled(
            self._queries[metric],
            label=self._label,
            match=_match(self._label, tasks),
            window=f"{_WINDOW_STEPS * max(step_s, self._step_s)}s",
        )
        rows = self._asking(
            lambda: self._api.query_range(expression, start_s=start_s, end_s=end_s, step_s=step_s)
        )
        return {task: row.points for row in rows if (task := row.labels.get(self._label))}

    def _asking(self, ask: Callable[[], R]) -> R:
        try:
            return ask()
        except RemoteError as exc:
            raise SourceAway(self._name, exc.message) from exc


def check_label(label: str) -> None:
    """Raises ValueError for what cannot be a label's name."""
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", label):
        raise ValueError(f"not a label: {label}")


def check_query(query: str) -> None:
    """Raises ValueError for an unknown `$word`, and for an expression without `$match`, which would be of everything
    that Prometheus has. Whether it is an expression at all, only Prometheus can say."""
    _filled(query, **dict.fromkeys(WORDS, ""))
    if "match" not in Template(query).get_identifiers():
        raise ValueError(f"no $match in {query}")


def _put_together(
    job: JobSeries, by_task: Mapping[str, Sequence[tuple[float, float]]], *, since_s: float
) -> list[Point]:
    moments: dict[int, list[float]] = {}
    for task in job.endpoints:
        for time_s, value in by_task.get(task, ()):
            if time_s > since_s and is_sensible(value):
                moments.setdefault(int(time_s), []).append(value)
    return [point(time_s, moments[time_s]) for time_s in sorted(moments)]


def _match(label: str, tasks: Sequence[str]) -> str:
    """A few tasks by name; of many it is quicker to take all there are."""
    if len(tasks) > _NAMED_AT_MOST:
        return f'{label}!=""'
    names = "|".join(re.escape(task).replace("\\", "\\\\") for task in tasks)
    return f'{label}=~"{names}"'


def _filled(query: str, **words: str) -> str:
    """Raises ValueError for an unknown `$word`."""
    try:
        return Template(query).substitute(words)
    except KeyError as exc:
        raise ValueError(f"unknown word {exc} in {query}") from exc
