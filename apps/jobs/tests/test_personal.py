"""Favourites, my jobs, and named views of the list: each person's own, and what a product line shares."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from apps.accounts.models import ProductLine, Role
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import Operation
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.pages import queries, read
from apps.jobs.models import Favourite, Job, SavedView
from apps.jobs.tests.factories import make_job, make_job_operation, make_running_job, make_version
from apps.jobs.tests.pages import browser, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


def listed(client: Client, query: str) -> list[str]:
    return re.findall(r'id="job-link-\d+">([^<]+)<', client.get(f"/jobs/?{query}").content.decode())


class TestFavourites:
    def test_a_star_is_ones_own_and_given_once(self, line: ProductLine) -> None:
        job, other = make_job(product_line=line, name="starred"), make_member(line)
        api = api_client(make_member(line))
        for _ in range(2):
            answer = api.put(f"/api/v1/favourites/{job.tag}/")
            assert (answer.status_code, answer.json()["tag"]) == (200, job.tag)
        make_job(product_line=line, name="plain")

        assert [row["tag"] for row in api.get("/api/v1/favourites/").json()["results"]] == [job.tag]
        rows = api.get("/api/v1/jobs/").json()["results"]
        assert {row["name"]: row["favourite"] for row in rows} == {"starred": True, "plain": False}
        starred = api.get("/api/v1/jobs/", {"favourite": "true"}).json()["results"]
        assert [row["name"] for row in starred] == ["starred"]
        plain = api.get("/api/v1/jobs/", {"favourite": "false"}).json()["results"]
        assert [row["name"] for row in plain] == ["plain"]
        assert api_client(other).get("/api/v1/favourites/").json()["count"] == 0

        for _ in range(2):
            assert api.delete(f"/api/v1/favourites/{job.tag}/").status_code == 204
        assert not Favourite.objects.exists()

    def test_the_job_of_others_cannot_be_starred(self) -> None:
        job = make_job()
        api = api_client(make_member())
        for tag in (job.tag, "job.none"):
            assert api.put(f"/api/v1/favourites/{tag}/").status_code == 404
            assert api.delete(f"/api/v1/favourites/{tag}/").status_code == 404
        assert browser(make_member()).post(f"/jobs/{job.tag}/star/", {"starred": "true"}).status_code == 404
        assert not Favourite.objects.exists()

    def test_who_leaves_the_line_no_longer_sees_its_stars(self, line: ProductLine) -> None:
        job, person = make_job(product_line=line), make_member(line)
        Favourite.objects.create(user=person, job=job)
        line.memberships.all().delete()
        assert api_client(person).get("/api/v1/favourites/").json()["count"] == 0

    def test_a_viewer_stars_on_the_jobs_page_and_in_the_list(self, line: ProductLine) -> None:
        job = make_job(product_line=line)
        client = browser(make_member(line, role=Role.VIEWER))
        for page in (f"/jobs/{job.tag}/", "/jobs/"):
            assert 'aria-pressed="false"' in client.get(page).content.decode()
        star = client.post(f"/jobs/{job.tag}/star/", {"starred": "true"}, headers={"HX-Request": "true"})
        assert 'aria-pressed="true"' in star.content.decode()
        assert "<html" not in star.content.decode()
        for page in (f"/jobs/{job.tag}/", "/jobs/"):
            assert 'aria-pressed="true"' in client.get(page).content.decode()
        assert client.post(f"/jobs/{job.tag}/star/", {"starred": "false"}).status_code == 302
        assert not Favourite.objects.exists()
        assert client.get(f"/jobs/{job.tag}/star/").status_code == 405


class TestMine:
    def test_mine_is_what_one_made_saved_or_asked_for(self, line: ProductLine) -> None:
        person, other = make_member(line), make_member(line)
        make_job(product_line=line, name="made", created_by=person)
        make_version(make_job(product_line=line, name="saved"), author=person)
        asked = make_job(product_line=line, name="asked")
        make_job_operation(asked, requested_by=person, state=Operation.State.FAILED)
        make_job(product_line=line, name="of-another", created_by=other)
        client = browser(person)
        assert listed(client, "mine=true") == ["asked", "made", "saved"]
        assert listed(client, "mine=false") == ["of-another"]
        assert listed(browser(other), "mine=true") == ["of-another"]

    def test_mine_is_still_only_what_one_may_see(self, line: ProductLine) -> None:
        person = make_member()
        make_job(product_line=line, created_by=person)
        assert listed(browser(person), "mine=true") == []

    def test_the_dashboard_answers_for_mine_and_for_favourites(
        self, line: ProductLine, client: Client
    ) -> None:
        person = make_member(line)
        client.force_login(person)
        mine = make_running_job(product_line=line, name="mine-1", created_by=person)
        ill = make_running_job(product_line=line, name="ill-1", state=Job.State.DEGRADED)
        make_job_operation(ill, kind="job.publish", state=Operation.State.FAILED)
        assert "1 of 2 jobs is not as it should be" in read(client, "/")
        assert "not as it should be" not in read(client, "/?mine=true")
        assert "ill-1" not in read(client, "/?mine=true")
        assert "No favourite yet" in read(client, "/?favourite=true")
        Favourite.objects.create(user=person, job=ill)
        seen = read(client, "/?favourite=true")
        assert "1 of 1 jobs is not as it should be" in seen
        assert "ill-1" in seen
        assert mine.name not in seen
        assert "state=degraded&amp;favourite=true" in client.get("/?favourite=true").content.decode()
        assert queries(client, "/?favourite=true") <= queries(client, "/") + 1


class TestViews:
    def test_a_view_keeps_the_filter_and_its_link_shows_it(self, line: ProductLine) -> None:
        make_job(product_line=line, name="draft-1")
        make_running_job(product_line=line, name="running-1")
        client = browser(make_member(line))
        form = {"name": " My  drafts ", "query": "?state=draft&page=3&search=&sort=-tag"}
        answer = client.post("/jobs/views/", form, follow=True)
        assert "My drafts" in text_of(answer)
        view = SavedView.objects.get()
        assert (view.name, view.query) == ("My drafts", "state=draft&sort=-tag")
        assert listed(client, view.query) == ["draft-1"]
        assert (
            f'href="{view.get_absolute_url().replace("&", "&amp;")}"' in client.get("/jobs/").content.decode()
        )

    def test_the_same_name_again_replaces_it(self, line: ProductLine) -> None:
        api = api_client(make_member(line))
        for query in ("state=draft", "state=running"):
            answer = api.post("/api/v1/views/", {"name": "mine", "query": query}, format="json")
            assert answer.status_code == 201
        rows = api.get("/api/v1/views/").json()["results"]
        assert [(row["name"], row["query"], row["product_line"]) for row in rows] == [
            ("mine", "state=running", None)
        ]
        assert rows[0]["url"] == "/jobs/?state=running"

    def test_a_product_lines_view_is_everybodys_there_and_nobody_elses(self, line: ProductLine) -> None:
        author, colleague, viewer = make_member(line), make_member(line), make_member(line, role=Role.VIEWER)
        body = {"name": "ill", "query": "in_trouble=true", "product_line": line.tag}
        assert api_client(author).post("/api/v1/views/", body, format="json").status_code == 201
        assert api_client(viewer).post("/api/v1/views/", body, format="json").status_code == 403
        view = SavedView.objects.get()
        assert "ill" in browser(viewer).get("/jobs/").content.decode()
        assert api_client(viewer).delete(f"/api/v1/views/{view.pk}/").status_code == 403
        stranger = api_client(make_member())
        assert stranger.get("/api/v1/views/").json()["count"] == 0
        assert stranger.delete(f"/api/v1/views/{view.pk}/").status_code == 404
        assert field_codes(stranger.post("/api/v1/views/", body, format="json")) == {
            "product_line": "unknown"
        }
        assert api_client(colleague).delete(f"/api/v1/views/{view.pk}/").status_code == 204

    def test_ones_own_view_is_hidden_even_from_sres(self, line: ProductLine) -> None:
        api_client(make_member(line)).post(
            "/api/v1/views/", {"name": "x", "query": "mine=true"}, format="json"
        )
        sre = api_client(make_sre())
        assert sre.get("/api/v1/views/").json()["count"] == 0
        assert sre.delete(f"/api/v1/views/{SavedView.objects.get().pk}/").status_code == 404

    @pytest.mark.parametrize(
        ("query", "code"),
        [("colour=red", "invalid"), ("state=odd", "invalid"), ("page=2", "blank"), ("mine=maybe", "invalid")],
    )
    def test_what_is_no_filter_of_jobs_is_refused(self, query: str, code: str) -> None:
        api = api_client(make_member())
        answer = api.post("/api/v1/views/", {"name": "x", "query": query}, format="json")
        assert field_codes(answer) == {"query": code}
        page = browser(make_member()).post("/jobs/views/", {"name": "x", "query": query}, follow=True)
        assert "alert-danger" in page.content.decode()
        assert not SavedView.objects.exists()

    def test_a_view_is_deleted_on_the_page(self, line: ProductLine) -> None:
        client = browser(make_member(line))
        client.post("/jobs/views/", {"name": "x", "query": "mine=true"})
        view = SavedView.objects.get()
        assert browser(make_member(line)).post(f"/jobs/views/{view.pk}/delete/").status_code == 404
        assert client.post(f"/jobs/views/{view.pk}/delete/").status_code == 302
        assert not SavedView.objects.exists()
