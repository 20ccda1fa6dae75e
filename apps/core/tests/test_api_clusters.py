"""Clusters over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.tests.factories import make_sre, make_user
from apps.core.models import AuditEntry, Cluster
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_cluster, make_watch

pytestmark = pytest.mark.django_db

CLUSTERS = "/api/v1/clusters/"
NEW: dict[str, Any] = {
    "name": "staging",
    "idc": "lg",
    "environment": "staging",
    "marathon": ["http://m1:8080"],
    "mesos": ["http://m1:5050"],
    "username": "ocean",
    "password": "s3cret",
}


def test_everybody_sees_the_clusters_and_how_fresh_their_mirror_is() -> None:
    make_cluster(name="production-c3")
    synced_at = timezone.now() - timedelta(seconds=90)
    make_watch(make_cluster(name="staging"), synced_at=synced_at, connected=False, error="marathon: away")
    shown = api_client(make_user()).get(CLUSTERS).json()["results"]

    assert [row["name"] for row in shown] == ["production-c3", "staging"]
    assert shown[0]["watch"] is None
    watch = shown[1]["watch"]
    assert 90 <= watch.pop("age_s") < 100
    assert watch == {
        "alive": True,
        "connected": False,
        "synced_at": synced_at.isoformat().replace("+00:00", "Z"),
        "engine_version": "",
        "error": "marathon: away",
        "error_since": None,
    }


def test_an_sre_adds_a_cluster_whose_password_is_never_read_back() -> None:
    sre = api_client(make_sre())
    answer = sre.post(CLUSTERS, NEW)
    assert answer.status_code == 201
    cluster = Cluster.objects.get()
    assert (cluster.username, cluster.password) == ("ocean", "s3cret")
    for shown in (answer, sre.get(f"{CLUSTERS}staging/")):
        assert "s3cret" not in shown.content.decode()
        assert shown.json()["marathon"] == ["http://m1:8080"]
    assert AuditEntry.objects.filter(action="cluster.created", object="staging").exists()


def test_bad_fields_are_named() -> None:
    sre = api_client(make_sre())
    bad = NEW | {"name": "a_b", "marathon": ["ftp://m"], "mesos": [], "colour": "red"}
    assert field_codes(sre.post(CLUSTERS, bad)) == {"colour": "unknown_field"}
    del bad["colour"]
    assert field_codes(sre.post(CLUSTERS, bad)) == {
        "name": "invalid_name",
        "marathon[0]": "invalid_address",
        "mesos": "empty",
    }
    make_cluster(name="staging")
    assert field_codes(sre.post(CLUSTERS, NEW)) == {"name": "unique"}
    assert field_codes(sre.post(CLUSTERS, [])) == {"": "invalid"}


def test_an_sre_changes_a_cluster_but_not_its_name() -> None:
    sre = api_client(make_sre())
    cluster = make_cluster(name="staging", password="old")
    answer = sre.patch(f"{CLUSTERS}staging/", {"enabled": False, "mesos": ["http://m2:5050"]})
    assert answer.status_code == 200
    assert (answer.json()["enabled"], answer.json()["mesos"]) == (False, ["http://m2:5050"])
    cluster.refresh_from_db()
    assert (cluster.enabled, cluster.password) == (False, "old")
    assert field_codes(sre.patch(f"{CLUSTERS}staging/", {"name": "other"})) == {"name": "immutable"}
    assert field_codes(sre.patch(f"{CLUSTERS}staging/", [1])) == {"": "invalid"}


@pytest.mark.parametrize(("method", "path"), [("post", CLUSTERS), ("patch", f"{CLUSTERS}staging/")])
def test_others_may_not(method: str, path: str) -> None:
    make_cluster(name="staging")
    for user in (make_user(), make_user(is_dba=True)):
        assert problem_type(getattr(api_client(user), method)(path, {"enabled": False})) == "forbidden"
    assert Cluster.objects.get().enabled


def test_a_prometheus_is_asked_by_the_clusters_own_label_and_expressions() -> None:
    sre = api_client(make_sre())
    assert sre.post(CLUSTERS, NEW).json()["metrics_label"] == "task_id"
    cpu = "100 * sum by ($label) (rate(cpu{$match}[$window]))"
    body = {
        "metrics": "prometheus",
        "metrics_url": "http://prometheus:9090",
        "metrics_label": "container_env_mesos_task_id",
        "metrics_queries": {"cpu": f"  {cpu}\n"},
    }
    answer = sre.patch(f"{CLUSTERS}staging/", body)
    assert answer.status_code == 200
    assert answer.json()["metrics_queries"] == {"cpu": cpu}
    cluster = Cluster.objects.get()
    assert (cluster.metrics_label, cluster.metrics_queries) == ("container_env_mesos_task_id", {"cpu": cpu})


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"metrics_label": "task-id"}, {"metrics_label": "invalid_label"}),
        ({"metrics_label": ""}, {"metrics_label": "blank"}),
        ({"metrics_queries": {"cpu": "rate(cpu[1m])"}}, {"metrics_queries.cpu": "invalid_query"}),
        ({"metrics_queries": {"cpu": "cpu{$match}[$range]"}}, {"metrics_queries.cpu": "invalid_query"}),
        ({"metrics_queries": {"cpu": 'cpu{$match,x=~"a$"}'}}, {"metrics_queries.cpu": "invalid_query"}),
        ({"metrics_queries": {"disk": "disk{$match}"}}, {"metrics_queries.disk": "unknown_field"}),
        ({"metrics_queries": "cpu"}, {"metrics_queries": "invalid"}),
    ],
)
def test_a_label_or_expression_that_is_none_is_named(fields: dict[str, Any], codes: dict[str, str]) -> None:
    make_cluster(name="staging")
    answer = api_client(make_sre()).patch(f"{CLUSTERS}staging/", fields)
    assert field_codes(answer) == codes
    assert Cluster.objects.get().metrics_queries == {}
