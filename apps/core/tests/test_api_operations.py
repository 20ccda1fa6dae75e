"""Operations over the API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import ProductLine, Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import Operation, OperationLog
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_cluster, make_operation

pytestmark = pytest.mark.django_db

OPERATIONS = "/api/v1/operations/"


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def dev(line: ProductLine) -> User:
    return make_member(line, username="dev")


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


def test_an_operation_is_shown_whole(client: APIClient, dev: User, line: ProductLine) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    operation = make_operation(
        product_line=line,
        cluster=make_cluster(name="staging"),
        requested_by=dev,
        reason="the old one leaks",
        target="job.x",
        state=Operation.State.FAILED,
        progress=40,
        message="%(done)s of %(all)s are healthy.",
        message_values={"done": 1, "all": 3},
        error="%(count)s instances fail their health check.",
        error_values={"count": 2},
        created_at=at,
        started_at=at,
        finished_at=at,
    )
    OperationLog.objects.create(
        operation=operation, at=at, level="warning", text="asked for %(n)s", values={"n": 3}
    )
    assert client.get(f"{OPERATIONS}{operation.pk}/").json() == {
        "id": operation.pk,
        "kind": "job.scale",
        "target": "job.x",
        "product_line": line.tag,
        "cluster": "staging",
        "state": "failed",
        "progress": 40,
        "message": "1 of 3 are healthy.",
        "error": "2 instances fail their health check.",
        "requested_by": "dev",
        "reason": "the old one leaks",
        "controls": [],
        "next": None,
        "takes_over": None,
        "created": "2026-01-02T03:04:05Z",
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:04:05Z",
        "log": [{"time": "2026-01-02T03:04:05Z", "level": "warning", "text": "asked for 3"}],
    }


def test_times_are_utc_whatever_zone_the_person_reads_in(line: ProductLine) -> None:
    reader = make_member(line, time_zone="Asia/Shanghai")
    operation = make_operation(product_line=line, created_at=datetime(2026, 1, 2, tzinfo=UTC))
    shown = api_client(reader).get(f"{OPERATIONS}{operation.pk}/").json()
    assert shown["created"] == "2026-01-02T00:00:00Z"


def test_one_sees_ones_own_product_lines_an_sre_all(client: APIClient, line: ProductLine) -> None:
    own = make_operation(product_line=line)
    others = make_operation(product_line=make_product_line())
    platform = make_operation()

    def shown(viewer: APIClient) -> list[int]:
        return [row["id"] for row in viewer.get(OPERATIONS).json()["results"]]

    assert shown(client) == [own.pk]
    assert shown(api_client(make_sre())) == [platform.pk, others.pk, own.pk]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("kind=job.stop", ["b"]),
        ("state=failed", ["b"]),
        ("state=failed&state=queued", ["b", "a"]),
        ("active=true", ["a"]),
        ("active=false", ["b"]),
        ("target=a", ["a"]),
        ("mine=true", ["a"]),
        ("mine=false", ["b"]),
        ("cluster=staging", ["a"]),
        ("search=stop", ["b"]),
        ("search=leak", ["a"]),
        ("ordering=created", ["a", "b"]),
    ],
)
def test_filters(client: APIClient, dev: User, line: ProductLine, query: str, names: list[str]) -> None:
    cluster = make_cluster(name="staging")
    make_operation(product_line=line, target="a", requested_by=dev, cluster=cluster, reason="a leak")
    make_operation(
        product_line=line, target="b", kind="job.stop", state=Operation.State.FAILED, requested_by=make_user()
    )
    shown = client.get(f"{OPERATIONS}?{query}").json()
    assert [row["target"] for row in shown["results"]] == names


def test_a_yes_or_no_that_is_neither_is_bad_input(client: APIClient) -> None:
    assert field_codes(client.get(f"{OPERATIONS}?mine=perhaps")) == {"mine": "invalid_choice"}


def test_a_cancel_is_noted_once(client: APIClient, line: ProductLine) -> None:
    operation = make_operation(product_line=line, state=Operation.State.WAITING)
    for _ in range(2):
        answer = client.post(f"{OPERATIONS}{operation.pk}/cancel/")
        assert answer.status_code == 202
        assert answer.json()["id"] == operation.pk
    assert [row["text"] for row in answer.json()["log"]] == ["dev asked to cancel."]
    operation.refresh_from_db()
    assert operation.cancel_requested_at is not None


def test_a_cancel_of_what_has_ended_changes_nothing(client: APIClient, line: ProductLine) -> None:
    operation = make_operation(product_line=line, state=Operation.State.SUCCEEDED, finished_at=timezone.now())
    answer = client.post(f"{OPERATIONS}{operation.pk}/cancel/")
    assert (answer.status_code, answer.json()["state"]) == (202, "succeeded")
    assert answer.json()["log"] == []


def test_a_viewer_may_not_cancel(line: ProductLine) -> None:
    operation = make_operation(product_line=line)
    viewer = api_client(make_member(line, role=Role.VIEWER))
    assert problem_type(viewer.post(f"{OPERATIONS}{operation.pk}/cancel/")) == "forbidden"
    operation.refresh_from_db()
    assert operation.cancel_requested_at is None
