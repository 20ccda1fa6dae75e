"""Patience with what passes, nothing done twice, and the exit code of each answer."""

from __future__ import annotations

import pytest

from ocean_cli.tests.conftest import Clock, Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, job, operation, page, problem

JOB = f"jobs/{TAG}/"


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, 3), (401, 4), (403, 4), (404, 4), (409, 5), (422, 3), (429, 6), (500, 1), (502, 6), (503, 6)],
)
def test_each_status_has_its_exit_code(ocean: Ocean, fake: FakeOcean, status: int, code: int) -> None:
    fake.on("POST", f"{JOB}restart/", problem(status, "x", "Because."))
    ended = ocean("restart", TAG, "--retry-for", "0")
    assert ended.code == code
    assert ended.err.startswith("Error: Because.\n")


def test_every_bad_field_is_a_line(ocean: Ocean, fake: FakeOcean) -> None:
    errors = [
        {"field": "instances", "code": "max", "detail": "Too many."},
        {"field": "", "code": "x", "detail": "And so on."},
    ]
    fake.on("POST", f"{JOB}scale/", problem(400, "invalid-input", "Too many. And so on.", errors=errors))
    ended = ocean("scale", TAG, "9")
    assert (ended.code, ended.err) == (3, "Error: instances: Too many.\nAnd so on.\n")


def test_a_busy_job_says_how_to_follow_what_holds_it(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", f"{JOB}restart/", problem(409, "target-busy", "Operation #4 works on it.", operation=4))
    ended = ocean("restart", TAG)
    assert ended.code == 5
    assert "`ocean wait 4` follows it" in ended.err


def test_a_console_that_says_when_to_come_back_is_asked_then(
    ocean: Ocean, fake: FakeOcean, clock: Clock
) -> None:
    fake.on("GET", "jobs/", problem(503, "unavailable", "Away.", retry_after=7), page(job()))
    ended = ocean("jobs", "-q")
    assert (ended.code, clock.naps) == (0, [7.0])
    assert ended.out == f"{TAG}\n"


def test_a_write_is_repeated_with_the_same_key(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on(
        "POST",
        f"{JOB}restart/",
        Reply(cut=True),
        problem(503, "unavailable", "Away."),
        Reply(operation(), 202),
    )
    ended = ocean("restart", TAG)
    assert ended.code == 0, ended.err
    keys = [one.headers["Idempotency-Key"] for one in fake.asked]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    ocean("restart", TAG)
    assert fake.asked[-1].headers["Idempotency-Key"] != keys[0]


def test_what_has_no_key_and_may_have_arrived_is_not_repeated(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", "tokens/", Reply(cut=True))
    ended = ocean("login", fake.url, "-u", "dev", "--password-stdin", stdin="x\n")
    assert ended.code == 6
    assert len(fake.calls("POST", "tokens/")) == 1
    assert "It may have been taken up" in ended.err


def test_patience_has_an_end(ocean: Ocean, fake: FakeOcean, clock: Clock) -> None:
    fake.on("GET", "jobs/", Reply(cut=True))
    ended = ocean("jobs", "--retry-for", "5")
    assert ended.code == 6
    assert 0 < sum(clock.naps) <= 5
    assert ended.err.splitlines()[-1] == f"Error: {fake.url} does not answer."


def test_a_port_where_nobody_listens(ocean: Ocean, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCEAN_URL", "http://127.0.0.1:1")
    assert ocean("jobs", "--retry-for", "0").code == 6


def test_a_redirect_is_not_followed_with_the_token(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", "jobs/", Reply(status=301, headers={"Location": "https://elsewhere.example/"}))
    ended = ocean("jobs")
    assert (ended.code, "https://elsewhere.example/" in ended.err) == (4, True)
    assert len(fake.asked) == 1


def test_netrc_does_not_replace_the_token(
    ocean: Ocean, fake: FakeOcean, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(netrc))
    fake.on("GET", "jobs/", page())
    ocean("jobs")
    assert fake.asked[0].headers["Authorization"] == "Token ocean_secret"


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, None),
        ({"LANG": "C.UTF-8"}, None),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-hans"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US"}, "en"),
        ({"LANG": "en_GB.UTF-8", "OCEAN_LANG": "zh-hans"}, "zh-hans"),
    ],
)
def test_the_console_answers_in_ones_language(
    ocean: Ocean,
    fake: FakeOcean,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    sent: str | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    fake.on("GET", "jobs/", page())
    ocean("jobs")
    assert fake.asked[0].headers.get("Accept-Language") == sent
