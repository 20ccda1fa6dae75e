"""Which run is due when, and what follows from how it ended. No clock and no process: both are handed in.

Whoever drives it calls `tick` at the time that the last `tick` named, and `ended` when a task is over. What waits for
room, what is to be tried again and what runs is stored, so that a restart goes on with it; the counters by which
parents release their dependents live in memory only, as upstream's do.
Source: JobScheduler.scala, TaskManager.scala, JobGraph.scala.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

from sandbox.chronos.history import History
from sandbox.chronos.jobs import Job, Line
from sandbox.chronos.registry import Registry
from sandbox.chronos.runs import Attempt, Outcome, Run
from sandbox.chronos.schedule import (
    DEFAULT_EPSILON,
    Due,
    Schedule,
    due_in_2,
    due_in_3,
    next_start,
    read_duration,
    read_schedule,
)
from sandbox.codec import decode, encode
from sandbox.model import Task
from sandbox.store import Store
from sandbox.timestamps import format_timestamp

_KIND = "chronos-attempt"
LOOKED_BEHIND = 50
"""Attempts that are tried behind the first that found no room."""


class Executor(Protocol):
    """Puts tasks on hosts."""

    def start(self, attempt: Attempt, job: Job) -> Task | None:
        """Begin; None while no host has room for it. `JobScheduler.ended` follows."""

    def kill(self, task: Task) -> None: ...


class JobScheduler:
    def __init__(
        self, registry: Registry, history: History, store: Store, cluster: str, *, line: Line, retry_s: float
    ) -> None:
        """`line`: whose rules decide what is due; the API serves both all the same."""
        self._registry = registry
        self._history = history
        self._store = store
        self._cluster = cluster
        self._is_2 = line.major == 2
        self._retry = timedelta(seconds=retry_s)
        self._planned: dict[str, datetime] = {}
        self._calendar: list[tuple[datetime, str]] = []
        self._queue: dict[str, Attempt] = {}
        self._retries: dict[str, Attempt] = {}
        self._edges: Counter[tuple[str, str]] = Counter()
        self.executor: Executor
        self.on_news: Callable[[], None] = lambda: None
        for name in registry.names():
            self._plan(name, None)
        for _, record in store.load(cluster, _KIND):
            attempt = decode(Attempt, record)
            (self._queue if attempt.not_before is None else self._retries)[attempt.job] = attempt

    # What clients do

    def changed(self, name: str) -> None:
        """The job is new, or another than before; what runs goes on."""
        self._plan(name, None)
        self.on_news()

    def forget(self, name: str) -> None:
        """The job is gone: nothing of it is to run any more."""
        self._planned.pop(name, None)
        self._drop(self._queue, name)
        self._drop(self._retries, name)
        for run in self._history.running(name):
            run.killed = True
            self.executor.kill(run.task)
        for edge in [edge for edge in self._edges if name in edge]:
            del self._edges[edge]
        for other in self._registry.names():  # children that took over its schedule
            if other not in self._planned:
                self._plan(other, None)
        self.on_news()

    def run_now(self, job: Job, arguments: str, *, now: datetime) -> None:
        """One run outside the schedule, which stays as it is. Nothing happens for a disabled job."""
        if not job["disabled"]:
            self._enqueue(Attempt(job["name"], now, arguments=arguments))

    def kill(self, name: str) -> None:
        """End what runs; no counter changes."""
        for run in self._history.running(name):
            run.killed = True
            self.executor.kill(run.task)

    def succeed(self, name: str, *, now: datetime) -> None:
        """Count a success that some other program knows of."""
        self._succeeded(name, now=now)

    # What time and tasks do

    def tick(self, now: datetime) -> datetime | None:
        """Queue what is due and launch what fits. Returns when something is due next."""
        while self._calendar and self._calendar[0][0] <= now:
            at, name = heapq.heappop(self._calendar)
            if self._planned.get(name) == at:
                self._take_due(name, now=now)
        for attempt in [retry for retry in self._retries.values() if (retry.not_before or now) <= now]:
            self._drop(self._retries, attempt.job)
            self._enqueue(Attempt(attempt.job, attempt.due, attempt.number, attempt.arguments))
        self._launch(now)
        waits = [retry.not_before for retry in self._retries.values() if retry.not_before]
        return min([*waits, *(at for at, _ in self._calendar[:1])], default=None)

    def ended(self, run: Run, outcome: Outcome, *, now: datetime) -> None:
        """A run's task is over."""
        self._history.end(run, outcome, now=now)
        job = self._registry.get(run.job)
        if job is None:
            return
        if outcome is Outcome.SUCCESS:
            self._history.measure(run.job, (now - run.attempt.due).total_seconds())
            self._succeeded(run.job, now=now)
        elif outcome is Outcome.FAIL and run.attempt.number < job["retries"]:
            self._keep(self._retries, self._again(run.attempt, now))
        elif outcome is Outcome.FAIL:
            self._failed(job, now=now)
        self._disable_exhausted(run.job)
        self.on_news()

    def state(self, name: str) -> str:
        """What the job does now: `idle`, `queued`, `N running`."""
        running = len(self._history.running(name))
        if running:
            return f"{running} running"
        return "queued" if name in self._queue else "idle"

    # Behind it

    def _take_due(self, name: str, *, now: datetime) -> None:
        job = self._registry.get(name)
        del self._planned[name]
        if job is None or job["disabled"] or "schedule" not in job:
            return
        schedule = read_schedule(job["schedule"], job["scheduleTimeZone"])
        due, left = self._due(job, schedule, now=now)
        left = due.left if due is not None else left
        if left != schedule:
            self._registry.change(name, schedule=str(left))
        if due is not None and (job.get("concurrent") or not self._history.running(name)):
            self._enqueue(Attempt(name, due.at))
        if due is None and left.exhausted and self._is_2:
            self._registry.delete(name)
            self.forget(name)
            return
        self._plan(name, left)
        if due is None:
            self._disable_exhausted(name)

    def _due(self, job: Job, schedule: Schedule, *, now: datetime) -> tuple[Due | None, Schedule]:
        if not self._is_2:
            return due_in_3(schedule, now=now), schedule
        epsilon = read_duration(job.get("epsilon", "")) or DEFAULT_EPSILON
        return due_in_2(schedule, now=now, epsilon=epsilon)

    def _plan(self, name: str, schedule: Schedule | None) -> None:
        """Note when the job is due next."""
        job = self._registry.any(name)
        self._planned.pop(name, None)
        if job is None or job["disabled"] or "schedule" not in job:
            return
        schedule = schedule or read_schedule(job["schedule"], job["scheduleTimeZone"])
        start = next_start(schedule)
        if start is not None:
            self._planned[name] = start
            heapq.heappush(self._calendar, (start, name))

    def _enqueue(self, attempt: Attempt) -> None:
        """One place for each job: a second one that comes while it waits is dropped."""
        if attempt.job not in self._queue:
            self._keep(self._queue, attempt)
            self.on_news()

    def _launch(self, now: datetime) -> None:
        """Start what fits, the urgent first. What needs as much as something that did not fit is not tried, and behind
        a long queue of those nobody looks."""
        too_big: set[tuple[Any, ...]] = set()
        skipped = 0
        for attempt in self._in_turn():
            job = self._registry.get(attempt.job)
            if job is None or job["disabled"]:
                self._drop(self._queue, attempt.job)
                continue
            demand = (job["cpus"], job["mem"], job["disk"], str(job["constraints"]))
            task = None if demand in too_big else self.executor.start(attempt, job)
            if task is None:
                too_big.add(demand)
                skipped += 1
                if skipped > LOOKED_BEHIND:
                    return
                continue
            self._drop(self._queue, attempt.job)
            for edge in [edge for edge in self._edges if edge[1] == attempt.job]:
                del self._edges[edge]
            self._history.begin(Run(attempt, task, started=now))

    def _in_turn(self) -> list[Attempt]:
        waiting = list(self._queue.values())
        urgent = [
            attempt for attempt in waiting if (self._registry.any(attempt.job) or {}).get("highPriority")
        ]
        return [*urgent, *(attempt for attempt in waiting if attempt not in urgent)] if urgent else waiting

    def _again(self, attempt: Attempt, now: datetime) -> Attempt:
        later = now + self._retry
        return Attempt(attempt.job, later, attempt.number + 1, attempt.arguments, not_before=later)

    def _succeeded(self, name: str, *, now: datetime) -> None:
        job = self._registry.get(name)
        if job is None:
            return
        self._registry.change(
            name,
            successCount=job["successCount"] + 1,
            errorsSinceLastSuccess=0,
            lastSuccess=format_timestamp(now),
        )
        self._release(name, now=now)

    def _failed(self, job: Job, *, now: datetime) -> None:
        self._registry.change(
            job["name"],
            errorCount=job["errorCount"] + 1,
            errorsSinceLastSuccess=job["errorsSinceLastSuccess"] + 1,
            lastError=format_timestamp(now),
        )
        if job["softError"]:
            self._release(job["name"], now=now)

    def _release(self, parent: str, *, now: datetime) -> None:
        """Queue the dependents all of whose parents have succeeded since their last run."""
        for child in self._registry.children(parent):
            self._edges[(parent, child["name"])] += 1
            if not child["disabled"] and all(self._edges[(name, child["name"])] for name in child["parents"]):
                self._enqueue(Attempt(child["name"], now))

    def _disable_exhausted(self, name: str) -> None:
        """After the last of n runs the job stays listed, disabled."""
        job = self._registry.get(name)
        if job is None or "schedule" not in job or name in self._queue or name in self._retries:
            return
        if read_schedule(job["schedule"]).exhausted and not self._history.running(name):
            self._registry.change(name, disabled=True)

    def _keep(self, place: dict[str, Attempt], attempt: Attempt) -> None:
        place[attempt.job] = attempt
        self._store.mark(self._cluster, _KIND, self._key(place, attempt.job), lambda: encode(attempt))

    def _drop(self, place: dict[str, Attempt], name: str) -> None:
        if place.pop(name, None) is not None:
            self._store.mark(self._cluster, _KIND, self._key(place, name), lambda: None)

    def _key(self, place: dict[str, Attempt], name: str) -> str:
        return f"{'queue' if place is self._queue else 'retry'} {name}"

    def attempts(self) -> Iterator[Attempt]:
        """What waits for room or for its next try."""
        yield from self._queue.values()
        yield from self._retries.values()
