"""clone and migrate: what would be different there comes first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, job, operation

JOB = f"jobs/{TAG}/"
THERE = job(cluster="production-c3", state="draft")
RACK: dict[str, Any] = {
    "field": "spec.constraints[0]",
    "code": "no_attribute",
    "here": "rack",
    "there": "",
    "severity": "warning",
    "what": "No host there has a rack.",
    "hint": "Leave the constraint out.",
}


@pytest.fixture(autouse=True)
def answers(fake: FakeOcean) -> None:
    for action in ("clone", "migrate"):
        fake.on("POST", f"{JOB}{action}/plan/", {"differences": [RACK]})
    fake.on("POST", f"{JOB}migrate/", Reply(operation(kind="job.migrate"), 202))


def test_a_copy_is_a_draft(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", f"{JOB}clone/", Reply(THERE, 201))
    ended = ocean("clone", TAG, "production-c3", "--name", "web2", "--reason", "second site")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        "! No host there has a rack.",
        "    spec.constraints[0]: rack → none",
        "    try: Leave the constraint out.",
        f"{THERE['tag']} is there as a draft. `ocean publish` makes it run.",
    ]
    [asked] = fake.calls("POST", f"{JOB}clone/")
    assert asked.body == {"cluster": "production-c3", "name": "web2", "reason": "second site"}
    assert fake.calls("POST", f"{JOB}clone/plan/")[0].body == {"cluster": "production-c3", "name": "web2"}
    assert ocean("clone", TAG, "production-c3", "-q").out == f"{THERE['tag']}\n"


def test_a_copy_that_is_published_is_followed(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", f"{JOB}clone/", Reply(operation(), 202))
    fake.on("GET", "operations/7/", operation("succeeded"))
    assert ocean("clone", TAG, "production-c3", "--autoscaling", "--publish", "--wait").code == 0
    body = fake.calls("POST", f"{JOB}clone/")[0].body
    assert (body["publish"], body["autoscaling"]) == (True, True)


@pytest.mark.parametrize("command", ["clone", "migrate"])
def test_the_differences_alone(ocean: Ocean, fake: FakeOcean, command: str) -> None:
    assert json.loads(ocean(command, TAG, "production-c3", "--plan-only", "--json").out) == [RACK]
    fake.on("POST", f"{JOB}{command}/plan/", {"differences": []})
    assert ocean(command, TAG, "production-c3", "--plan-only").out == "Nothing would be different there.\n"
    assert fake.calls("POST", f"{JOB}{command}/") == []


def test_moving_needs_a_yes(ocean: Ocean, fake: FakeOcean) -> None:
    assert ocean("migrate", TAG, "production-c3").code == 2
    assert fake.calls("POST", f"{JOB}migrate/") == []
    assert ocean("migrate", TAG, "production-c3", "--yes").code == 0
    assert fake.calls("POST", f"{JOB}migrate/")[0].body == {"cluster": "production-c3"}
