"""What every list keeps to: a fixed number of queries, pages with a limit, a total order, no unknown parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apps.accounts.models import ApiToken, Membership, ProductLine, Role
from apps.accounts.services import token_create
from apps.accounts.tests.factories import make_product_line, make_sre, make_user
from apps.core.models import Cluster, NotificationGroup, Operation
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.factories import (
    make_channel,
    make_cluster,
    make_delivery,
    make_drift,
    make_group,
    make_watch,
)
from apps.elastic.models import ScalingSchedule
from apps.elastic.tests.factories import make_decision, make_run, make_schedule
from apps.hosts.selectors import hosts_visible
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Job, JobTemplate, SavedView, Secret
from apps.jobs.services.personal import favourite_set, view_save
from apps.jobs.tests.factories import (
    make_instance,
    make_job,
    make_job_from,
    make_job_operation,
    make_release,
    make_template,
    make_template_version,
    make_version,
)
from tests.api.routes import ROUTES

pytestmark = pytest.mark.django_db


class World:
    """One SRE, one product line, one job: what the lists' rows hang on."""

    def __init__(self) -> None:
        self.sre = make_sre()
        self.line: ProductLine = make_product_line()
        self.cluster: Cluster = make_cluster()
        self.job: Job = make_job(product_line=self.line, cluster=self.cluster)
        self.template: JobTemplate = make_template()
        self.group: NotificationGroup = make_group()
        self.client: APIClient = api_client(self.sre)


def _operation(world: World) -> None:
    make_job_operation(world.job, state=Operation.State.SUCCEEDED, requested_by=world.sre)


def _job(world: World) -> None:
    make_job_operation(make_job(product_line=make_product_line()))


def _member(world: World) -> None:
    Membership.objects.create(product_line=world.line, user=make_user(), role=Role.VIEWER)


def _secret(world: World) -> None:
    name = f"key-{Secret.objects.count()}"
    Secret.objects.create(product_line=world.line, name=name, value="x", updated_by=world.sre)


def _schedule(world: World) -> ScalingSchedule:
    return make_schedule(job=world.job, start=f"2016-10-01T02:{ScalingSchedule.objects.count():02}")


@dataclass(frozen=True)
class List:
    """How to add a row to a list, and how many queries the list takes: one for the token, one to count, the rows;
    lists below something add one for that."""

    add: Callable[[World], object]
    queries: int


LISTS = {
    "operation-list": List(_operation, 3),
    "cluster-list": List(lambda world: make_watch(make_cluster()), 3),
    "product-line-list": List(lambda world: make_product_line(), 3),
    "member-list": List(_member, 4),
    "secret-list": List(_secret, 4),
    "job-list": List(_job, 3),
    "job-version-list": List(lambda world: make_version(world.job, author=world.sre), 4),
    "job-instance-list": List(lambda world: make_instance(job=world.job), 4),
    "job-scaling-history-list": List(lambda world: make_decision(job=world.job), 4),
    "job-schedule-list": List(_schedule, 4),
    "job-schedule-run-list": List(lambda world: make_run(schedule=_schedule(world)), 4),
    "favourite-list": List(lambda world: favourite_set(job=make_job(), by=world.sre, starred=True), 3),
    "view-list": List(
        lambda world: view_save(name=str(SavedView.objects.count()), query="state=draft", by=world.sre), 3
    ),
    "release-list": List(lambda world: make_release(world.job), 3),
    "template-list": List(lambda world: make_template(), 4),  # one more for all their versions
    "template-version-list": List(lambda world: make_template_version(world.template), 4),
    "template-job-list": List(lambda world: make_job_from(world.template), 4),
    "notification-group-list": List(lambda world: make_group(), 4),  # one more for all their members
    "notification-channel-list": List(lambda world: make_channel(world.group), 4),
    "notification-list": List(lambda world: make_delivery(), 4),  # one more for all their deliveries
    "drift-list": List(lambda world: make_drift(cluster=world.cluster), 3),
    "host-list": List(lambda world: make_host(), 3),
    "token-list": List(lambda world: token_create(user=world.sre, name="x"), 3),
}


