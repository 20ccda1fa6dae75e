"""`python -m bench.scaling_loop evaluate|breach`: the scaling loop over a pretended source of metrics, in a house's
environment. The source has a job's numbers ready, added up over its instances, as a monitoring would: what is measured
is the loop.

`evaluate`: every job has a policy of four metrics and all of them are quiet, but for a few; ticks for `--seconds`, each
a line of JSON. `breach`: every job is above its threshold in one sample, once; the loop's own process runs, doorbell
included, until it is ended.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import django

from bench.company import CLUSTER

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ocean_portal.settings")
django.setup()

from django.utils import timezone  # noqa: E402 - Django first

from apps.elastic.agent import autoscaler  # noqa: E402
from apps.elastic.loop.process import ScaleProcess, next_tick  # noqa: E402
from apps.elastic.loop.samples import SampleReader  # noqa: E402
from apps.elastic.loop.tick import Loop  # noqa: E402
from apps.elastic.models import ScalingPolicy  # noqa: E402
from apps.jobs.models import Job  # noqa: E402
from engines.metrics.base import JobSeries, Metric, Point, SeriesKey  # noqa: E402

CALM: Mapping[Metric, float] = {"cpu": 57.0, "memory": 60.0, "qps": 76.0, "latency": 40.0}
POLICY: list[dict[str, Any]] = [
    {"metric": "cpu", "mode": "target", "target": 60.0},
    {"metric": "memory", "mode": "threshold", "out": {"samples": 3, "above": 90.0}, "in": None},
    {"metric": "qps", "mode": "target", "target": 80.0},
    {"metric": "latency", "mode": "threshold", "out": {"samples": 3, "above": 200.0}, "in": None},
]
BREACH: list[dict[str, Any]] = [
    {"metric": "cpu", "mode": "threshold", "out": {"samples": 1, "above": 80.0}, "in": None}
]
BUSY_ONE_IN = 2000
"""So many jobs have one that is above its threshold for a while."""


class Quiet:
    """Each metric swings by 3 % about its calm value; one job in 2,000 has a latency that calls for more."""

    name = "pretended"
    step_s = 5

    def ping(self) -> None:
        """It is here."""

    def latest(
        self, series: Sequence[JobSeries], *, since_s: float, now_s: float
    ) -> Mapping[SeriesKey, Sequence[Point]]:
        at = int(now_s // self.step_s) * self.step_s
        swing = {metric: value * (1 + 0.03 * math.sin(at / 97)) for metric, value in CALM.items()}
        found: dict[SeriesKey, Sequence[Point]] = {}
        for job in series:
            count = len(job.endpoints)
            busy = int(job.key) % BUSY_ONE_IN == (at // 60) % BUSY_ONE_IN
            for metric in job.metrics:
                value = 300.0 if busy and metric == "latency" else swing[metric]
                found[(job.key, metric)] = (Point(at, value, value * count, count),)
        return found

    def history(
        self, endpoints: Sequence[str], metric: Metric, *, start_s: int, end_s: int, step_s: int
    ) -> Sequence[Point]:
        return ()

    def finest_step_s(self, *, age_s: float) -> int:
        return self.step_s


class Breaching(Quiet):
    """Each job's first sample is above its threshold, all later ones are calm."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def latest(
        self, series: Sequence[JobSeries], *, since_s: float, now_s: float
    ) -> Mapping[SeriesKey, Sequence[Point]]:
        found: dict[SeriesKey, Sequence[Point]] = {}
        for job in series:
            value = 70.0 if job.key in self._said else 95.0
            self._said.add(job.key)
            count = max(1, len(job.endpoints))
            found[(job.key, "cpu")] = (Point(int(now_s), value, value * count, count),)
        return found


def policies(metrics: list[dict[str, Any]]) -> int:
    """Give every running job of the company this policy. Returns how many."""
    jobs = Job.objects.filter(cluster__name=CLUSTER, wanted__gt=0, target_version__isnull=False)
    entries = [{name: value for name, value in entry.items() if value is not None} for entry in metrics]
    rows = [
        ScalingPolicy(job_id=job_id, min=1, max=10_000, metrics=entries)
        for job_id in jobs.values_list("pk", flat=True)
    ]
    ScalingPolicy.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def evaluate(seconds: float) -> None:
    policies(POLICY)
    gc.disable()  # as `manage.py autoscale` does
    source = Quiet()
    with SampleReader(lambda cluster_id: source) as samples:
        loop = Loop(samples, agent=autoscaler())
        loop.tick(timezone.now())  # the first reads every policy, instance and version
        ends = time.time() + seconds
        due = next_tick(time.time())
        while due < ends:
            time.sleep(max(0.0, due - time.time()))
            late_s = time.time() - due
            cpu_s = time.process_time()
            report = loop.tick(timezone.now())
            used_s = time.process_time() - cpu_s
            loop.go_on(until=time.monotonic() + due + 4.8 - time.time())
            gc.collect()
            gc.freeze()
            missed = max(0, int((time.time() - due) // 5))
            due += 5.0 * (1 + missed)
            say(
                jobs=report.jobs,
                took_s=report.took_s,
                late_s=late_s,
                missed=missed,
                cpu_s=used_s,
                acted=report.acted,
                waiting=report.waiting,
                mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            )


def breach() -> None:
    say(jobs=policies(BREACH))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    source = Breaching()
    ScaleProcess(stop, source_of=lambda cluster_id: source).run()


def say(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling_loop", description=__doc__)
    parser.add_argument("what", choices=["evaluate", "breach"])
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    if options.what == "evaluate":
        evaluate(options.seconds)
    else:
        breach()


if __name__ == "__main__":
    main()
