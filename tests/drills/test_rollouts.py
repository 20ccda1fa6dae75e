"""Publishing as an art while things break: a process is killed at a random moment of each strategy, twenty times, and
it ends right, once. The moments are seeded: a failure says its seed, and comes again with it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from threading import Timer
from typing import Any

import pytest
import requests

from embedded.waiting import wait_until
from tests.api_client import Api, JobHandle, create
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack

SEED = 20261120
NOOP: dict[str, Any] = {
    "command": "sleep 100000",
    "cpus": 0.01,
    "memory_mib": 4,
    "ports": [],
    "health_checks": [],
    "labels": {"SANDBOX_NOOP": "true"},
    "instances": 6,
}
STRATEGIES = {
    "rolling": {"kind": "rolling", "batch": 2, "max_surge": 2},
    "recreate": {"kind": "recreate"},
    "canary": {"kind": "canary", "canary_percent": 30},
    "blue-green": {"kind": "blue-green"},
    "paused": {"kind": "rolling"},
}
HELD = {"canary", "blue-green"}
PROGRAMS = ("worker", "watch", "sandbox", "worker")
ROUNDS = int(os.environ.get("OCEAN_DRILL_ROUNDS", len(PROGRAMS)))
"""Each a kill in every strategy; CI has time for two."""
DRILLS = [
    pytest.param(
        name, PROGRAMS[round_], SEED + 100 * round_ + place, id=f"{name}-{PROGRAMS[round_]}-{round_}"
    )
    for round_ in range(ROUNDS)
    for place, name in enumerate(STRATEGIES)
]
LATEST_S = 1.5


@pytest.fixture(scope="module")
def dev(stack: RunningStack) -> Iterator[Api]:
    yield Api.of(stack, "dev")
    stack.wait_until_healthy()


@pytest.fixture(scope="module")
def job(dev: Api, stack: RunningStack) -> Iterator[JobHandle]:
    """One job for all drills: each publishes its next version."""
    handle = create(dev, **NOOP)
    dev.done(f"{handle.path}/publish/")
    yield handle
    stack.wait_until_healthy()
    handle.remove()


def app_on(stack: RunningStack, job: JobHandle, *, beside: bool = False) -> dict[str, Any] | None:
    """The job's app as Marathon has it, or the one beside it."""
    name = job.tag.split("_")[0].removeprefix("job.")
    port = stack.ports.marathon["staging"]
    path = f"xiaomi/inf/ocean/staging/story/{name}{'.next' if beside else ''}"
    answers: list[requests.Response] = []

    def has_answered() -> bool:
        try:
            answers.append(requests.get(f"http://127.0.0.1:{port}/v2/apps//{path}", timeout=5))
        except requests.ConnectionError:  # it is just starting again
            return False
        return True

    wait_until(has_answered, what="Marathon answers", timeout_s=30)
    return None if answers[0].status_code == 404 else dict(answers[0].json()["app"])


@pytest.mark.parametrize(("name", "program", "seed"), DRILLS)
def test_a_process_killed_at_a_random_moment_changes_nothing(
    name: str, program: str, seed: int, job: JobHandle, dev: Api, stack: RunningStack
) -> None:
    moment = random.Random(seed)
    kill_after, undone = moment.uniform(0.0, LATEST_S), name in HELD and moment.random() < 0.5
    before = job.row()["running_version"]
    saved = dev.call("PATCH", f"{job.path}/", {"spec": {"env": {"SEED": str(seed)}}}).body["version"]
    operation = dev.operation(f"{job.path}/publish/", {"strategy": STRATEGIES[name]})
    if name == "paused":
        dev.post(f"operations/{operation}/pause/")
    killer = Timer(kill_after, stack.kill, [program])
    killer.start()

    def has_ended() -> bool:
        row = dev.get(f"operations/{operation}/")
        if "go-on" in row["controls"]:
            dev.post(f"operations/{operation}/{'undo' if undone else 'go-on'}/")
        if "resume" in row["controls"] and not killer.is_alive():
            dev.post(f"operations/{operation}/resume/")
        return row["state"] in {"succeeded", "failed", "cancelled"}

    told = f"(seed {seed}: {program} killed after {kill_after:.2f} s)"
    wait_until(has_ended, what=f"the publish has ended {told}", timeout_s=90)
    killer.join()
    stack.wait_until_healthy()
    row = dev.get(f"operations/{operation}/")
    assert row["state"] == ("cancelled" if undone else "succeeded"), (told, row)
    runs = before if undone else saved
    app = app_on(stack, job)
    assert app is not None
    assert (app["labels"]["OCEAN_VERSION"], app["instances"]) == (str(runs), 6), told
    assert app_on(stack, job, beside=True) is None, told
    assert job.row()["running_version"] == runs, told

    def is_right() -> bool:
        rows = {(one["version"], one["slot"], one["serving"]) for one in job.instances()}
        return rows == {(runs, "main", True)} and job.is_well(6)

    wait_until(is_right, what=f"the page is right {told}", timeout_s=20)
