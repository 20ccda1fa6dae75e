"""Following what real tasks write while their files are rotated and their hosts are lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from apps.jobs.log_sources import LogSource
from apps.jobs.logs.cursor import Place
from apps.jobs.logs.followed import Choice, Followed
from apps.jobs.logs.position import Position
from apps.jobs.logs.reading import From, LogQuery, Step, read_step
from clients.errors import NotFound
from embedded.waiting import wait_until
from engines.base import Workload, WorkloadId
from engines.marathon import MarathonEngine
from sandbox.testing import SandboxProcess, running_sandbox

LINES = 30_000
WRITER = f"""exec python3 -uc '
import sys, time
for start in range(1, {LINES}, 500):
    sys.stdout.write("".join(f"line {{n}} 海\\n" for n in range(start, start + 500)))
    sys.stderr.write(f"oops {{start}}\\n")
    time.sleep(0.02)
print("done")
time.sleep(1000)
'"""
"""Writes for a second and a bit; the files' times, by which they are told apart, may be no finer than 4 ms."""


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """Files are rotated every 50 kB; all that the test writes is kept."""
    with running_sandbox(tmp_path, log_max_bytes=50_000, log_files=20) as sandbox:
        yield sandbox


@pytest.fixture
def engine(sandbox: SandboxProcess) -> MarathonEngine:
    addresses = sandbox.addresses.clusters["test"]
    assert addresses.mesos
    return MarathonEngine([sandbox.marathon], [addresses.mesos], name="test")


class Reader:
    """Follows both files of some instances."""

    def __init__(self, engine: MarathonEngine, sources: list[LogSource]) -> None:
        self.engine = engine
        self.query = LogQuery(Choice(("stdout", "stderr")), limit=1000, skip=False)
        self.followed = [
            Followed(
                source,
                {file: Place(source.task_id, file, Position()) for file in self.query.choice.files},
                False,
            )
            for source in sources
        ]

    def read(self) -> Step:
        now = datetime.now(UTC)
        step = read_step(self.engine, "test", self.query, self.followed, From(is_first=False), now=now)
        places = iter(step.places)
        self.followed = [
            Followed(each.source, {place.file: place for place in (next(places), next(places))}, False)
            for each in self.followed
        ]
        return step


def running(engine: MarathonEngine, command: str, *, instances: int) -> list[LogSource]:
    workload = Workload(
        WorkloadId("/logs"), version=1, instances=instances, cpus=0.01, memory_mib=8, command=command
    )
    engine.apply(workload)

    def sources() -> list[LogSource]:
        status = engine.get(workload.id)
        found = (status.instances if status else None) or ()
        return [
            LogSource(each.id, each.host, "", started_at=each.started_at) for each in found if each.started_at
        ]

    wait_until(lambda: len(sources()) == instances, what="all run", timeout_s=30)
    return sources()


def test_every_line_of_several_tasks_comes_once_while_their_files_are_rotated(engine: MarathonEngine) -> None:
    sources = running(engine, WRITER, instances=2)
    reader = Reader(engine, sources)
    found: dict[tuple[str, str], list[str]] = {}

    def all_done() -> bool:
        for line in reader.read().lines:
            found.setdefault((line.task_id, line.file), []).append(line.text)
        last = [found.get((source.task_id, "stdout"), [""])[-1] for source in sources]
        return last == ["done"] * len(sources)

    wait_until(all_done, what="everything was read", timeout_s=60)
    for source in sources:
        numbers = [f"line {number} 海" for number in range(1, LINES + 1)]
        assert found[source.task_id, "stdout"] == [*numbers, "done"]
        assert found[source.task_id, "stderr"] == [f"oops {start}" for start in range(1, LINES, 500)]


def test_a_host_that_is_lost_stops_nobody(engine: MarathonEngine, sandbox: SandboxProcess) -> None:
    sources = running(engine, "while true; do echo here; sleep 0.1; done", instances=3)
    reader = Reader(engine, sources)
    wait_until(lambda: len({line.host for line in reader.read().lines}) > 1, what="all write", timeout_s=30)
    lost = sources[0].host
    requests.post(f"{sandbox.admin}/test/hosts/{lost}/lose", timeout=5).raise_for_status()

    def only_the_lost_is_missing() -> bool:
        step = reader.read()
        gone = {task for task, look in step.looks.items() if look.error is not None}
        return gone == {each.task_id for each in sources if each.host == lost} and bool(step.lines)

    wait_until(only_the_lost_is_missing, what="the others are read on", timeout_s=30)
    wait_until(
        lambda: isinstance(reader.read().looks[sources[0].task_id].error, NotFound),
        what="Mesos does not know the host any more",
        timeout_s=30,
    )
