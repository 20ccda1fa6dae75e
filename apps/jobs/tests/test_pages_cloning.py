"""Cloning and migrating on their pages: the differences first, then the button."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.tests.factories import make_member
from apps.core.models import Cluster, Operation
from apps.core.tests.factories import make_cluster
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_job_operation, make_running_job, make_version
from apps.jobs.tests.pages import browser, errors_at, form_data, text_of

pytestmark = pytest.mark.django_db
IN_PLACE = {"HX-Request": "true", "HX-Target": "place-form"}


@pytest.fixture
def c3() -> Cluster:
    cluster = make_cluster(name="c3")
    make_host(cluster=cluster, attributes={"rack": "r1"})
    return cluster


@pytest.fixture
def job(c3: Cluster) -> Job:
    return make_running_job(name="web", cluster=make_cluster(name="staging"))


@pytest.fixture
def client(job: Job) -> Client:
    return browser(make_member(job.product_line))


def test_a_clone_begins_as_the_job_is_and_says_that_its_name_is_taken(client: Client, job: Job) -> None:
    page = client.get(f"/jobs/{job.tag}/clone/")
    data = form_data(page, "place-form")
    assert (data["cluster"], data["name"], data["service"], data["version"]) == ("staging", "web", "web", "1")
    assert f"There is already a job {job.tag}." in text_of(page)


def test_the_differences_come_as_soon_as_the_place_is_chosen(client: Client, job: Job) -> None:
    make_version(job, spec={"cpus": 400})
    path = f"/jobs/{job.tag}/clone/"
    data = {**form_data(client.get(path), "place-form"), "cluster": "c3", "version": "2"}

    shown = client.post(path, data, headers=IN_PLACE)

    assert shown.status_code == 200
    assert "<html" not in shown.content.decode()
    assert "No host of c3 has so much: one instance asks for 400" in text_of(shown)
    assert Job.objects.count() == 1
    assert "Nothing stands in the way" in text_of(client.post(path, {**data, "version": "1"}))


def test_a_clone_is_made_once(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/clone/"
    data = {**form_data(client.get(path), "place-form"), "cluster": "c3", "begin": "1"}

    answers = [client.post(path, data) for _ in range(2)]

    made = Job.objects.get(cluster__name="c3")
    assert [answer.headers["Location"] for answer in answers] == [made.get_absolute_url()] * 2
    assert not Operation.objects.exists()


def test_a_clone_can_be_published_at_once(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/clone/"
    data = {**form_data(client.get(path), "place-form"), "cluster": "c3", "begin": "1", "publish": "on"}
    client.post(path, {**data, "reason": "more room"})
    operation = Operation.objects.get()
    assert (operation.kind, operation.reason) == ("job.publish", "more room")


def test_what_is_wrong_stands_at_its_field(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/clone/"
    data = {**form_data(client.get(path), "place-form"), "begin": "1", "reason": "why not"}

    taken = client.post(path, data)
    odd = client.post(path, {**data, "name": "No_Name", "version": "x"})

    assert (taken.status_code, set(errors_at(taken))) == (422, {"name"})
    assert form_data(taken, "place-form")["reason"] == "why not"
    assert set(errors_at(odd)) == {"version"}
    assert set(errors_at(client.post(path, {**data, "name": "No_Name"}))) == {"name"}


def test_migrating_asks_for_cluster_and_reason_and_begins(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/migrate/"
    page = client.get(path)
    assert "published there with 3 instances." in text_of(page)
    assert 'value="staging"' not in page.content.decode(), "it is there already"
    data = {**form_data(page, "place-form"), "begin": "1"}

    bare = client.post(path, data)
    assert (bare.status_code, set(errors_at(bare))) == (422, {"cluster", "reason"})

    begun = client.post(path, {**data, "cluster": "c3", "reason": "closing lg"})
    assert begun.headers["Location"] == job.get_absolute_url()
    operation = Operation.objects.get()
    assert (operation.kind, operation.reason) == ("job.migrate", "closing lg")


def test_the_plan_of_a_migration_asks_for_nothing_yet(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/migrate/"
    data = form_data(client.get(path), "place-form")
    shown = client.post(path, {**data, "cluster": "c3"}, headers=IN_PLACE)
    assert shown.status_code == 200
    assert errors_at(shown) == {}
    assert not Operation.objects.exists()


def test_a_migration_that_could_not_run_there_has_no_button(client: Client, job: Job, c3: Cluster) -> None:
    make_running_job(product_line=job.product_line, cluster=c3, name="web")
    path = f"/jobs/{job.tag}/migrate/"
    data = {**form_data(client.get(path), "place-form"), "cluster": "c3", "reason": "r", "begin": "1"}
    refused = client.post(path, data)
    assert refused.status_code == 422
    assert 'value="1" disabled' in refused.content.decode()
    assert not Operation.objects.exists()


def test_a_busy_job_is_said_with_a_link(client: Client, job: Job) -> None:
    other = make_job_operation(job)
    path = f"/jobs/{job.tag}/migrate/"
    data = {**form_data(client.get(path), "place-form"), "cluster": "c3", "reason": "r", "begin": "1"}
    answer = client.post(path, data)
    assert answer.status_code == 409
    assert f'href="/operations/{other.pk}/"' in answer.content.decode()
