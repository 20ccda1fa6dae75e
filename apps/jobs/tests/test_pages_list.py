from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_job, make_running_job, make_version
from apps.jobs.tests.pages import browser

pytestmark = pytest.mark.django_db


def names(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/jobs/?{query}").content.decode()
    return re.findall(r'id="job-link-\d+">([^<]+)<', page)


def test_the_list_holds_the_jobs_of_ones_own_product_lines() -> None:
    mine = make_job(name="mine")
    make_job(name="others")

    assert names(browser(make_member(mine.product_line))) == ["mine"]
    assert names(browser(make_sre())) == ["mine", "others"]


def test_filters_search_and_sorting_are_in_the_address() -> None:
    line, cluster = make_product_line(), make_cluster()
    make_running_job(name="weather", service="api", product_line=line, cluster=cluster)
    make_running_job(name="report", service="batch", product_line=line, state=Job.State.DEGRADED)
    make_job(name="draft", service="batch")
    client = browser(make_sre())

    assert names(client, "search=weath") == ["weather"]
    assert names(client, f"product_line={line.tag}") == ["report", "weather"]
    assert names(client, f"cluster={cluster.name}") == ["weather"]
    assert names(client, "state=degraded") == ["report"]
    assert names(client, "service=batch") == ["draft", "report"]
    assert names(client, "sort=-tag") == ["weather", "report", "draft"]
    assert names(client, "state=degraded&service=api") == []
    assert "Nothing matches" in client.get("/jobs/?state=degraded&service=api").content.decode()


def test_a_row_says_how_the_job_is() -> None:
    job = make_running_job(instances=4, state=Job.State.DEGRADED)
    Job.objects.filter(pk=job.pk).update(healthy=2, running=3)
    make_version(job)

    page = " ".join(browser(make_sre()).get("/jobs/").content.decode().split())

    assert 'data-state="degraded"' in page
    assert "2 of 4 healthy" in page
    assert "3 running" in page
    assert re.search(r"v1 <span[^>]*>→ v2</span>", page)
    assert 'data-live="jobs"' in page


def test_an_empty_list_says_what_to_do_first() -> None:
    page = browser(make_member()).get("/jobs/").content.decode()

    assert "Create your first job" in page
    assert 'href="/jobs/new/"' in page


def test_htmx_gets_the_rows_alone() -> None:
    make_job(name="mine")

    answer = browser(make_sre()).get("/jobs/", headers={"HX-Request": "true", "HX-Target": "jobs"})

    page = answer.content.decode()
    assert "mine" in page
    assert "<html" not in page


@pytest.mark.parametrize("rows", [5, 50])
def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(
    rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    line = make_product_line()
    for _ in range(rows):
        make_running_job(instances=1, product_line=line)
    client = browser(make_member(line))

    with django_assert_num_queries(8):
        assert len(names(client, "per_page=50")) == rows
