"""One host with the instances on it, and job templates."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.models import ProductLine
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.tests.factories import make_cluster
from apps.core.tests.pages import part, queries, read
from apps.hosts.models import Host
from apps.hosts.tests.factories import make_host
from apps.jobs.tests.factories import make_instance, make_job, make_template

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(client: Client) -> ProductLine:
    line = make_product_line()
    client.force_login(make_member(line))
    return line


@pytest.fixture
def host() -> Host:
    return make_host(cluster=make_cluster(name="staging"), hostname="node1", instances=3, rack="r7")


def test_a_host_shows_its_resources_and_ones_own_instances_only(
    client: Client, line: ProductLine, host: Host
) -> None:
    mine = make_job(product_line=line, cluster=host.cluster, name="mine")
    theirs = make_job(cluster=host.cluster, name="theirs")
    elsewhere = make_job(product_line=line, name="elsewhere")
    for job in (mine, theirs, elsewhere):
        make_instance(job=job, host="node1")
    make_instance(job=make_job(product_line=line, cluster=host.cluster, name="other-host"), host="node2")
    seen = read(client, "/hosts/staging/node1/")
    assert "Cluster staging, rack r7" in seen
    assert "CPU 1 / 4" in seen
    assert "mine" in seen
    for name in ("theirs", "elsewhere", "other-host"):
        assert name not in seen
    assert "2 more instances here belong to product lines of which you are not a member" in seen


def test_an_sre_sees_all_instances_on_a_host(client: Client, host: Host) -> None:
    client.force_login(make_sre())
    make_instance(job=make_job(cluster=host.cluster, name="anybodys"), host="node1")
    assert "anybodys" in read(client, "/hosts/staging/node1/")


def test_an_unknown_host_is_404(client: Client, line: ProductLine, host: Host) -> None:
    assert client.get("/hosts/staging/node2/").status_code == 404
    assert client.get("/hosts/production-c3/node1/").status_code == 404


def test_a_hosts_page_is_live_and_costs_the_same_for_few_and_many(
    client: Client, line: ProductLine, host: Host
) -> None:
    for size in (1, 12):
        for number in range(size):
            job = make_job(product_line=line, cluster=host.cluster, name=f"job-{size}-{number}")
            make_instance(job=job, host="node1")
        # session, person, host, how many instances, the page
        assert queries(client, "/hosts/staging/node1/") == 5
    assert 'data-live="hosts"' in part(client, "/hosts/staging/node1/", "host")
    assert 'data-live="jobs"' in part(client, "/hosts/staging/node1/", "host-instances")


def test_templates_are_listed_and_readable_field_by_field(client: Client, line: ProductLine) -> None:
    make_template(
        name="web",
        title="Web service",
        title_zh="网站服务",
        spec={
            "command": "serve",
            "cpus": 0.5,
            "image": None,
            "ports": [{"name": "http"}],
            "env": {},
        },
    )
    assert "web Web service everybody's 1 0" in read(client, "/templates/")
    seen = read(client, "/templates/web/")
    assert "command serve cpus 0.5 ports[0].name http" in seen
    assert "image" not in seen
    assert client.get("/templates/nothing/").status_code == 404


def test_a_templates_title_is_in_the_readers_language(client: Client, line: ProductLine) -> None:
    make_template(name="web", title="Web service", title_zh="网站服务")
    make_template(name="other", title="Other", title_zh="")
    client.post("/language/", {"language": "zh-hans"})
    page = client.get("/templates/").content.decode()
    assert "网站服务" in page
    assert "Other" in page


def test_the_list_of_templates_costs_the_same_for_one_and_many(client: Client, line: ProductLine) -> None:
    for _ in range(12):
        make_template()
    assert queries(client, "/templates/") == 5  # session, person, how many, the page, whether one may create