@pytest.fixture
def world() -> World:
    return World()


def address(name: str, world: World) -> str:
    route = next(route for route in ROUTES if (route.name, route.method) == (name, "get"))
    return route.url(
        tag=world.job.tag, line=world.line.tag, template=world.template.name, group=world.group.name
    )


def test_every_list_is_tested_here() -> None:
    assert {route.name for route in ROUTES if route.action == "list"} == LISTS.keys()


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("rows", [5, 50])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    world: World, name: str, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    url = address(name, world)
    world.client.get(url)  # the token's use is noted once a minute
    for _ in range(rows):
        LISTS[name].add(world)
    with django_assert_num_queries(LISTS[name].queries):
        answer = world.client.get(url, {"page_size": 50})
    assert answer.json()["count"] >= rows
    assert len(answer.json()["results"]) >= min(rows, 50)


@pytest.mark.parametrize("name", LISTS)
def test_pages_hold_every_row_once(world: World, name: str) -> None:
    for _ in range(7):
        LISTS[name].add(world)
    url: str | None = f"{address(name, world)}?page_size=3"
    seen: list[object] = []
    count = 0
    while url:
        page = world.client.get(url).json()
        assert set(page) == {"count", "next", "previous", "results"}
        assert len(page["results"]) <= 3
        seen += [str(row) for row in page["results"]]
        url, count = page["next"], page["count"]
    assert len(seen) == count >= 7
    assert len(set(seen)) == count


@pytest.mark.parametrize("name", LISTS)
def test_an_unknown_parameter_is_an_error(world: World, name: str) -> None:
    answer = world.client.get(address(name, world), {"colour": "red", "format": "html"})
    assert field_codes(answer) == {"colour": "unknown_parameter", "format": "unknown_parameter"}


@pytest.mark.parametrize("size", ["0", "-1", "501", "many", "", "²", "1" * 30])
def test_a_page_size_out_of_range_is_an_error(world: World, size: str) -> None:
    answer = world.client.get(address("job-list", world), {"page_size": size})
    assert field_codes(answer) == {"page_size": "out_of_range"}


def test_the_largest_page_has_500_rows(world: World) -> None:
    assert world.client.get(address("job-list", world), {"page_size": "500"}).status_code == 200


@pytest.mark.parametrize("page", ["0", "2", "x"])
def test_a_page_that_is_not_there_is_404(world: World, page: str) -> None:
    assert world.client.get(address("job-list", world), {"page": page}).status_code == 404


def test_an_unknown_ordering_is_an_error(world: World) -> None:
    answer = world.client.get(address("job-list", world), {"ordering": "tag,password"})
    assert field_codes(answer) == {"ordering": "unknown_ordering"}


def test_every_list_takes_the_orderings_that_it_names(world: World) -> None:
    for route in ROUTES:
        if route.action == "list":
            url = address(route.name, world)
            codes = field_codes(world.client.get(url, {"ordering": "nothing"}))
            if codes == {"ordering": "unknown_parameter"}:
                continue
            detail = world.client.get(url, {"ordering": "nothing"}).json()["errors"][0]["detail"]
            names = detail.partition("Known here: ")[2].rstrip(".").split(", ")
            for name in names:
                assert world.client.get(url, {"ordering": f"-{name}"}).status_code == 200, (route, name)


def test_text_with_a_nul_finds_nothing_rather_than_failing(world: World) -> None:
    for query in ("search", "name", "cluster"):
        assert world.client.get(address("job-list", world), {query: "a\x00b"}).status_code == 400


def test_a_search_has_a_length(world: World) -> None:
    url = address("job-list", world)
    assert world.client.get(url, {"search": "a " * 100}).status_code == 200
    assert field_codes(world.client.get(url, {"search": "a " * 200})) == {"search": "max_length"}


def test_nobody_sees_no_hosts() -> None:
    make_host()
    assert not hosts_visible(AnonymousUser()).exists()


def test_tokens_are_ones_own(world: World) -> None:
    token_create(user=make_user(), name="of another")
    assert world.client.get(address("token-list", world)).json()["count"] == ApiToken.objects.count() - 1
