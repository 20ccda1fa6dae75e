"""Two scaling loops, and the one at work loses its lock as if it had been killed: the other goes on, nothing is done
twice. Real PostgreSQL and Redis; the metrics are pretended."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection, connections

from apps.core.models import Heartbeat, Operation
from apps.elastic.loop.process import SCALE_LOCK, ScaleProcess
from apps.elastic.models import ScalingDecision
from apps.elastic.tests.factories import make_policy
from apps.elastic.tests.pretended import PretendedSource
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job
from embedded.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN_S = 10.0


class Loops:
    """Two processes' worth, each in a thread with a connection of its own."""

    def __init__(self, source: PretendedSource) -> None:
        self.stop = threading.Event()
        self.loops = [ScaleProcess(self.stop, source_of=lambda cluster_id: source) for _ in range(2)]
        self.threads = [threading.Thread(target=self._run, args=(loop,)) for loop in self.loops]

    def _run(self, loop: ScaleProcess) -> None:
        try:
            loop.run()
        finally:
            connections.close_all()

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(timeout=15)


@pytest.fixture
def source() -> PretendedSource:
    return PretendedSource()


@pytest.fixture
def loops(source: PretendedSource) -> Iterator[Loops]:
    made = Loops(source)
    made.start()
    yield made
    made.end()


def holder() -> int | None:
    """The database process of the one at work."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND granted", [SCALE_LOCK]
        )
        row = cursor.fetchone()
    return row[0] if row else None


def test_the_other_loop_takes_over_within_ten_seconds_and_does_nothing_twice(
    source: PretendedSource, loops: Loops
) -> None:
    job = make_running_job(instances=2)
    once = {"metric": "cpu", "mode": "threshold", "out": {"samples": 1, "above": 80}}
    make_policy(job=job, max=9, metrics=[once])
    source.say(job, "cpu", 90, at_s=time.time())
    wait_until(lambda: Operation.objects.count() == 1, what="the first scaling", timeout_s=15)
    Operation.objects.update(state="succeeded")
    Job.objects.filter(pk=job.pk).update(running=3, healthy=3)
    before = holder()
    assert before is not None

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [before])
    killed = time.monotonic()
    source.say(job, "cpu", 90, at_s=time.time() + 1)  # of another second: the first one's sample counts once
    wait_until(lambda: Operation.objects.count() == 2, what="the other acts", timeout_s=15)

    assert time.monotonic() - killed < WITHIN_S
    assert holder() != before
    numbers = [row.parameters["instances"] for row in Operation.objects.order_by("pk")]
    assert numbers == [3, 4]
    assert ScalingDecision.objects.filter(acted=True).count() == 2
    wait_until(Heartbeat.objects.filter(name="scale").exists, what="a sign of life", timeout_s=10)
