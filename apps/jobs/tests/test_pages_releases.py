"""Releases on their pages: chosen, planned, begun once, watched, called off and undone."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import Role, User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Operation
from apps.core.tests.factories import make_cluster, make_operation
from apps.jobs.models import Job, Release, ReleaseItem
from apps.jobs.tests.factories import make_job, make_release, make_running_job, make_spec, make_version
from apps.jobs.tests.pages import browser, errors_at, form_data, text_of

pytestmark = pytest.mark.django_db

NEW = "/releases/new/"


@pytest.fixture
def jobs() -> list[Job]:
    line, cluster = make_product_line(), make_cluster()
    api = make_running_job(product_line=line, cluster=cluster, name="api")
    web = make_running_job(
        product_line=line, cluster=cluster, name="web", spec=make_spec(depends_on=[api.tag])
    )
    for job in (api, web):
        make_version(job, spec={"cpus": 0.5})
    return [api, web]


@pytest.fixture
def dev(jobs: list[Job]) -> User:
    return make_member(jobs[0].product_line, username="dev")


@pytest.fixture
def client(dev: User) -> Client:
    return browser(dev)


def test_an_address_with_action_and_jobs_shows_the_plan(client: Client, jobs: list[Job]) -> None:
    api, web = jobs
    page = text_of(client.get(NEW, {"action": "restart", "job": [web.tag, api.tag]}))

    plan = page.partition("What will happen")[2]
    assert plan.index("Stage 1") < plan.index("api") < plan.index("Stage 2") < plan.index("web")
    assert "v1 → v1, 3 instances" in plan
    assert not Release.objects.exists()


def test_the_jobs_of_a_product_line_are_there_to_choose_from(client: Client, jobs: list[Job]) -> None:
    theirs = make_running_job(name="theirs")
    answer = client.get(NEW, {"product_line": jobs[0].product_line.tag})
    page = answer.content.decode()
    assert all(f'value="{job.tag}"' in page for job in jobs)
    assert theirs.tag not in page
    assert "Choose jobs to see the plan." in text_of(answer)


def test_it_is_begun_once_and_watched(client: Client, jobs: list[Job]) -> None:
    api, web = jobs
    shown = client.get(NEW, {"action": "publish", "job": [web.tag, api.tag]})
    data = {
        **form_data(shown, "release-form"),
        "job": [web.tag, api.tag],
        f"version:{api.tag}": "1",
        "reason": "the new protocol",
    }
    assert client.post(NEW, data).status_code == 200, "without `begin` it is only shown"
    data["begin"] = "1"

    answers = [client.post(NEW, data) for _ in range(2)]

    release = Release.objects.get()
    assert [answer.headers["Location"] for answer in answers] == [f"/releases/{release.pk}/"] * 2
    assert (release.action, release.reason) == ("publish", "the new protocol")
    items = release.items.order_by("stage")
    assert [(item.job.name, item.stage, item.version) for item in items] == [("api", 1, 1), ("web", 2, 2)]
    page = text_of(client.get(f"/releases/{release.pk}/"))
    assert "Stage 1 not begun api" in page
    assert "Stage 2 not begun web" in page
    operation = release.operation
    assert operation is not None
    shown_operation = client.get(operation.get_absolute_url())
    assert f'href="/releases/{release.pk}/"' in shown_operation.content.decode()


def test_what_is_wrong_stands_at_its_job_and_nothing_typed_is_lost(client: Client, jobs: list[Job]) -> None:
    draft = make_job(product_line=jobs[0].product_line, name="draft")
    data = {
        "action": "restart",
        "job": [jobs[0].tag, draft.tag],
        "reason": "leak",
        "parallel": "3",
        "begin": "1",
    }

    answer = client.post(NEW, data)

    assert answer.status_code == 422
    page = answer.content.decode()
    assert f'id="job-{draft.pk}-error"' in page
    assert f'id="job-{jobs[0].pk}-error"' not in page
    kept = form_data(answer, "release-form")
    assert (kept["reason"], kept["parallel"], kept["action"]) == ("leak", "3", "restart")
    assert not Release.objects.exists()


def test_stopping_asks_for_the_reason(client: Client, jobs: list[Job]) -> None:
    data = {"action": "stop", "job": [jobs[0].tag], "begin": "1"}
    answer = client.post(NEW, data)
    assert (answer.status_code, set(errors_at(answer))) == (422, {"reason"})
    assert client.post(NEW, {**data, "reason": "end of the season"}).status_code == 302


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"action": "restart"}, "Choose at least one job."),
        ({"action": "restart", "job": "job.none"}, "There is no job job.none, or none that you may know of."),
    ],
)
def test_what_fits_no_job_stands_above(client: Client, data: dict[str, str], says: str) -> None:
    answer = client.post(NEW, {**data, "begin": "1"})
    assert answer.status_code == 422
    assert says in text_of(answer)


def test_the_form_comes_alone_when_it_changes(client: Client, jobs: list[Job]) -> None:
    headers = {"HX-Request": "true", "HX-Target": "release-form"}
    answer = client.get(NEW, {"action": "stop", "job": jobs[0].tag}, headers=headers)
    assert "<html" not in answer.content.decode()
    assert "depends on one of these and goes on running without it." in text_of(answer)


def test_it_can_be_called_off(client: Client, jobs: list[Job], dev: User) -> None:
    client.post(NEW, {"action": "restart", "job": [jobs[0].tag], "begin": "1"})
    release = Release.objects.get()

    page = client.post(f"/releases/{release.pk}/cancel/", follow=True)

    assert "Asked to call it off." in text_of(page)
    assert "It was called off." in text_of(page)
    assert Operation.objects.get().cancel_requested_at is not None


def test_it_can_be_paused_and_resumed(client: Client, jobs: list[Job]) -> None:
    client.post(NEW, {"action": "restart", "job": [jobs[0].tag], "begin": "1"})
    release = Release.objects.get()

    paused = client.post(f"/releases/{release.pk}/pause/", follow=True)
    assert "Paused: none begins." in text_of(paused)
    assert Operation.objects.get().paused_at is not None
    resumed = client.post(f"/releases/{release.pk}/resume/", follow=True)
    assert "Paused: none begins." not in text_of(resumed)
    Operation.objects.update(state=Operation.State.SUCCEEDED)
    late = client.post(f"/releases/{release.pk}/pause/", follow=True)
    assert late.status_code == 200
    assert Operation.objects.get().paused_at is None


def test_a_finished_one_can_be_undone(client: Client, jobs: list[Job], dev: User) -> None:
    release = make_release(*jobs, action="publish", state="succeeded", finished_at=timezone.now())
    release.items.update(state=ReleaseItem.State.DONE, version=2)
    assert "Undo the release?" in text_of(client.get(f"/releases/{release.pk}/"))

    page = client.post(f"/releases/{release.pk}/undo/", {"reason": "wrong"}, follow=True)

    assert "Every job of it goes back to what ran before." in text_of(page)
    operation = Operation.objects.get()
    assert (operation.kind, operation.reason) == ("release.undo", "wrong")


def test_a_restart_leaves_nothing_to_undo(client: Client, jobs: list[Job]) -> None:
    release = make_release(*jobs, state="succeeded", finished_at=timezone.now())
    assert "Undo the release?" not in text_of(client.get(f"/releases/{release.pk}/"))
    page = client.post(f"/releases/{release.pk}/undo/", follow=True)
    assert "A restart leaves nothing to take back" in text_of(page)


def test_the_list_shows_ones_own(client: Client, jobs: list[Job]) -> None:
    assert "No release yet" in text_of(client.get("/releases/"))
    make_release(jobs[0], reason="older")
    mine = make_release(*jobs, reason="a leak", state="succeeded")
    make_release(make_running_job(), reason="not mine")
    page = text_of(client.get("/releases/"))
    assert f"#{mine.pk} restart 2 succeeded a leak" in page
    assert page.index("a leak") < page.index("older"), "the newest first"
    assert "not mine" not in page


def test_a_release_of_others_is_unknown(jobs: list[Job]) -> None:
    release = make_release(*jobs)
    stranger = browser(make_member())
    assert stranger.get(f"/releases/{release.pk}/").status_code == 404
    for action in ("cancel", "undo", "pause", "resume"):
        assert stranger.post(f"/releases/{release.pk}/{action}/").status_code == 404


def test_a_viewer_sees_it_without_anything_to_press(jobs: list[Job]) -> None:
    operation = make_operation(target_type="release", product_line=jobs[0].product_line)
    release = make_release(*jobs, operation=operation)
    viewer = browser(make_member(jobs[0].product_line, role=Role.VIEWER))

    page = viewer.get(f"/releases/{release.pk}/")

    assert "Call it off" not in text_of(page)
    assert viewer.post(f"/releases/{release.pk}/cancel/").status_code == 403
    assert "New release" not in text_of(viewer.get("/releases/"))


@pytest.mark.parametrize("count", [3, 30])
def test_the_number_of_queries_does_not_depend_on_the_number_of_jobs(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    line = make_product_line()
    many = [make_running_job(instances=1, product_line=line) for _ in range(count)]
    release = make_release(*many, operation=make_operation(product_line=line))
    client = browser(make_member(line))
    with django_assert_num_queries(7):
        assert client.get(f"/releases/{release.pk}/").status_code == 200
    with django_assert_num_queries(8):
        client.get(NEW, {"action": "restart", "job": [job.tag for job in many]})
