"""What runs, what ran and how long it took. Stored, but for the measures, which count since the start as upstream's do.

A real Chronos shows a job's runs only where it has a Cassandra; this one always does.
Source: JobStats.scala, JobMetrics.scala, TaskStat.scala.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime

from sandbox.chronos.runs import Outcome, Run
from sandbox.codec import decode, encode
from sandbox.model import COMPLETED_TASKS_KEPT, Task
from sandbox.store import Store

_KIND = "chronos-run"
MEASURES_KEPT = 1000


class History:
    """`on_collected(task)` is told of a task that nobody can look up any more."""

    def __init__(self, store: Store, cluster: str) -> None:
        self._store = store
        self._cluster = cluster
        self._running: dict[str, dict[str, Run]] = {}
        self._by_task: dict[str, Run] = {}
        self._ended: deque[Run] = deque()
        self._measures: dict[str, deque[float]] = {}
        self.on_collected: Callable[[Task], None] = lambda task: None
        runs = sorted((decode(Run, record) for _, record in store.load(cluster, _KIND)), key=_began)
        for run in runs:
            if run.ended is None:
                self._track(run)
            else:
                self._ended.append(run)

    def begin(self, run: Run) -> None:
        self._track(run)
        self.mark(run)

    def end(self, run: Run, outcome: Outcome, *, now: datetime) -> None:
        """Keep how a run ended; the oldest of all is forgotten when there are too many."""
        run.ended, run.outcome = now, outcome
        self._by_task.pop(run.task.id, None)
        running = self._running.get(run.job, {})
        running.pop(run.task.id, None)
        if not running:
            self._running.pop(run.job, None)
        if len(self._ended) >= COMPLETED_TASKS_KEPT:
            oldest = self._ended.popleft()
            self._store.mark(self._cluster, _KIND, oldest.task.id, lambda: None)
            self.on_collected(oldest.task)
        self._ended.append(run)
        self.mark(run)

    def mark(self, run: Run) -> None:
        """The run or its task changed."""
        self._store.mark(self._cluster, _KIND, run.task.id, lambda: encode(run))

    def running(self, job: str) -> list[Run]:
        return list(self._running.get(job, {}).values())

    def all_running(self) -> list[Run]:
        return list(self._by_task.values())

    def running_as(self, task: Task) -> Run | None:
        """The run that this task is; None once it has ended."""
        return self._by_task.get(task.id)

    def ended(self) -> Iterator[Run]:
        """The oldest first."""
        return iter(self._ended)

    def of(self, job: str) -> list[Run]:
        """The job's runs, those that have not ended first, then the newest."""
        return [*self.running(job), *(run for run in reversed(self._ended) if run.job == job)]

    def measure(self, job: str, seconds: float) -> None:
        """A success took so long, from when it was due."""
        self._measures.setdefault(job, deque(maxlen=MEASURES_KEPT)).append(seconds)

    def measures(self, job: str) -> list[float]:
        """In rising order."""
        return sorted(self._measures.get(job, ()))

    def _track(self, run: Run) -> None:
        self._running.setdefault(run.job, {})[run.task.id] = run
        self._by_task[run.task.id] = run


def _began(run: Run) -> datetime:
    return run.started
