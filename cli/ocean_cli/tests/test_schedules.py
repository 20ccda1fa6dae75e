"""Scaling by time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, page, problem

PATH = f"jobs/{TAG}/schedules/"
ROW: dict[str, Any] = {
    "id": 7,
    "start": "2016-10-01T07:00",
    "time_zone": "Asia/Shanghai",
    "interval": "P1D",
    "instances": 4,
    "kind": "floor",
    "note": "the morning",
    "next": None,
    "chronos": {"state": "there", "error": ""},
}


@pytest.fixture(autouse=True)
def answers(fake: FakeOcean) -> None:
    fake.on("GET", PATH, page(ROW))
    fake.on("POST", PATH, Reply(ROW, 201))
    fake.on("DELETE", f"{PATH}7/", Reply(None, 204))


def test_listed(ocean: Ocean) -> None:
    ended = ocean("schedules", "list", TAG)
    assert ended.code == 0, ended.err
    for word in ("2016-10-01T07:00", "Asia/Shanghai", "P1D", "≥ 4", "there", "the morning"):
        assert word in ended.out
    assert ocean("schedules", "list", TAG, "-q").out == "7\n"


def test_added(ocean: Ocean, fake: FakeOcean) -> None:
    ended = ocean("schedules", "add", TAG, "2016-10-01T07:00", "4", "--every", "P1D", "--note", "x")
    assert ended.out == "Schedule 7: ≥ 4 instances, first never.\n"
    ended = ocean(
        "schedules",
        "add",
        TAG,
        "2030-01-01T00:00",
        "2",
        "--exact",
        "--skip-missed",
        "--time-zone",
        "UTC",
        "--json",
    )
    assert json.loads(ended.out) == ROW
    once: dict[str, Any] = {
        "start": "2030-01-01T00:00",
        "interval": "",
        "instances": 2,
        "kind": "exact",
        "misfire": "skip",
        "note": "",
        "time_zone": "UTC",
    }
    assert [asked.body for asked in fake.calls("POST", PATH)] == [
        {
            "start": "2016-10-01T07:00",
            "interval": "P1D",
            "instances": 4,
            "kind": "floor",
            "misfire": "make_up",
            "note": "x",
        },
        once,
    ]


def test_what_is_refused_is_said_at_its_field(ocean: Ocean, fake: FakeOcean) -> None:
    errors = [{"field": "interval", "code": "invalid_interval", "detail": "Write an ISO 8601 duration."}]
    fake.on("POST", PATH, problem(400, "invalid", "Write an ISO 8601 duration.", errors=errors))
    ended = ocean("schedules", "add", TAG, "2016-10-01T07:00", "4", "--every", "daily")
    assert ended.code != 0
    assert "Write an ISO 8601 duration." in ended.err


def test_removed(ocean: Ocean, fake: FakeOcean) -> None:
    assert ocean("schedules", "remove", TAG, "7", "--yes").code == 0
    assert len(fake.calls("DELETE", f"{PATH}7/")) == 1


def test_what_became_of_it(ocean: Ocean, fake: FakeOcean) -> None:
    run = {
        "id": 1,
        "due": "2026-11-20T12:40:00Z",
        "lateness_s": 0.041,
        "state": "applied",
        "trigger": "chronos",
        "instances": 4,
        "kind": "exact",
        "message": "",
    }
    fake.on("GET", f"{PATH}runs/", page(run))
    out = ocean("schedules", "runs", TAG).out
    assert "0.0 s" in out
    assert "chronos" in out
