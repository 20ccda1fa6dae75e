"""Every error leaves the API as a problem (RFC 9457), whatever raised it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.accounts.tests.factories import make_user
from apps.core.api.problems import problem_of
from apps.core.tests.client import api_client, problem_type
from clients.errors import (
    Call,
    Conflict,
    NotFound,
    ProtocolError,
    Refused,
    RemoteError,
    TimedOut,
    Unauthorized,
    Unavailable,
)

TOKENS = "/api/v1/users/me/tokens/"
CALL: Call = {"remote": "marathon staging", "operation": "scale /a"}


@pytest.fixture
def client(db: None) -> APIClient:
    return api_client(make_user())


def _post(client: APIClient, body: bytes, content_type: str = "application/json") -> Any:
    return client.generic("post", TOKENS, body, content_type=content_type)  # type: ignore[arg-type] # bytes are fine


@pytest.mark.parametrize("path", ["", "nothing/", "jobs", "operations/x/", "jobs/a/b/c/", "jobs/%00/"])
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_an_address_that_is_none_is_a_problem(client: APIClient, method: str, path: str) -> None:
    answer = client.generic(method, f"/api/v1/{path}")
    assert answer.status_code == 404
    assert problem_type(answer) == "not-found"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b'{"name": NaN}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\\\\\u0000"}',
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
        b'{"name": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_storable_json_is_malformed(client: APIClient, body: bytes) -> None:
    answer = _post(client, body)
    assert answer.status_code == 400
    assert problem_type(answer) == "malformed"


def test_a_text_that_only_looks_like_a_nul_is_kept(client: APIClient) -> None:
    answer = client.post(TOKENS, {"name": "a\\u0000b 😀"})
    assert (answer.status_code, answer.json()["name"]) == (201, "a\\u0000b 😀")


def test_a_body_has_a_limit(client: APIClient) -> None:
    answer = _post(client, b" " * (3 * 1024**2))
    assert (answer.status_code, problem_type(answer)) == (413, "too-large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_understood(client: APIClient, content_type: str) -> None:
    answer = _post(client, b"name=x", content_type=content_type)
    assert (answer.status_code, problem_type(answer)) == (415, "unsupported-media-type")


def test_a_method_that_an_address_does_not_have(client: APIClient) -> None:
    answer = client.put(TOKENS, {})
    assert (answer.status_code, problem_type(answer)) == (405, "method-not-allowed")
    assert set(answer["Allow"].split(", ")) == {"GET", "POST", "HEAD", "OPTIONS"}


def test_an_accept_header_that_we_cannot_serve(client: APIClient) -> None:
    answer = client.get(TOKENS, HTTP_ACCEPT="text/html")
    assert (answer.status_code, problem_type(answer)) == (406, "not-acceptable")


def test_a_fault_of_ours_says_nothing_of_our_insides(
    db: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.OCEAN_ENCRYPTION_KEYS = ["no key at all: hunter2"]
    settings.DEBUG = True
    sre = api_client(make_user(is_sre=True))
    body = {
        "name": "c1",
        "idc": "lg",
        "environment": "staging",
        "marathon": ["http://m:1"],
        "mesos": ["http://m:2"],
        "password": "secret",
    }
    answer = sre.post("/api/v1/clusters/", body)
    assert answer.status_code == 500
    assert problem_type(answer) == "internal"
    assert "key" not in answer.content.decode().lower()
    record = next(record for record in caplog.records if record.getMessage() == "request_crashed")
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("error", "status", "slug", "retry_after"),
    [
        (Unavailable("no connection", **CALL), 503, "unavailable", "5"),
        (Unavailable("overloaded", **CALL, retry_after_s=29.2), 503, "unavailable", "30"),
        (TimedOut("no answer in 10 s", **CALL), 503, "unavailable", "5"),
        (Refused("bad app", **CALL, details=(("/cpus", "too many"),)), 422, "scheduler-refused", None),
        (NotFound("no such task", **CALL), 404, "not-found", None),
        (Conflict("locked", **CALL), 409, "scheduler-conflict", None),
        (Unauthorized("who?", **CALL), 502, "scheduler-unusable", None),
        (ProtocolError("HTML", **CALL), 502, "scheduler-unusable", None),
    ],
)
def test_what_a_scheduler_answered_is_passed_on_in_its_words(
    error: RemoteError, status: int, slug: str, retry_after: str | None
) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.slug) == (status, slug)
    assert problem.detail == str(error)
    assert problem.headers.get("Retry-After") == retry_after


def test_a_database_that_is_away_is_503() -> None:
    problem: Any = problem_of(OperationalError("server closed the connection: password=x"))
    assert (problem.status, problem.headers) == (503, {"Retry-After": "5"})
    assert "password" not in problem.detail


def test_texts_are_in_the_readers_language(client: APIClient) -> None:
    english = client.get("/api/v1/jobs/none/").json()["detail"]
    chinese = client.get("/api/v1/jobs/none/", HTTP_ACCEPT_LANGUAGE="zh-hans")
    assert chinese["Content-Language"] == "zh-hans"
    assert english == "There is no such thing, or none that you may know of."
