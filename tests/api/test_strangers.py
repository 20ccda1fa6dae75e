"""Who may not know of a thing learns nothing of it; who may only look changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.accounts.models import ApiToken, Role
from apps.accounts.tests.factories import make_member, make_token, make_user
from apps.core.models import AuditEntry
from apps.core.tests.client import api_client, problem_type
from apps.core.tests.factories import make_operation
from apps.jobs.tests.factories import make_job_operation, make_running_job
from tests.api.routes import ROUTES, Route
from tests.things import NUMBER, Things, written

pytestmark = pytest.mark.django_db

OPEN_TO_ALL = {"schema", "api-docs", "sign-in", "schedule-rung"}
"""The last has tokens of its own kind (apps/elastic/tests/test_schedule_ringing.py)."""
BODIES: dict[str, Any] = {
    "partial_update": {"spec": {"cpus": 1}},
    "scale": {"instances": 1},
    "rollback": {"version": 1},
}
"""Valid bodies by action; the other actions take none."""
UNKNOWN: dict[str, dict[str, Any]] = {
    "job": {"tag": "job.none"},
    "favourite": {"tag": "job.none"},
    "product-line": {"tag": "pdl.none", "line": "pdl.none"},
    "member": {"line": "pdl.none"},
    "secret": {"line": "pdl.none"},
    "release": {"pk": NUMBER},
    "template": {"name": "none", "template": "none"},
    "operation": {"pk": NUMBER},
    "view": {"pk": NUMBER},
    "notification-group": {"name": "none"},
    "notification-channel": {"group": "none"},
    "notification": {"pk": NUMBER},
    "token": {"pk": NUMBER},
    "drift": {"pk": NUMBER},
}
FAMILIES = UNKNOWN.keys()
CHANGED_BY_DEVELOPERS = {
    "notification-group",
    "notification-channel",
    "job",
    "product-line",
    "member",
    "secret",
    "release",
    "template",
    "operation",
    "view",
}


def family(route: Route) -> str:
    """How the names of the routes of one kind of thing begin."""
    return next((name for name in FAMILIES if route.name.startswith(f"{name}-")), "")


CHANGING = [
    route
    for route in ROUTES
    if route.method != "get"
    and route.parameters
    and family(route) in CHANGED_BY_DEVELOPERS
    # Answers job by job what may not be changed (apps/jobs/tests/test_api_templates.py).
    and not route.name.startswith("template-update")
]


def test_every_address_of_a_thing_is_in_the_tests_here() -> None:
    others = {route.name for route in ROUTES if route.parameters and not family(route)}
    assert others == {"cluster-detail", "host-detail", "schedule-rung"}, "who may know of it? see FAMILIES"


@pytest.mark.parametrize("route", [route for route in ROUTES if route.parameters and family(route)], ids=str)
def test_a_thing_of_others_is_as_unknown_as_none(route: Route) -> None:
    known = Things.make().of_api(family(route))
    unknown = {**known, **UNKNOWN[family(route)]}
    stranger = api_client(make_member())
    before = written()

    answers = [
        stranger.generic(route.method, route.url(**values), "{}", content_type="application/json")
        for values in (known, unknown)
    ]

    for answer in answers:
        assert answer.status_code == 404
        assert problem_type(answer) == "not-found"
    bodies = [answer.json() | {"request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1]
    assert written() == before


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.parameters], ids=str)
def test_no_list_tells_of_the_things_of_others(route: Route) -> None:
    things = Things.make()
    stranger = api_client(make_member())
    query = f"?q={things.job.name}" if route.name == "search" else ""

    answer = stranger.generic(route.method, f"{route.url()}{query}", "{}", content_type="application/json")

    assert answer.status_code < 500
    text = answer.content.decode()
    assert not [word for word in things.words() if word in text]


@pytest.mark.parametrize("route", CHANGING, ids=str)
def test_a_viewer_changes_nothing(route: Route) -> None:
    things = Things.make()
    viewer = api_client(make_member(things.line, role=Role.VIEWER))
    values = things.of_api(family(route))
    before = written()

    answer = viewer.generic(
        route.method,
        route.url(**values),
        json.dumps(BODIES.get(route.action, {}) | ({"value": "x"} if family(route) == "secret" else {})),
        content_type="application/json",
    )

    assert answer.status_code == 403
    assert problem_type(answer) == "forbidden"
    assert written() == before


def test_an_operation_of_several_lines_is_told_by_its_release_or_by_sres() -> None:
    dev = make_member()
    operation = make_operation(target_type="release", product_line=None, requested_by=dev)
    answer = api_client(dev).post(f"/api/v1/operations/{operation.pk}/cancel/")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This belongs to no single product line, so it is for SREs."


def test_the_operation_of_others_is_unknown_and_cannot_be_cancelled() -> None:
    operation = make_job_operation(make_running_job())
    stranger = api_client(make_member())
    assert stranger.get(f"/api/v1/operations/{operation.pk}/").status_code == 404
    assert stranger.post(f"/api/v1/operations/{operation.pk}/cancel/").status_code == 404
    operation.refresh_from_db()
    assert operation.cancel_requested_at is None


@pytest.mark.parametrize("route", [route for route in ROUTES if route.name not in OPEN_TO_ALL], ids=str)
@pytest.mark.parametrize("credentials", ["", "Token ocean_wrong", "Token", "Token a b"])
def test_without_a_valid_token_every_route_is_401(route: Route, credentials: str) -> None:
    client = api_client(None)
    if credentials:
        client.credentials(HTTP_AUTHORIZATION=credentials)
    values = dict.fromkeys(route.parameters, "1")
    answer = client.generic(route.method, route.url(**values), "{}", content_type="application/json")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert problem_type(answer) == "unauthenticated"
    assert not AuditEntry.objects.exists()


def test_the_token_of_somebody_who_left_is_worth_nothing() -> None:
    user = make_user()
    client = api_client(user)
    assert client.get("/api/v1/users/me/").status_code == 200
    user.is_active = False
    user.save()
    assert client.get("/api/v1/users/me/").status_code == 401


def test_bearer_is_understood_too() -> None:
    key = make_token(make_user())
    client = api_client(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.get("/api/v1/users/me/").status_code == 200
    assert ApiToken.objects.get().last_used_at is not None
