"""What is asked for goes to its address with what was said, and nothing that was not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, job, operation, problem

JOB = f"jobs/{TAG}/"
TASK = "xiaomi_inf_ocean.instance-1234abcd._app.1"


@pytest.mark.parametrize(
    ("arguments", "call", "body"),
    [
        (["scale", TAG, "5"], f"{JOB}scale/", {"instances": 5}),
        (["scale", TAG, "5", "--reason", "sale"], f"{JOB}scale/", {"instances": 5, "reason": "sale"}),
        (["restart", TAG], f"{JOB}restart/", {}),
        (["start", TAG], f"{JOB}start/", {}),
        (["stop", TAG, "-y"], f"{JOB}stop/", {}),
        (["rollback", TAG], f"{JOB}rollback/", {}),
        (["rollback", TAG, "--version", "2"], f"{JOB}rollback/", {"version": 2}),
        (["undo", "7", "--reason", "slow"], "operations/7/undo/", {"reason": "slow"}),
        (["pause", "7"], "operations/7/pause/", {}),
        (["resume", "7"], "operations/7/resume/", {}),
        (["go-on", "7"], "operations/7/go-on/", {}),
        (["cancel", "7", "--reason", "slow"], "operations/7/cancel/", {"reason": "slow"}),
        (["kill", TAG, TASK], f"{JOB}instances/{TASK}/kill/", {}),
        (["kill", TAG, TASK, "--shrink"], f"{JOB}instances/{TASK}/kill/", {"shrink": True}),
        (["publish", TAG], f"{JOB}publish/", {}),
        (["publish", TAG, "--version", "3", "--replace"], f"{JOB}publish/", {"version": 3, "replace": True}),
        (
            ["publish", TAG, "--strategy", "canary", "--canary-instances", "1", "--hold", "60"],
            f"{JOB}publish/",
            {"strategy": {"kind": "canary", "canary_instances": 1, "hold_s": 60}},
        ),
    ],
)
def test_asking(ocean: Ocean, fake: FakeOcean, arguments: list[str], call: str, body: Any) -> None:
    fake.on("POST", call, Reply(operation(), 202))
    ended = ocean(*arguments)
    assert ended.code == 0, ended.err
    [asked] = fake.asked
    assert asked.body == body
    assert asked.headers["Idempotency-Key"]


def test_deleting(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("DELETE", JOB, Reply(operation(kind="job.delete"), 202))
    assert ocean("delete", TAG, "--yes", "--reason", "moved").code == 0
    assert fake.asked[0].body == {"reason": "moved"}


@pytest.mark.parametrize("command", ["stop", "delete"])
def test_what_ends_everything_needs_a_yes(ocean: Ocean, fake: FakeOcean, command: str) -> None:
    ended = ocean(command, TAG)
    assert (ended.code, fake.asked) == (2, [])
    assert "Give --yes." in ended.err


@pytest.mark.parametrize("command", ["pause", "resume", "go-on"])
def test_what_is_under_way_is_found_by_its_job(ocean: Ocean, fake: FakeOcean, command: str) -> None:
    fake.on("GET", JOB, job(operation=9))
    fake.on("POST", f"operations/9/{command}/", Reply(operation(id=9), 202))
    assert ocean(command, TAG).code == 0
    fake.on("GET", JOB, job())
    ended = ocean(command, TAG)
    assert (ended.code, "Nothing is under way" in ended.err) == (4, True)


@pytest.mark.parametrize("arguments", [["publish", TAG], ["apply", "-f", "web.yaml", "-y"]])
def test_a_publish_in_the_way_can_be_replaced(
    ocean: Ocean, fake: FakeOcean, home: Path, arguments: list[str]
) -> None:
    (home / "web.yaml").write_text("name: web")
    fake.on("POST", "jobs/plan/", {"jobs": [{"tag": TAG, "job": job(version=3), "changes": [], "spec": {}}]})
    fake.on("POST", f"{JOB}publish/", problem(409, "target-busy", "#4 works on it.", operation=4))
    ended = ocean(*arguments)
    assert (ended.code, "`--replace` takes over" in ended.err) == (5, True)


def test_undoing_what_is_under_way_is_well_when_it_ends_as_cancelled(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", JOB, job(operation=7))
    fake.on("POST", f"{JOB}undo/", Reply(operation("waiting"), 202))
    fake.on("GET", "operations/7/", operation("cancelled"))
    ended = ocean("undo", TAG, "--wait")
    assert (ended.code, ended.out) == (0, "publish web@staging (#7) cancelled.\n")


def test_undoing_what_has_ended_is_a_publish_of_the_version_of_before(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", JOB, job())
    fake.on("POST", f"{JOB}undo/", Reply(operation(id=8, kind="job.rollback"), 202))
    fake.on("GET", "operations/8/", operation("cancelled", id=8), operation("succeeded", id=8))
    assert ocean("undo", TAG, "--wait").code == 1
    assert ocean("undo", TAG, "--wait").code == 0
