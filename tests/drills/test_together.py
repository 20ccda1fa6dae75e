"""Several jobs as one, and a job that goes to another cluster, while workers are killed at random moments: it ends
right, once. The moments are seeded: a failure says its seed, and comes again with it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from threading import Timer

import pytest

from embedded.waiting import wait_until
from tests.api_client import Api, JobHandle, create
from tests.drills.test_rollouts import NOOP
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack

TOO_MUCH = 400
"""CPUs that no host has."""
THERE = "production-c3"
ENDED = {"succeeded", "failed", "cancelled"}


@pytest.fixture
def dev(stack: RunningStack) -> Iterator[Api]:
    yield Api.of(stack, "dev")
    stack.wait_until_healthy()


@pytest.fixture
def made() -> Iterator[list[JobHandle]]:
    """Jobs that are removed afterwards, the last first."""
    handles: list[JobHandle] = []
    yield handles
    for handle in reversed(handles):
        handle.remove()


def published(dev: Api, made: list[JobHandle], *, depends_on: list[str] | None = None) -> JobHandle:
    handle = create(dev, **{**NOOP, "instances": 2}, depends_on=depends_on or [])
    made.append(handle)
    dev.done(f"{handle.path}/publish/")
    return handle


def kill_soon(stack: RunningStack, moment: random.Random) -> tuple[Timer, str]:
    """The worker, within the next seconds."""
    after = moment.uniform(0.0, 4.0)
    timer = Timer(after, stack.kill, ["worker"])
    timer.start()
    return timer, f"worker killed after {after:.2f} s"


@pytest.mark.parametrize("seed", [7, 8])
def test_of_three_in_order_the_last_fails_and_all_go_back(
    seed: int, dev: Api, made: list[JobHandle], stack: RunningStack
) -> None:
    moment = random.Random(seed)
    for _ in range(3):
        published(dev, made, depends_on=[made[-1].tag] if made else [])
    for handle in made:
        bad = {"cpus": TOO_MUCH, "strategy": {"deadline_s": 5}} if handle is made[-1] else {"env": {"N": "1"}}
        assert dev.call("PATCH", f"{handle.path}/", {"spec": bad}).status == 200
    body = {"action": "publish", "items": [{"job": one.tag} for one in made]}
    operation = dev.operation("releases/", body)
    timer, told = kill_soon(stack, moment)
    row = dev.ended(operation, timeout_s=180)
    timer.join()
    stack.wait_until_healthy()
    assert row["state"] == "failed", (seed, told, row)
    release = dev.get(f"releases/{row['target'].removeprefix('release.')}/")
    assert release["state"] == "undone", (seed, told, release)
    assert [handle.row()["running_version"] for handle in made] == [1, 1, 1], (seed, told)
    wait_until(lambda: all(handle.is_well(2) for handle in made), what=f"all are well ({seed})", timeout_s=30)
    publishes = [
        dev.get(f"operations/?target={handle.tag}&kind=job.publish&page_size=1")["count"] for handle in made
    ]
    assert publishes == [2, 2, 2], (seed, told)


@pytest.mark.parametrize(("seed", "undone"), [(7, True), (9, False)])
def test_a_migration_ends_on_one_of_the_two_clusters(
    seed: int, undone: bool, dev: Api, made: list[JobHandle], stack: RunningStack
) -> None:
    moment = random.Random(seed)
    here = published(dev, made)
    there = JobHandle(dev, here.tag.replace("_cluster.staging_", f"_cluster.{THERE}_"))
    operation = dev.operation(f"{here.path}/migrate/", {"cluster": THERE, "reason": "a drill"})
    timer, told = kill_soon(stack, moment)
    if undone:
        far = moment.choice([1, 5, 10])
        wait_until(
            lambda: dev.get(f"operations/{operation}/")["progress"] >= far,
            what="it is on its way",
            timeout_s=60,
        )
        dev.post(f"operations/{operation}/cancel/")
    row = dev.ended(operation, timeout_s=180)
    timer.join()
    stack.wait_until_healthy()
    stays, other = (here, there) if row["state"] == "cancelled" else (there, here)
    made.append(stays)
    assert row["state"] in ({"cancelled", "succeeded"} if undone else {"succeeded"}), (seed, told, row)
    wait_until(lambda: stays.is_well(2), what=f"it is well ({seed}: {told})", timeout_s=30)
    assert dev.call("GET", f"{other.path}/").status == 404, (seed, told, row)
