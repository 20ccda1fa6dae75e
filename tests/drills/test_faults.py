"""Pull things out while Ocean works: nothing is lost, nothing is done twice, and the page is right again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from embedded.waiting import wait_until
from tests.api_client import Api, JobHandle, create
from tests.e2e.test_story_api import answers, pid_listening_at
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack


@pytest.fixture
def dev(stack: RunningStack) -> Iterator[Api]:
    yield Api.of(stack, "dev")
    stack.wait_until_healthy()


@pytest.fixture
def job(dev: Api, stack: RunningStack) -> Iterator[JobHandle]:
    handle = create(dev)
    dev.done(f"{handle.path}/publish/")
    yield handle
    stack.wait_until_healthy()
    handle.remove()


def save_next_version(job: JobHandle) -> None:
    number = job.row()["version"] + 1
    answer = job.api.call("PATCH", f"{job.path}/", {"spec": {"env": {"NUMBER": str(number)}}})
    assert answer.status == 200, answer.body


def begin_publish(job: JobHandle) -> int:
    """Publish a next version and return while the scheduler is at it."""
    save_next_version(job)
    operation = job.api.operation(f"{job.path}/publish/")

    def is_under_way() -> bool:
        progress: int = job.api.get(f"operations/{operation}/")["progress"]
        return 0 < progress < 99

    wait_until(is_under_way, what="the publish is under way", timeout_s=20)
    return operation


def deployments_of(stack: RunningStack, job: JobHandle) -> list[str]:
    """The versions that the scheduler's app has had: each publish that got through is one."""
    _job, _service, _cluster, *_rest = job.tag.split("_")
    name = _job.removeprefix("job.")
    port = stack.ports.marathon["staging"]
    url = f"http://127.0.0.1:{port}/v2/apps//xiaomi/inf/ocean/staging/story/{name}/versions"
    versions: list[str] = requests.get(url, timeout=5).json()["versions"]
    return versions


@pytest.mark.parametrize("program", ["worker", "watch", "web", "beat", "sandbox", "redis", "postgres"])
def test_a_publish_ends_well_and_once_though_a_process_is_killed_in_the_middle(
    program: str, job: JobHandle, dev: Api, stack: RunningStack
) -> None:
    before = len(deployments_of(stack, job))
    operation = begin_publish(job)
    stack.kill(program)
    stack.wait_until_healthy()
    row = dev.ended(operation, timeout_s=120)
    assert row["state"] == "succeeded", row
    job.wait(lambda found: found["state"] == "running", what="running")
    instances = job.instances()
    assert len(instances) == 3
    assert {one["version"] for one in instances} == {2}
    assert all(answers(one) for one in instances)
    assert len(deployments_of(stack, job)) == before + 1


def test_instances_survive_the_death_of_the_whole_console(job: JobHandle, stack: RunningStack) -> None:
    before = job.instances()
    for program in ("web", "worker", "beat", "watch"):
        stack.kill(program)
    assert all(answers(one) for one in before)
    stack.wait_until_healthy()
    assert {one["task_id"] for one in job.instances()} == {one["task_id"] for one in before}


@contextmanager
def event_fault(stack: RunningStack, fault: str) -> Iterator[None]:
    """Cut the staging cluster's event streams once, or let them say nothing, or lose every event."""
    admin = f"http://127.0.0.1:{stack.ports.sandbox_admin}"
    if fault == "cut":
        requests.post(f"{admin}/staging/events/cut", timeout=5).raise_for_status()
    else:
        body = {"silent": True} if fault == "silence" else {"drop": 1.0}
        requests.put(f"{admin}/staging/events", json=body, timeout=5).raise_for_status()
    try:
        yield
    finally:
        requests.delete(f"{admin}/", timeout=5).raise_for_status()


@pytest.mark.parametrize("fault", ["cut", "silence", "drop"])
def test_the_mirror_is_right_within_ten_seconds_whatever_happens_to_the_events(
    fault: str, job: JobHandle, stack: RunningStack
) -> None:
    with event_fault(stack, fault):
        victim = job.instances()[0]
        os.kill(pid_listening_at(victim["ports"][0]), signal.SIGKILL)

        def is_right() -> bool:
            tasks = {one["task_id"] for one in job.instances()}
            return job.is_well(3) and victim["task_id"] not in tasks

        wait_until(is_right, what=f"the mirror is right though events: {fault}", timeout_s=10)


def test_of_two_people_who_publish_at_once_one_is_told_of_the_other(
    job: JobHandle, stack: RunningStack
) -> None:
    save_next_version(job)
    people = [Api.of(stack, "dev"), Api.of(stack, "sre")]
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda api: api.post(f"{job.path}/publish/"), people))
    statuses = sorted(answer.status for answer in outcomes)
    assert statuses == [202, 409]
    [accepted] = [answer for answer in outcomes if answer.status == 202]
    [refused] = [answer for answer in outcomes if answer.status == 409]
    assert refused.body["operation"] == accepted.body["id"]
    assert job.api.ended(accepted.body["id"])["state"] == "succeeded"


def test_the_same_key_twice_is_one_operation_at_the_same_time_and_later(job: JobHandle, dev: Api) -> None:
    def ask(_: int) -> Any:
        return dev.post(f"{job.path}/scale/", {"instances": 4}, **{"Idempotency-Key": f"drill-{job.tag}"})

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(ask, range(4)))
    assert {answer.status for answer in outcomes} == {202}
    [operation] = {answer.body["id"] for answer in outcomes}
    assert dev.ended(operation)["state"] == "succeeded"
    assert ask(0).body["id"] == operation


def test_while_the_scheduler_is_away_the_console_reads_says_so_and_catches_up(
    job: JobHandle, dev: Api, stack: RunningStack
) -> None:
    stack.stop("sandbox")
    try:
        assert job.row()["instances"]["wanted"] == 3
        wait_until(
            lambda: not cluster(dev)["watch"]["connected"],
            what="the console knows that it is cut off",
            timeout_s=15,
        )
        operation = dev.operation(f"{job.path}/scale/", {"instances": 5})
        wait_until(
            lambda: dev.get(f"operations/{operation}/")["log"],
            what="the operation says why it waits",
            timeout_s=15,
        )
        assert dev.get(f"operations/{operation}/")["state"] in {"queued", "running", "waiting"}
    finally:
        stack.start("sandbox")
    assert dev.ended(operation)["state"] == "succeeded"
    assert job.is_well(5)
    wait_until(lambda: cluster(dev)["watch"]["connected"], what="connected again", timeout_s=15)


def cluster(dev: Api) -> dict[str, Any]:
    [row] = [row for row in dev.get("clusters/")["results"] if row["name"] == "staging"]
    return dict(row)
