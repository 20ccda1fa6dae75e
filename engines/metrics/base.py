"""The port 'how loaded is this job': what the autoscaler asks of any monitoring system, in Ocean's own words.

Metrics are Ocean's four (`Metric`); a source knows under which names its system keeps them. Values are of a job: an
instance's samples of the same moment are put together to one `Point`, which says how many instances it speaks for.
Nothing here knows Django, HTTP or a clock. Times are whole seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Metric: TypeAlias = Literal["cpu", "memory", "qps", "latency"]
"""`cpu` and `memory`: % of what the job asked for (above 100 where it got more); `qps`: requests a second;
`latency`: milliseconds."""
METRICS: tuple[Metric, ...] = ("cpu", "memory", "qps", "latency")

SENSIBLE_MAX = 1e15
"""A larger value, a negative one or none at all (NaN) is an instance's nonsense, as if it had sent nothing."""

SeriesKey: TypeAlias = tuple[str, Metric]
"""(`JobSeries.key`, metric)."""


@dataclass(frozen=True, slots=True)
class JobSeries:
    """What is asked about one job. `key`: the caller's own name for it; `endpoints`: its running instances (Mesos task
    ids, under which their samples are kept)."""

    key: str
    endpoints: tuple[str, ...]
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A job's metric at one moment: `mean` and `total` of the `reporting` instances (at least 1) that had a sample."""

    time_s: int
    mean: float
    total: float
    reporting: int


def is_sensible(value: float) -> bool:
    """Whether an instance's sample may count."""
    return 0 <= value <= SENSIBLE_MAX


class SourceAway(Exception):
    """The monitoring system did not answer, or not sensibly. `source` names it, `reason` says what was wrong."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source = source
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


class MetricSource(Protocol):
    """One cluster's monitoring. Every method may raise SourceAway.

    For one caller at a time: `latest` may remember what it has seen and handed out.
    """

    @property
    def name(self) -> str:
        """What people call it: "falcon staging"."""

    @property
    def step_s(self) -> int:
        """How far apart samples are."""

    def ping(self) -> None:
        """Return when it answers and accepts who we are."""

    def latest(
        self, series: Sequence[JobSeries], *, since_s: float, now_s: float
    ) -> Mapping[SeriesKey, Sequence[Point]]:
        """What is newer than `since_s` and has not been handed out yet, oldest first; a key without news is left out.

        A moment is handed out once: as soon as all endpoints have reported it, and otherwise when it is old enough
        (one step more) that those who have not will hardly do so. Meant to be called every step, with all jobs.
        """

    def history(
        self, endpoints: Sequence[str], metric: Metric, *, start_s: int, end_s: int, step_s: int
    ) -> Sequence[Point]:
        """One job's metric from `start_s` to `end_s`, oldest first, one point for each `step_s` (a multiple of it
        where the system keeps no finer values so long ago). Moments without samples are left out."""

    def finest_step_s(self, *, age_s: float) -> int:
        """The finest spacing that the system still has of so long ago."""
