"""What C1, C2, C3 and C6 share: a house whose watcher mirrors the pretended Marathon, and how far behind it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.house import House, Marathon, Program, house
from bench.options import Options
from embedded.waiting import wait_until

RESYNC_S = 120.0
LOOK_EVERY_S = 0.005
AT_ONCE = 2000
_ROWS = """
SELECT job.workload_id, known.task_id, known.state, known.host, known.ports->>0, known.healthy
  FROM jobs_instance AS known JOIN jobs_job AS job ON job.id = known.job_id
"""
_VISIBLE = """
SELECT probe.task_id, known.state
  FROM unnest(%s::bigint[], %s::text[]) AS probe (job_id, task_id)
  LEFT JOIN jobs_instance AS known ON known.job_id = probe.job_id AND known.task_id = probe.task_id
"""


@dataclass(slots=True)
class Mirrored:
    """A watcher at work. `resync_s`: from starting it to all counts being right."""

    house: House
    marathon: Marathon
    watch: Program
    resync_s: float

    def differing(self) -> int:
        """Rows that are in one of mirror and cluster and not, or not the same, in the other."""
        truth = {
            (app, task): (state, host, str(port), healthy)
            for app, tasks in self.marathon.get("state").items()
            for task, state, host, port, healthy in tasks
        }
        with self.house.connect().cursor() as cursor:
            cursor.execute(_ROWS)
            rows = {(app, task): tuple(rest) for app, task, *rest in cursor.fetchall()}
        return len(dict(truth.items() ^ rows.items()))

    def differing_after(self, seconds: float) -> tuple[int, float]:
        """How many rows differ at last, looked at until none does or the time is over; and when that was."""
        began = time.monotonic()
        while True:
            asked = time.monotonic() - began
            found = self.differing()
            if not found or asked > seconds:
                return found, asked
            # Each look costs a core as much as the mirror has left: it has every second moment to itself.
            time.sleep(time.monotonic() - began - asked)


@contextmanager
def mirrored(options: Options) -> Iterator[Mirrored]:
    """Jobs without a single mirrored instance, then `watch` is started, and everything is there."""
    with house(options.size) as (built, marathon):
        assert marathon is not None
        built.python("bench.seed", "jobs", "--size", options.size_name)
        cursor = built.connect().cursor()
        began = time.monotonic()
        watch = built.start("watch")
        wanted = options.size.jobs * options.size.per_job

        def is_right() -> bool:
            cursor.execute("SELECT sum(running) FROM jobs_job")
            return bool(cursor.fetchone()[0] == wanted)

        wait_until(is_right, what="every count is right", timeout_s=RESYNC_S)
        took_s = time.monotonic() - began
        cursor.execute("SELECT count(*) FROM jobs_instance")
        assert cursor.fetchone()[0] == wanted
        yield Mirrored(built, marathon, watch, took_s)


@dataclass(slots=True)
class Lag:
    """How long after an event was made its change could be read from the database: looked at 200 times a second."""

    house: House
    marathon: Marathon
    seconds: list[float] = field(default_factory=list)
    superseded: int = 0
    """Starts that were over before anybody saw them: they say nothing."""
    _open: dict[str, tuple[float, int, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    jobs: dict[int, int] = field(default_factory=dict)
    on_visible: Callable[[float, int, float], None] | None = None

    def take(self) -> list[float]:
        """What was measured since the last call."""
        taken, self.seconds = self.seconds, []
        return taken

    def drained_s(self, *, at_most_s: float) -> float:
        """Wait until nothing is open any more; how long that took."""
        began = time.monotonic()
        wait_until(
            lambda: not self._open or time.monotonic() > began + at_most_s,
            what="drained",
            timeout_s=at_most_s + 5,
        )
        return time.monotonic() - began

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """Probes count while the block lasts."""
        self.jobs = self._job_ids()
        self.marathon.on_probe = self._hear
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.marathon.on_probe = None
            self._over.set()
            thread.join()

    def _run(self) -> None:
        cursor = self.house.connect().cursor()
        while not self._over.wait(LOOK_EVERY_S):
            self._look(cursor)

    def _job_ids(self) -> dict[int, int]:
        with self.house.connect().cursor() as cursor:
            cursor.execute("SELECT substr(name, 5)::int, id FROM jobs_job")
            return dict(cursor.fetchall())

    def _hear(self, at: float, app: int, task: str, state: str) -> None:
        with self._lock:
            if state in ("RUNNING", "KILLED"):
                self._open[task] = (at, self.jobs[app], state)
            elif self._open.pop(task, None):
                self.superseded += 1

    def _look(self, cursor: Any) -> None:
        with self._lock:
            asked = list(self._open.items())[:AT_ONCE]
        if not asked:
            return
        cursor.execute(_VISIBLE, [[job for _, (_, job, _) in asked], [task for task, _ in asked]])
        now, found = time.time(), dict(cursor.fetchall())
        with self._lock:
            for task, probe in asked:
                at, job, state = probe
                is_there = found[task] == "running" if state == "RUNNING" else found[task] is None
                if is_there and self._open.get(task) == probe:
                    self.seconds.append(now - at)
                    del self._open[task]
                    if self.on_visible is not None:
                        self.on_visible(at, job, now)
