"""Choosing several jobs in the list: what can be chosen, and all that match the filters."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Membership, Role
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import Operation
from apps.jobs.models import Release
from apps.jobs.tests.factories import make_job, make_running_job
from apps.jobs.tests.pages import browser

pytestmark = pytest.mark.django_db


def choosable(client: Client, query: str = "") -> list[str]:
    page = client.get(f"/jobs/?{query}").content.decode()
    return re.findall(r'name="job" value="([^"]+)" form="bulk"', page)


def matching(client: Client, query: str = "") -> list[str]:
    answer: Any = client.get(f"/jobs/options/tags/?{query}")
    assert answer.status_code == 200
    tags: list[str] = answer.json()["values"]
    return tags


def test_one_chooses_what_one_may_change() -> None:
    mine, seen = make_job(), make_job()
    owned = make_job(product_line=mine.product_line, managed_by="rds")
    person = make_member(mine.product_line)
    Membership.objects.create(user=person, product_line=seen.product_line, role=Role.VIEWER)
    client = browser(person)
    assert choosable(client) == matching(client) == [mine.tag]
    assert owned.tag in client.get("/jobs/").content.decode()


def test_who_may_change_nothing_has_no_boxes() -> None:
    job = make_job()
    client = browser(make_member(job.product_line, role=Role.VIEWER))
    assert 'id="bulk"' not in client.get("/jobs/").content.decode()
    assert choosable(client) == matching(client) == []


def test_all_that_match_are_those_of_the_filters_also_on_other_pages() -> None:
    line = make_product_line()
    for number in range(12):
        make_job(product_line=line, name=f"web-{number:02}")
    make_running_job(product_line=line, name="running")
    client = browser(make_sre())
    assert len(choosable(client, "per_page=10&state=draft")) == 10
    assert len(matching(client, "per_page=10&page=2&state=draft&search=web")) == 12
    assert "All that match (12)" in client.get("/jobs/?state=draft").content.decode()
    assert client.get("/jobs/options/tags/?state=odd").status_code == 400


def test_a_release_takes_200_at_most() -> None:
    line = make_product_line()
    for _ in range(201):
        make_job(product_line=line)
    assert len(matching(browser(make_sre()))) == 200


def test_without_scripts_the_boxes_go_to_the_releases_page() -> None:
    job = make_job()
    page = browser(make_member(job.product_line)).get("/jobs/").content.decode()
    assert '<form class="job-bulk card" id="bulk" method="post" action="/releases/new/"' in page
    assert re.findall(r'name="action" value="(\w+)"', page) == ["publish", "restart", "start", "stop"]


def test_many_jobs_are_posted_and_nothing_begins_before_the_plan_is_confirmed() -> None:
    line = make_product_line()
    jobs = [make_running_job(product_line=line, instances=1) for _ in range(30)]
    client = browser(make_member(line))
    form = {"action": "restart", "preview": "1", "job": [job.tag for job in jobs]}
    answer = client.post("/releases/new/", form)
    assert answer.status_code == 200
    for job in jobs:
        assert job.tag in answer.content.decode()
    assert not Release.objects.exists()
    assert not Operation.objects.exists()
