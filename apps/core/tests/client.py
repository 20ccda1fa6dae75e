"""The API's door for tests: JSON in, JSON out, by a real token."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import make_token


def api_client(user: User | None) -> APIClient:
    """A client that sends the person's token and JSON; None sends no token."""
    client = APIClient()
    client.default_format = "json"
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Token {make_token(user)}")
    return client


def field_codes(answer: Any) -> dict[str, str]:
    """The fields that a 400 names, with the code of each."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def problem_type(answer: Any) -> str:
    """The end of a problem's type: `target-busy`."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer["X-Request-ID"]
    prefix, _, slug = body["type"].rpartition(":")
    assert prefix == "urn:ocean:problem"
    return str(slug)
