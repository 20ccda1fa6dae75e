"""OCEAN_CLUSTERS becomes rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.core.models import AuditEntry, Cluster
from apps.core.tests.factories import make_cluster

pytestmark = pytest.mark.django_db

STAGING: dict[str, Any] = {
    "name": "staging",
    "idc": "lg",
    "environment": "staging",
    "marathon": ["http://m1:8080/", "http://m2:8080"],
    "mesos": ["http://m1:5050"],
}


def test_a_listed_cluster_gets_a_row(settings: Settings) -> None:
    settings.OCEAN_CLUSTERS = [STAGING | {"username": "ocean", "password": "s3cret"}]
    call_command("clusters_sync")

    cluster = Cluster.objects.get()
    assert (cluster.name, cluster.idc, cluster.environment, cluster.enabled) == (
        "staging",
        "lg",
        "staging",
        True,
    )
    assert cluster.marathon_urls == ["http://m1:8080", "http://m2:8080"]
    assert (cluster.mesos_urls, cluster.chronos_urls) == (["http://m1:5050"], [])
    assert (cluster.username, cluster.password) == ("ocean", "s3cret")


def test_a_second_run_changes_nothing_and_says_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.OCEAN_CLUSTERS = [STAGING]
    call_command("clusters_sync")
    assert capsys.readouterr().out == "cluster staging: created\n"
    call_command("clusters_sync")
    assert capsys.readouterr().out == ""
    assert AuditEntry.objects.count() == 1


def test_a_changed_entry_changes_its_row_and_enables_it_again(settings: Settings) -> None:
    make_cluster(name="staging", enabled=False, username="old", password="old")
    settings.OCEAN_CLUSTERS = [STAGING]
    call_command("clusters_sync")

    cluster = Cluster.objects.get()
    assert (cluster.enabled, cluster.username, cluster.password) == (True, "", "")
    assert cluster.mesos_urls == ["http://m1:5050"]


def test_a_cluster_no_longer_listed_is_disabled_not_deleted(settings: Settings) -> None:
    make_cluster(name="old")
    settings.OCEAN_CLUSTERS = [STAGING]
    call_command("clusters_sync")
    assert dict(Cluster.objects.values_list("name", "enabled")) == {"old": False, "staging": True}


def test_an_empty_setting_leaves_the_clusters_to_the_sres(settings: Settings) -> None:
    make_cluster(name="theirs")
    settings.OCEAN_CLUSTERS = []
    call_command("clusters_sync")
    assert Cluster.objects.get().enabled


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"name": "staging"}, "OCEAN_CLUSTERS: OCEAN_CLUSTERS must be a list of clusters."),
        (["staging"], "OCEAN_CLUSTERS[0]: Invalid data."),
        ([STAGING | {"marathon": []}], "OCEAN_CLUSTERS[0].marathon: This list may not be empty."),
        ([STAGING | {"marathon": "http://m1"}], "OCEAN_CLUSTERS[0].marathon: Expected a list"),
        ([STAGING | {"mesos": ["m1:5050"]}], "OCEAN_CLUSTERS[0].mesos[0]: not an http(s) address"),
        ([STAGING, STAGING], "OCEAN_CLUSTERS[1].name: The cluster staging is listed twice."),
        ([STAGING | {"name": "a_b"}], "OCEAN_CLUSTERS[0].name: Use lower-case letters"),
        ([STAGING | {"marathon_urls": []}], "OCEAN_CLUSTERS[0].marathon_urls: There is no such field."),
    ],
)
def test_a_malformed_entry_is_named_and_nothing_is_changed(
    settings: Settings, entries: Any, message: str
) -> None:
    make_cluster(name="staging")
    settings.OCEAN_CLUSTERS = entries
    with pytest.raises(CommandError) as caught:
        call_command("clusters_sync")
    assert message in str(caught.value)
    assert Cluster.objects.get().marathon_urls == ["http://127.0.0.1:1"]
