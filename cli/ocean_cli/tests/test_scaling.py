"""`ocean scaling`: the policy, its decisions, pauses and approvals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocean_cli.tests.conftest import Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, page, problem

PATH = f"jobs/{TAG}/scaling/"
POLICY: dict[str, Any] = {
    "metric": "cpu",
    "mode": "threshold",
    "out": {"samples": 3, "above": 80},
    "in": {"samples": 3, "below": 60},
    "min": 1,
    "max": 5,
    "enabled": True,
    "advise_only": False,
    "version": 1,
    "status": {"paused": None, "all_paused": None, "proposal": None, "decision": None},
}
DECISION = {
    "time": "2026-11-20T12:00:00Z",
    "last_time": "2026-11-20T12:01:00Z",
    "count": 12,
    "text": "Stays at 4: QPS wants 3, but wanted 4 9 min ago.",
    "operation": None,
}


def test_it_shows_the_policy_and_what_was_decided(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", PATH, POLICY)
    fake.on("GET", f"{PATH}history/", page(DECISION))
    ended = ocean("scaling", TAG)
    assert ended.code == 0, ended.err
    for words in ("cpu > 80, < 60", "1 to 5", "wanted 4 9 min ago. (×12)"):
        assert words in ended.out


def test_several_metrics_and_a_proposal(ocean: Ocean, fake: FakeOcean) -> None:
    metrics = [
        {"metric": "qps", "mode": "target", "target": 60.0},
        {"metric": "cpu", "mode": "target", "target": 65.0},
    ]
    status = {**POLICY["status"], "proposal": {"instances": 2, "since": "2026-11-20T12:00:00Z"}}
    fake.on("GET", PATH, {**POLICY, "metrics": metrics, "status": status})
    fake.on("GET", f"{PATH}history/", page())
    ended = ocean("scaling", TAG)
    assert "qps = 60, cpu = 65" in ended.out
    assert "--approve 2" in ended.out


def test_programs_get_the_policy_as_it_is(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", PATH, POLICY)
    assert json.loads(ocean("scaling", TAG, "-o", "json").out) == POLICY


@pytest.mark.parametrize(
    ("arguments", "call", "body"),
    [
        (["--pause", "--reason", "load test"], "pause/", {"reason": "load test"}),
        (["--resume"], "resume/", {}),
        (["--approve", "2"], "approve/", {"instances": 2}),
    ],
)
def test_asking(ocean: Ocean, fake: FakeOcean, arguments: list[str], call: str, body: Any) -> None:
    fake.on("POST", f"{PATH}{call}", POLICY)
    fake.on("GET", f"{PATH}history/", page())
    ended = ocean("scaling", TAG, *arguments)
    assert ended.code == 0, ended.err
    assert fake.calls("POST", f"{PATH}{call}")[0].body == body


def test_one_thing_at_a_time(ocean: Ocean) -> None:
    assert ocean("scaling", TAG, "--pause", "--resume").code == 2


def test_a_job_without_a_policy_has_none(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", PATH, problem(404, "not-found", "None."))
    assert ocean("scaling", TAG).code == 4
