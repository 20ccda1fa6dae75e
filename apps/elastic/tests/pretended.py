"""A metric source for tests: says what it was told to say, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from apps.jobs.models import Job
from engines.metrics.base import JobSeries, Metric, Point, SeriesKey, SourceAway


class PretendedSource:
    """`say` puts a sample in for the next question; `away` makes it fail."""

    name = "pretended"
    step_s = 5

    def __init__(self) -> None:
        self.away = False
        self.asked: list[Sequence[JobSeries]] = []
        self._next: dict[SeriesKey, list[Point]] = {}
        self.past: dict[Metric, list[Point]] = {}

    def say(
        self, job: Job, metric: Metric, mean: float, *, at_s: float, reporting: int | None = None
    ) -> None:
        count = job.running if reporting is None else reporting
        point = Point(int(at_s), mean, mean * count, count)
        self._next.setdefault((str(job.pk), metric), []).append(point)

    def ping(self) -> None:
        self._answer()

    def latest(
        self, series: Sequence[JobSeries], *, since_s: float, now_s: float
    ) -> Mapping[SeriesKey, Sequence[Point]]:
        self._answer()
        self.asked.append(series)
        wanted = {(one.key, metric) for one in series for metric in one.metrics}
        return {key: self._next.pop(key) for key in list(self._next) if key in wanted}

    def history(
        self, endpoints: Sequence[str], metric: Metric, *, start_s: int, end_s: int, step_s: int
    ) -> Sequence[Point]:
        self._answer()
        return [point for point in self.past.get(metric, []) if start_s <= point.time_s <= end_s]

    def finest_step_s(self, *, age_s: float) -> int:
        return self.step_s

    def _answer(self) -> None:
        if self.away:
            raise SourceAway(self.name, "no answer")
