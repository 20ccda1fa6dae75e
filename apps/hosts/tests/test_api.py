"""Hosts over the API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from apps.accounts.tests.factories import make_user
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.factories import make_cluster
from apps.hosts.tests.factories import make_host

pytestmark = pytest.mark.django_db

HOSTS = "/api/v1/hosts/"


def test_a_host_is_shown_whole_to_everybody() -> None:
    make_host(
        cluster=make_cluster(name="staging"),
        agent_id="a1",
        hostname="node1",
        promised={"disk_io": 5},
        instances=2,
        registered_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    client = api_client(make_user())
    shown = client.get(f"{HOSTS}staging/node1/").json()
    assert shown == {
        "cluster": "staging",
        "idc": "lg",
        "hostname": "node1",
        "agent_id": "a1",
        "address": "127.0.0.1",
        "rack": "lg-r1",
        "attributes": {"rack": "lg-r1", "idc": "lg"},
        "resources": {"cpus": 4.0, "mem": 8192.0, "disk": 51200.0},
        "used": {"cpus": 1.0, "mem": 1024.0, "disk": 0.0},
        "promised": {"disk_io": 5.0},
        "instances": 2,
        "in_service": True,
        "active": True,
        "draining": False,
        "registered": "2026-01-02T00:00:00Z",
        "gone_since": None,
    }
    assert client.get(HOSTS).json()["results"] == [shown]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["a", "b", "c"]),
        ("cluster=staging", ["a", "b"]),
        ("rack=r2", ["b"]),
        ("idc=c3", ["c"]),
        ("hostname=a", ["a"]),
        ("in_service=true", ["a"]),
        ("in_service=false", ["b", "c"]),
        ("search=r2", ["b"]),
        ("ordering=-hostname", ["c", "b", "a"]),
    ],
)
def test_filters(query: str, names: list[str]) -> None:
    staging, far = make_cluster(name="staging"), make_cluster(name="zz-far", idc="c3")
    make_host(cluster=staging, hostname="a")
    make_host(cluster=staging, hostname="b", rack="r2", draining=True)
    make_host(cluster=far, hostname="c", gone_since=timezone.now())
    shown = api_client(make_user()).get(f"{HOSTS}?{query}").json()
    assert [row["hostname"] for row in shown["results"]] == names


def test_a_host_that_came_back_is_the_one_that_is_there() -> None:
    cluster = make_cluster(name="staging")
    make_host(cluster=cluster, hostname="a", agent_id="new")
    make_host(cluster=cluster, hostname="a", agent_id="old", gone_since=timezone.now())
    assert api_client(make_user()).get(f"{HOSTS}staging/a/").json()["agent_id"] == "new"


def test_a_host_that_is_not_there_is_404() -> None:
    host = make_host()
    client = api_client(make_user())
    assert client.get(f"{HOSTS}{host.cluster.name}/none/").status_code == 404
    assert client.get(f"{HOSTS}none/{host.hostname}/").status_code == 404
    assert field_codes(client.get(f"{HOSTS}?in_service=maybe")) == {"in_service": "invalid_choice"}
