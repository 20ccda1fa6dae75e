"""Drift: recorded by whoever owns the thing, shown to SREs, mended by a button."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.accounts.tests.factories import make_member, make_sre
from apps.core import drift as drifts
from apps.core.drift import Action, DriftKind, drift_clear, drift_record, register_drift_kind
from apps.core.models import AuditEntry, Drift
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.factories import make_cluster, make_drift

pytestmark = pytest.mark.django_db

asked: list[tuple[str, Action]] = []


@pytest.fixture(autouse=True)
def _a_kind() -> Iterator[None]:
    def fix(drift: Drift, action: Action) -> None:
        asked.append((drift.object, action))

    register_drift_kind(DriftKind("test", "Test things", ("adopt", "reapply"), fix))
    asked.clear()
    yield
    del drifts._kinds["test"]


def record(**overrides: object) -> Drift:
    values = {"kind": "test", "cluster": None, "object": "x", "wanted": ["a", "b"], "found": ["a", "c"]}
    return drift_record(**{**values, **overrides})  # type: ignore[arg-type]


def test_one_thing_has_one_row_since_it_began() -> None:
    first = record()
    again = record(found=["a", "d"])

    assert (again.pk, again.since, again.found) == (first.pk, first.since, ["a", "d"])
    drift_clear(kind="test", cluster=None, objects=["x", "y"])
    assert not Drift.objects.exists()


def test_what_is_ignored_comes_back_when_it_is_something_else() -> None:
    Drift.objects.filter(pk=record().pk).update(ignored_at="2026-01-01T00:00Z")

    assert record().ignored_at is not None
    assert record(found=["d"]).ignored_at is None


def test_the_api_shows_and_mends() -> None:
    cluster = make_cluster()
    drift = record(cluster=cluster)
    client = api_client(make_sre())

    (row,) = client.get("/api/v1/drift/").json()["results"]
    assert {**row, "since": None} == {
        "id": drift.pk,
        "kind": "test",
        "cluster": cluster.name,
        "object": "x",
        "wanted": ["a", "b"],
        "found": ["a", "c"],
        "since": None,
        "ignored": None,
        "actions": ["adopt", "reapply", "ignore"],
    }
    assert client.post(f"/api/v1/drift/{drift.pk}/fix/", {"action": "reapply"}).status_code == 200
    assert asked == [("x", "reapply")]
    entry = AuditEntry.objects.get(action__startswith="drift.")
    assert (entry.action, entry.object) == ("drift.reapply", "x")


def test_ignoring_is_for_every_kind_and_can_be_filtered() -> None:
    unknown = make_drift(kind="nobody knows")
    client = api_client(make_sre())

    answer = client.post(f"/api/v1/drift/{unknown.pk}/fix/", {"action": "ignore"})
    assert answer.json()["ignored"] is not None
    assert answer.json()["actions"] == []
    assert client.get("/api/v1/drift/?ignored=false").json()["count"] == 0
    assert client.get("/api/v1/drift/?ignored=true").json()["count"] == 1


@pytest.mark.parametrize("action", ["adopt", "destroy"])
def test_what_is_not_offered_is_refused(action: str) -> None:
    unknown = make_drift(kind="nobody knows")

    answer = api_client(make_sre()).post(f"/api/v1/drift/{unknown.pk}/fix/", {"action": action})
    assert field_codes(answer) == {"action": "invalid_choice"}
    assert not AuditEntry.objects.filter(action__startswith="drift.").exists()


def test_for_others_there_is_none(client: Client) -> None:
    drift = record()
    member = make_member()

    assert api_client(member).get("/api/v1/drift/").json()["count"] == 0
    assert api_client(member).post(f"/api/v1/drift/{drift.pk}/fix/", {"action": "reapply"}).status_code == 404
    client.force_login(member)
    assert client.post(f"/drift/{drift.pk}/fix/", {"action": "reapply"}).status_code == 404
    assert b"job.x" not in client.get("/drift/").content
    assert asked == []


def test_the_page_shows_what_differs_and_mends(client: Client) -> None:
    drift = record()
    client.force_login(make_sre())

    page = client.get("/drift/").content.decode()
    assert "Test things" in page
    assert "<code>b</code>" in page
    assert "<code>c</code>" in page
    assert "<code>a</code>" not in page
    answer = client.post(f"/drift/{drift.pk}/fix/", {"action": "adopt"}, follow=True)
    assert asked == [("x", "adopt")]
    assert "The row goes when both agree again" in answer.content.decode()


@pytest.mark.parametrize("rows", [2, 20])
def test_the_page_takes_as_many_queries_for_many_rows(
    client: Client, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(make_sre())
    for _ in range(rows):
        make_drift(cluster=make_cluster())
    with django_assert_num_queries(5):
        client.get("/drift/")


def test_an_empty_page_says_so(client: Client) -> None:
    client.force_login(make_sre())

    assert "Everything agrees" in client.get("/drift/").content.decode()
