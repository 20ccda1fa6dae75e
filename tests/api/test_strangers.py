"""Who may not know of a thing learns nothing of it; who may only look changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.serializers import serialize

from apps.accounts.models import ApiToken, Role
from apps.accounts.tests.factories import make_member, make_product_line, make_token, make_user
from apps.core.models import AuditEntry, Operation
from apps.core.tests.client import api_client, problem_type
from apps.jobs.models import Instance, Job, JobEvent, JobVersion, Secret
from apps.jobs.tests.factories import make_job_operation, make_running_job
from tests.api.routes import JOB_ROUTES, LINE_ROUTES, ROUTES, Route

pytestmark = pytest.mark.django_db

OPEN_TO_ALL = {"schema", "api-docs", "sign-in"}
BODIES: dict[str, Any] = {
    "partial_update": {"spec": {"cpus": 1}},
    "scale": {"instances": 1},
    "rollback": {"version": 1},
}
"""Valid bodies by action; the other actions take none."""


def written() -> str:
    """All that a call about a job could have written."""
    return "".join(
        serialize("json", model.objects.order_by("pk"))
        for model in (Job, JobVersion, Instance, JobEvent, Secret, Operation)
    )


@pytest.mark.parametrize("route", JOB_ROUTES, ids=str)
def test_the_job_of_others_is_as_unknown_as_none(route: Route) -> None:
    job = make_running_job()
    known = {"tag": job.tag, "number": 1, "other": 1, "task_id": job.instances.all()[0].task_id}
    unknown = {**known, "tag": "job.none"}
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


@pytest.mark.parametrize("route", LINE_ROUTES, ids=str)
def test_the_product_line_of_others_is_as_unknown_as_none(route: Route) -> None:
    line = make_product_line()
    member = make_member(line)
    values = {"line": line.tag, "tag": line.tag, "username": member.username, "name": "key"}
    answer = api_client(make_member()).generic(
        route.method, route.url(**values), "{}", content_type="application/json"
    )
    assert (answer.status_code, problem_type(answer)) in [(404, "not-found"), (403, "forbidden")]
    if route.method == "get":
        assert answer.status_code == 404
    assert line.memberships.count() == 1
    assert not Secret.objects.exists()


@pytest.mark.parametrize("route", [route for route in JOB_ROUTES if route.method != "get"], ids=str)
def test_a_viewer_changes_nothing(route: Route) -> None:
    job = make_running_job()
    viewer = api_client(make_member(job.product_line, role=Role.VIEWER))
    values = {"tag": job.tag, "number": 1, "other": 1, "task_id": job.instances.all()[0].task_id}
    before = written()

    answer = viewer.generic(
        route.method,
        route.url(**values),
        json.dumps(BODIES.get(route.action, {})),
        content_type="application/json",
    )

    assert answer.status_code == 403
    assert problem_type(answer) == "forbidden"
    assert written() == before


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
