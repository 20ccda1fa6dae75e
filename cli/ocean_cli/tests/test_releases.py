"""`ocean release`: several jobs changed as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, job, operation, page, problem

DB = TAG.replace("job.web", "job.db")
PLAN = {
    "stages": [
        [{"job": DB, "from": 1, "to": 2, "instances": 1}],
        [{"job": TAG, "from": None, "to": 4, "instances": 3}],
    ],
    "warnings": ["web waits for db."],
}


@pytest.fixture(autouse=True)
def answers(fake: FakeOcean) -> None:
    fake.on("POST", "releases/plan/", PLAN)
    fake.on("POST", "releases/", Reply(operation(kind="release.run", target="release.3"), 202))
    fake.on("GET", "jobs/", page(job()))


def body(fake: FakeOcean) -> Any:
    return fake.calls("POST", "releases/")[0].body


def test_the_plan_comes_first(ocean: Ocean, fake: FakeOcean) -> None:
    ended = ocean("release", "publish", DB, "web:4", "--yes", "--reason", "sale")
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [
        "stage 1",
        f"  publish {DB}: version 1 → version 2, 1 instances",
        "stage 2",
        f"  publish {TAG}: nothing → version 4, 3 instances",
        "! web waits for db.",
        "release 3 (#7) is asked for. `ocean wait 7` follows it.",
    ]
    items = [{"job": DB}, {"job": TAG, "version": 4}]
    assert body(fake) == {"action": "publish", "items": items, "reason": "sale"}
    assert fake.calls("POST", "releases/plan/")[0].body == body(fake)


def test_a_file_says_the_same_and_names_jobs_shortly_too(ocean: Ocean, fake: FakeOcean, home: Path) -> None:
    (home / "release.yaml").write_text(
        "action: restart\non_failure: leave\nitems:\n  - {job: web}\n  - job: " + DB + "\n"
    )
    assert ocean("release", "-f", "release.yaml", "-y", "--parallel", "2").code == 0
    items = [{"job": TAG}, {"job": DB}]
    assert body(fake) == {"action": "restart", "on_failure": "leave", "items": items, "parallel": 2}


def test_the_plan_alone(ocean: Ocean, fake: FakeOcean) -> None:
    assert json.loads(ocean("release", "stop", TAG, "--plan-only", "--json").out) == PLAN
    assert fake.calls("POST", "releases/") == []


def test_without_a_yes_nothing_is_done(ocean: Ocean, fake: FakeOcean) -> None:
    assert ocean("release", "stop", TAG).code == 2
    assert fake.calls("POST", "releases/") == []


def test_a_bad_field_is_said_where_it_stands(ocean: Ocean, fake: FakeOcean, home: Path) -> None:
    errors = [{"field": "items[0].version", "code": "unknown_version", "detail": "There is none."}]
    fake.on("POST", "releases/plan/", problem(400, "invalid-input", "x", errors=errors))
    (home / "release.yaml").write_text("action: publish\nitems:\n  - job: web\n    version: 99\n")
    ended = ocean("release", "-f", "release.yaml")
    assert (ended.code, ended.err) == (3, "Error: release.yaml:4: items[0].version: There is none.\n")


@pytest.mark.parametrize("arguments", [[], ["publish"], ["publish", TAG, "-f", "none"], ["fly", TAG]])
def test_what_makes_no_sense(ocean: Ocean, arguments: list[str]) -> None:
    assert ocean("release", *arguments).code == 2
