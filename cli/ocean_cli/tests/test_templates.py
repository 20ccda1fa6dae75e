"""Templates: listed, saved from a job, and the jobs that follow them updated."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, page

WEB: dict[str, Any] = {
    "name": "web-service",
    "kind": "job",
    "title": "Web service",
    "product_line": None,
    "version": 2,
    "jobs": 3,
    "parameters": [],
    "spec": {"cpus": 0.1},
}
DB = TAG.replace("job.web", "job.db")


def update(tag: str, outcome: str, *conflicts: str) -> dict[str, Any]:
    return {
        "job": tag,
        "outcome": outcome,
        "from_version": 1,
        "version": 4,
        "parameters": {},
        "changes": [{"field": "cpus", "change": "changed", "old": 0.1, "new": 0.2}],
        "conflicts": [{"field": field, "base": 1, "job": 2, "template": 3} for field in conflicts],
        "errors": [],
    }


def answer(*rows: dict[str, Any], publish: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"template": "web-service", "version": 2, "jobs": list(rows), "publish": list(publish)}


@pytest.fixture(autouse=True)
def answers(fake: FakeOcean) -> None:
    fake.on("GET", "templates/", page(WEB))
    fake.on("GET", "templates/web-service/", WEB)
    fake.on("POST", "templates/web-service/update/", answer(update(TAG, "saved"), publish=(TAG,)))


def test_listed_and_shown(ocean: Ocean) -> None:
    assert ocean("template", "list", "-q").out == "web-service\n"
    assert "everybody's" in ocean("template", "list").out
    assert yaml.safe_load(ocean("template", "show", "web-service").out) == WEB


def test_the_jobs_that_follow_one(ocean: Ocean, fake: FakeOcean) -> None:
    row = {
        "job": TAG,
        "state": "running",
        "version": 1,
        "behind": True,
        "changed": False,
        "parameters": {"n": 2},
    }
    fake.on("GET", "templates/web-service/jobs/", page(row))
    assert ocean("template", "jobs", "web-service").out.splitlines()[1].split() == [
        TAG, "running", "1", "yes", "no", "n=2",
    ]  # fmt: skip


def test_a_job_becomes_a_template(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", "templates/", Reply(WEB, 201))
    ended = ocean("template", "save", TAG, "web-service", "--parameter", "level=env.LEVEL", "--note", "first")
    assert (ended.code, ended.out) == (0, "web-service is saved.\n")
    assert fake.asked[0].body == {
        "name": "web-service",
        "title": "web-service",
        "from_job": TAG,
        "parameters": [{"name": "level", "field": "env.LEVEL"}],
        "note": "first",
    }
    assert ocean("template", "save", TAG, "x", "--parameter", "level").code == 2


def test_jobs_are_brought_to_the_newest_version_after_a_plan(ocean: Ocean, fake: FakeOcean) -> None:
    plan = answer(update(TAG, "changes"), update(DB, "conflict", "memory_mib"))
    fake.on("POST", "templates/web-service/update/plan/", plan)
    ended = ocean("template", "update", "web-service", "--yes", "--set", "memory=256", "--note", "smaller")
    assert ended.code == 0, ended.err
    assert "  ! memory_mib: the job made it 2, the template 3\n" in ended.out
    assert ended.out.endswith(f"ocean release publish {TAG}\n")
    [asked] = fake.calls("POST", "templates/web-service/update/")
    assert asked.body == {
        "parameters": {"memory": 256},
        "jobs": [{"job": TAG, "version": 4, "take": {}}],
        "note": "smaller",
    }


def test_who_wins_is_said(ocean: Ocean, fake: FakeOcean) -> None:
    plan = answer(update(DB, "conflict", "memory_mib"))
    fake.on("POST", "templates/web-service/update/plan/", plan)
    assert ocean("template", "update", "web-service", DB, "--take", "job", "-y", "-q").out == f"{TAG}\n"
    assert fake.calls("POST", "templates/web-service/update/plan/")[0].body == {"jobs": [{"job": DB}]}
    body = fake.calls("POST", "templates/web-service/update/")[0].body
    assert body["jobs"] == [{"job": DB, "version": 4, "take": {"memory_mib": "job"}}]


@pytest.mark.parametrize(
    ("arguments", "rows", "code"),
    [
        (["--plan-only"], [update(TAG, "changes")], 0),
        (["--yes"], [update(TAG, "conflict", "cpus")], 0),
        (["--yes"], [], 0),
        ([], [update(TAG, "changes")], 2),
    ],
)
def test_what_saves_nothing(
    ocean: Ocean, fake: FakeOcean, arguments: list[str], rows: list[dict[str, Any]], code: int
) -> None:
    fake.on("POST", "templates/web-service/update/plan/", answer(*rows))
    assert ocean("template", "update", "web-service", *arguments).code == code
    assert fake.calls("POST", "templates/web-service/update/") == []
