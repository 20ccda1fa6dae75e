"""The story of careful publishing, by the API, with real processes: nobody who asks the service notices."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from embedded.waiting import wait_until
from tests.api_client import WEB, Api, JobHandle, create
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack

DRAINING = """exec python3 -c '
import http.server, os, signal, threading, time
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT0"])), http.server.SimpleHTTPRequestHandler)
def drain(*_):
    threading.Thread(target=lambda: (time.sleep(4), server.shutdown())).start()
signal.signal(signal.SIGTERM, drain)
server.serve_forever()
'"""
"""A service that serves on for some seconds after it was asked to end, until those who call it have noticed."""
LOOK_S = 0.5


@pytest.fixture
def dev(stack: RunningStack) -> Api:
    return Api.of(stack, "dev")


@pytest.fixture
def job(dev: Api) -> Iterator[JobHandle]:
    handle = create(dev, command=DRAINING, kill_grace_s=10, instances=4, cpus=0.05)
    dev.done(f"{handle.path}/publish/")
    yield handle
    handle.remove()


@dataclass(slots=True)
class Load:
    """Someone who asks the service again and again, at the addresses that `instances/` lists as well and serving."""

    job: JobHandle
    asked: int = 0
    failed: list[str] = field(default_factory=list)
    _over: Event = field(default_factory=Event)
    _threads: list[Thread] = field(default_factory=list)
    _addresses: list[str] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._look()
        self._threads = [Thread(target=self._follow), Thread(target=self._ask)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        self._addresses = [
            f"http://{one['ip']}:{one['ports'][0]}/"
            for one in self.job.instances()
            if one["state"] == "running" and one["healthy"] and one["serving"]
        ]

    def _follow(self) -> None:
        while not self._over.wait(LOOK_S):
            self._look()

    def _ask(self) -> None:
        while not self._over.wait(0.02):
            for address in self._addresses[:]:
                self.asked += 1
                try:
                    urllib.request.urlopen(address, timeout=5).close()
                except OSError as exc:
                    self.failed.append(f"{address}: {exc}")


def save(job: JobHandle, **spec: Any) -> int:
    answer = job.api.call("PATCH", f"{job.path}/", {"spec": spec})
    assert answer.status == 200, answer.body
    return int(answer.body["version"])


def until_it_can(dev: Api, operation: int, control: str) -> Any:
    """The operation, once it can be told so."""
    row: dict[str, Any] = {}

    def can() -> bool:
        row.update(dev.get(f"operations/{operation}/"))
        assert row["state"] not in {"succeeded", "failed", "cancelled"}, row
        return control in row["controls"]

    wait_until(can, what=f"operation {operation} can be told to {control}", timeout_s=60)
    return row


@pytest.mark.parametrize("strategy", [{}, {"kind": "blue-green", "hold_s": 2}], ids=["rolling", "blue-green"])
def test_no_request_fails_while_a_service_that_drains_is_published(
    strategy: dict[str, Any], job: JobHandle, dev: Api
) -> None:
    save(job, env={"NUMBER": "2"})
    with Load(job) as load:
        row = dev.ended(dev.operation(f"{job.path}/publish/", {"strategy": {"deadline_s": 120, **strategy}}))
    assert row["state"] == "succeeded", row
    assert load.failed == []
    assert load.asked > 100
    assert {one["version"] for one in job.instances()} == {2}


def test_a_canary_that_fails_takes_nobody_with_it_and_undoing_it_is_one_call(
    job: JobHandle, dev: Api
) -> None:
    before = {one["task_id"] for one in job.instances()}
    check = {**WEB["health_checks"][0], "path": "/missing"}  # type: ignore[index]
    save(job, health_checks=[check])
    with Load(job) as load:
        operation = dev.operation(f"{job.path}/publish/", {"strategy": {"kind": "canary"}})
        wait_until(
            lambda: any(one["slot"] == "side" for one in job.instances()), what="it is there", timeout_s=30
        )
        assert dev.post(f"{job.path}/undo/", {"reason": "it answers 404"}).body["id"] == operation
        row = dev.ended(operation)
    assert (row["state"], load.failed) == ("cancelled", [])
    assert {one["task_id"] for one in job.instances()} == before
    assert (job.row()["running_version"], job.row()["state"]) == (1, "running")


def test_a_canary_that_is_well_holds_for_a_person(job: JobHandle, dev: Api) -> None:
    save(job, env={"NUMBER": "2"})
    operation = dev.operation(f"{job.path}/publish/", {"strategy": {"kind": "canary", "canary_percent": 25}})
    row = until_it_can(dev, operation, "go-on")
    assert row["message"] == "Holding at 1 of 4: go on or undo."
    assert sorted((one["slot"], one["version"]) for one in job.instances() if one["state"] == "running")[
        -1
    ] == ("side", 2)
    dev.post(f"operations/{operation}/go-on/")
    assert dev.ended(operation)["state"] == "succeeded"
    assert {(one["slot"], one["version"]) for one in job.instances()} == {("main", 2)}


def test_a_third_version_takes_over_while_the_second_rolls(job: JobHandle, dev: Api) -> None:
    check = {**WEB["health_checks"][0], "path": "/missing"}  # type: ignore[index]
    save(job, health_checks=[check])
    second = dev.operation(f"{job.path}/publish/")
    wait_until(
        lambda: any(one["version"] == 2 for one in job.instances()), what="the second rolls", timeout_s=30
    )
    save(job, health_checks=WEB["health_checks"], env={"NUMBER": "3"})
    assert dev.post(f"{job.path}/publish/").status == 409
    third = dev.operation(f"{job.path}/publish/", {"replace": True})
    assert dev.ended(second)["state"] == "cancelled"
    assert dev.ended(third)["state"] == "succeeded"
    assert {one["version"] for one in job.instances()} == {3}


def test_a_slow_instance_that_may_be_is_left_behind_and_named(
    job: JobHandle, dev: Api, tmp_path: Path
) -> None:
    """The first to come finds no mark and never listens; its check has patience."""
    slow = f"mkdir {tmp_path}/mark 2>/dev/null && exec sleep 1000\n{DRAINING}"
    check = {**WEB["health_checks"][0], "failures": 60}  # type: ignore[index]
    save(job, command=slow, health_checks=[check])
    strategy = {"slow_tolerated": 1, "deadline_s": 120}
    row = dev.ended(dev.operation(f"{job.path}/publish/", {"strategy": strategy}), timeout_s=120)
    assert row["state"] == "succeeded", row
    [ill] = [one for one in job.instances() if not one["healthy"]]
    assert row["message"] == (
        f"Version 2 runs: 3 of 4 instances are well; still starting: 1, on {ill['host']}."
    )
