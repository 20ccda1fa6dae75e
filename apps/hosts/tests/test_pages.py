"""The list of hosts and how full the pool is."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.tests.factories import make_user
from apps.core.tests.factories import make_cluster
from apps.core.tests.pages import part, queries, read
from apps.hosts.capacity import Amount, Capacity, capacity_by_cluster
from apps.hosts.resources import amount_text, host_resources
from apps.hosts.tests.factories import make_host

pytestmark = pytest.mark.django_db
LIST = "/hosts/"


@pytest.fixture(autouse=True)
def signed_in(client: Client) -> None:
    client.force_login(make_user())


def test_everyone_sees_all_hosts_with_their_state_in_words(client: Client) -> None:
    make_host(hostname="up")
    make_host(hostname="emptying", draining=True)
    make_host(hostname="off", active=False)
    make_host(hostname="lost", active=False, gone_since=timezone.now())
    seen = read(client, LIST)
    for words in ("up 127.0.0.1 in service", "emptying 127.0.0.1 draining", "off 127.0.0.1 not in service"):
        assert words in seen
    assert "lost 127.0.0.1 gone now" in seen


def test_the_list_says_what_is_missing_when_there_is_no_host(client: Client) -> None:
    assert "manage.py watch" in read(client, LIST)


def test_filters_are_in_the_address(client: Client) -> None:
    staging, other = make_cluster(name="staging"), make_cluster(name="production-c3", idc="c3")
    make_host(hostname="a-1", cluster=staging, rack="r1")
    make_host(hostname="a-2", cluster=staging, rack="r2", active=False)
    make_host(hostname="b-1", cluster=other, rack="r1")

    def shown(query: str) -> list[str]:
        region = part(client, f"{LIST}?{query}", "hosts")
        return [name for name in ("a-1", "a-2", "b-1") if f">{name}<" in region]

    assert shown("") == ["a-1", "a-2", "b-1"]
    assert shown("cluster=staging") == ["a-1", "a-2"]
    assert shown("rack=r1") == ["a-1", "b-1"]
    assert shown("in_service=false") == ["a-2"]
    assert shown("idc=c3") == ["b-1"]
    assert shown("search=b-") == ["b-1"]


def test_a_filter_that_has_no_drop_down_stays_while_others_change(client: Client) -> None:
    make_host()
    html = client.get(f"{LIST}?idc=lg").content.decode()
    assert '<input type="hidden" name="idc" value="lg"' in html


def test_the_list_costs_the_same_for_two_and_for_forty(client: Client) -> None:
    cluster = make_cluster()
    for _ in range(2):
        make_host(cluster=cluster)
    few = queries(client, LIST)
    for _ in range(38):
        make_host(cluster=cluster)
    # session, person, clusters and racks for the filters, how many, the page
    assert (few, queries(client, LIST)) == (6, 6)


def test_resources_show_mesos_account_and_oceans_own() -> None:
    host = make_host(
        resources={"cpus": 24.0, "mem": 131072.0, "disk_io": 500.0, "licences": 3.0},
        used={"cpus": 6.0, "mem": 4096.0, "disk_io": 1.0},
        promised={"disk_io": 60.0},
    )
    shown = [(found.name, found.text, found.promised) for found in host_resources(host)]
    assert shown == [
        ("cpus", "6 / 24", False),
        ("mem", "4 / 128 GiB", False),
        ("disk_io", "60 / 500 MiB/s", True),
        ("licences", "0 / 3", True),
    ]


@pytest.mark.parametrize(
    ("amount", "percent", "text"),
    [
        (Amount(0, 0), 0, "0 / 0"),
        (Amount(0.25, 4), 6, "0.2 / 4"),
        (Amount(3.999, 4), 99, "4.0 / 4"),
        (Amount(5, 4), 100, "5 / 4"),
    ],
)
def test_an_amount_is_full_only_at_a_hundred_percent(amount: Amount, percent: int, text: str) -> None:
    assert (amount.percent, amount_text("cpus", amount)) == (percent, text)


def test_a_clusters_capacity_is_that_of_its_hosts_in_service() -> None:
    cluster, empty = make_cluster(), make_cluster()
    make_host(cluster=cluster, resources={"cpus": 4.0, "mem": 8192.0}, used={"cpus": 1.0})
    make_host(
        cluster=cluster,
        resources={"cpus": 8.0, "mem": 8192.0, "disk": 100.0},
        used={"cpus": 2.0, "disk": 10.0},
    )
    make_host(cluster=cluster, resources={"cpus": 64.0}, draining=True)
    assert capacity_by_cluster() == {
        cluster.pk: Capacity(
            hosts=3, in_service=2, cpus=Amount(3.0, 12.0), mem=Amount(0.0, 16384.0), disk=Amount(10.0, 100.0)
        )
    }
    assert empty.pk not in capacity_by_cluster()


def test_tiles_stand_by_cluster_and_rack_and_say_what_their_colour_means(client: Client) -> None:
    staging = make_cluster(name="staging", idc="lg")
    make_host(hostname="idle", cluster=staging, rack="r1", used={"cpus": 0}, resources={"cpus": 4})
    make_host(hostname="busy", cluster=staging, rack="r2", used={"cpus": 3.8}, resources={"cpus": 4})
    make_host(hostname="off", cluster=staging, rack="r2", active=False)
    seen = read(client, f"{LIST}tiles/")
    assert "staging lg r1 idle CPU 0 % r2 busy CPU 95 % off not in service" in seen
    tiles = part(client, f"{LIST}tiles/?rack=r2", "hosts")
    assert "idle" not in tiles
    assert 'class="host-tile host-full"' in tiles
    assert 'class="host-tile host-off"' in tiles


def test_tiles_cost_the_same_for_few_and_for_many(client: Client) -> None:
    costs = []
    for number in (1, 20):
        for _ in range(number):
            make_host(cluster=make_cluster())
        costs.append(queries(client, f"{LIST}tiles/"))
    assert costs[0] == costs[1]
