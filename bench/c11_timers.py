"""C11, timers: 2,000 schedules of as many jobs, due in the same second, each with its own job on the sandbox's Chronos.

Late is a slot from when it was due until somebody else can read in the database that it ran, looked for every 5 ms.
Half of the jobs are scaled by a policy (there the run sets what the control loop reads), half are not (there it begins
an operation, counted until that can be read too). Missed are slots without a run, doubled those with two. *Chronos
alone* is what one would have if each call ran its own slot: until Chronos' last call was answered.
At most 1 s for p99, none missed, none doubled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from bench.figures import Figure, percentile
from bench.house import ringing_house
from bench.options import Options

TASKS_AT_ONCE = 4
"""The tasks share the machine with all else, which those of a cluster do not: more at once only starve Ocean."""
LOOK_EVERY_S = 0.005
POSTING_A_SECOND = 60
"""How many jobs Ocean is sure to have posted to Chronos in a second, on a busy machine."""
GIVE_UP_S = 240.0

_RUNS = "SELECT count(*) FROM elastic_schedulerun WHERE due_at = %s AND state <> 'rung'"
_OPERATIONS = "SELECT count(*) FROM elastic_schedulerun WHERE due_at = %s AND operation_id IS NOT NULL"
_POSTED = "SELECT count(*) FROM elastic_scalingschedule WHERE chronos = 'there'"
_DOUBLED = "SELECT count(*) - count(DISTINCT schedule_id) FROM elastic_schedulerun"
_TRIGGERS = "SELECT trigger, count(DISTINCT rung_by_id) FROM elastic_schedulerun GROUP BY trigger"


def run(options: Options) -> Iterator[Figure]:
    count = 2000 if options.full else 200
    with ringing_house(at_once=TASKS_AT_ONCE) as (house, chronos):
        due = _next_minute(count)
        house.python("bench.timers", str(count), due.isoformat())
        database = house.connect()
        _until(lambda: _one(database, _POSTED) == count, over=due, what="all jobs are on Chronos")
        runs, operations = _watch(database, due, count)
        answered_s = _until(
            lambda: _successes(chronos) >= count, over=_far(), what="Chronos has called for all"
        )
        done = _one(database, _RUNS, due)
        triggers = ", ".join(f"{trigger}: {rings}" for trigger, rings in _rows(database, _TRIGGERS))
        of = f"{count} at {due:%H:%M:%S}"
        yield Figure(
            "C11", "lateness until the runs can be read, p99", percentile(runs, 99), "s", "<=", 1.0, of
        )
        yield Figure("C11", "lateness, p50", percentile(runs, 50), "s")
        yield Figure("C11", "missed", count - done, "slots", "=", 0)
        yield Figure(
            "C11", "doubled", _one(database, _DOUBLED), "slots", "=", 0, f"rings that ran them: {triggers}"
        )
        yield Figure(
            "C11",
            "until operations of jobs without a policy can be read, p99",
            percentile(operations, 99),
            "s",
        )
        yield Figure("C11", "Chronos alone: until its last call", answered_s - due.timestamp(), "s")


def _watch(database: Any, due: datetime, count: int) -> tuple[list[float], list[float]]:
    """How late each run, and each operation, could be read first."""
    runs: list[float] = []
    operations: list[float] = []
    over_s = due.timestamp() + GIVE_UP_S
    while len(runs) < count or len(operations) < count // 2:
        for sql, seen in ((_RUNS, runs), (_OPERATIONS, operations)):
            found = _one(database, sql, due)
            late_s = time.time() - due.timestamp()
            seen += [late_s] * (found - len(seen))
        if time.time() > over_s:
            break
        time.sleep(LOOK_EVERY_S)
    return runs, operations


def _next_minute(count: int) -> datetime:
    """A minute that leaves time to make the jobs and to post them all."""
    ready = datetime.now(UTC) + timedelta(seconds=20 + count / POSTING_A_SECOND)
    return ready.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _far() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=GIVE_UP_S)


def _successes(chronos: str) -> int:
    jobs = requests.get(f"{chronos}/v1/scheduler/jobs", timeout=60).json()
    return sum(job["successCount"] for job in jobs)


def _until(condition: Callable[[], bool], *, over: datetime, what: str) -> float:
    """Returns the time at which it was seen to be true."""
    while not condition():
        if datetime.now(UTC) > over:
            raise TimeoutError(what)
        time.sleep(0.25)
    return time.time()


def _rows(database: Any, sql: str, *values: object) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _one(database: Any, sql: str, *values: object) -> int:
    return int(_rows(database, sql, *values)[0][0])
