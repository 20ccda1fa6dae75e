"""Scaling as a whole: the list, the pause of all, the dashboard's card; and schedules on the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import ProductLine, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.tests.factories import make_cluster
from apps.core.tests.pages import html_of, part, queries, read
from apps.elastic.activity import activity_of
from apps.elastic.models import ScalingPause, ScalingPolicy, ScalingSchedule, ScalingState
from apps.elastic.tests.factories import make_decision, make_policy, make_run, make_schedule
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job
from apps.jobs.tests.pages import add_row, browser, errors_at, form_data

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def dev(line: ProductLine) -> User:
    return make_member(line)


@pytest.fixture
def job(line: ProductLine) -> Job:
    return make_running_job(product_line=line, instances=4)


def test_the_list_shows_each_policy_that_one_may_see(dev: User, job: Job) -> None:
    make_policy(job=job, min=2)
    make_decision(job=job)
    make_decision(job=job, verdict="starting", values={"wish": 6, "starting": 2}, wanted=3)
    hidden = make_policy()
    text = read(browser(dev), "/scaling/").replace(" ", "")
    assert job.name in text
    assert "4/2–5" in text
    assert "2instancesarestillstarting" in text
    assert hidden.job.name not in text


def test_the_list_is_filtered_by_its_address(dev: User, job: Job, line: ProductLine) -> None:
    make_policy(job=job, enabled=False)
    other = make_policy(
        job=make_running_job(product_line=line), paused_until=timezone.now() + timedelta(hours=1)
    )
    page = browser(dev)

    def shown(query: str) -> set[str]:
        html = html_of(page, f"/scaling/?{query}")
        return {each.tag for each in (job, other.job) if f'href="/jobs/{each.tag}/scaling/"' in html}

    assert shown("") == {job.tag, other.job.tag}
    assert shown("enabled=true") == {other.job.tag}
    assert shown("paused=true") == {other.job.tag}
    assert shown("paused=false") == {job.tag}
    assert shown(f"search={job.name}&cluster={job.cluster.name}") == {job.tag}


def test_the_list_asks_a_fixed_number_of_queries(client: Client) -> None:
    client.force_login(make_sre())

    def fill() -> None:
        for _number in range(3):
            make_decision(job=make_policy().job)

    fill()
    before = queries(client, "/scaling/")
    fill()
    assert queries(client, "/scaling/") == before
    assert before <= 12


def test_an_sre_pauses_all_until_a_time_and_resumes(client: Client, job: Job) -> None:
    make_policy(job=job)
    client.force_login(make_sre())
    assert "Pause all" in html_of(client, "/scaling/")
    client.post("/scaling/pause/", {"minutes": "60", "reason": "the network moves"})
    assert ScalingPause.objects.get().until > timezone.now() + timedelta(minutes=59)
    text = read(client, "/scaling/")
    assert "The scaling of all jobs is paused until" in text
    assert "the network moves" in text
    client.post("/scaling/resume/")
    assert not ScalingPause.objects.exists()


@pytest.mark.parametrize("path", ["pause", "resume"])
def test_the_pause_of_all_is_for_sres(dev: User, path: str) -> None:
    ScalingPause.objects.create(pk=ScalingPause.ALL, until=timezone.now() + timedelta(hours=1))
    page = browser(dev)
    assert page.post(f"/scaling/{path}/", {"minutes": "15"}).status_code == 403
    assert ScalingPause.objects.get().until > timezone.now() + timedelta(minutes=59)
    assert "Pause all" not in html_of(page, "/scaling/")


def test_the_dashboards_card_counts_ones_own_last_hour(dev: User, job: Job) -> None:
    policy = make_policy(job=job)
    ScalingState.objects.create(policy=policy, proposed=1, proposed_at=timezone.now())
    make_decision(job=job, instances=3, wanted=5, acted=True)
    make_decision(job=job, instances=5, wanted=4, acted=True)
    make_decision(job=job, instances=5, wanted=4)
    make_decision(job=job, verdict="source_away")
    old = timezone.now() - timedelta(hours=2)
    make_decision(job=job, instances=1, wanted=3, acted=True, at=old, last_at=old)
    make_decision(job=make_policy().job, instances=1, wanted=3, acted=True)
    html = html_of(browser(dev), "/scaling/card/")
    numbers = [cell.partition("</dd>")[0] for cell in html.split('<dd class="h3 mb-0">')[1:]]
    assert [number.replace("</span>", "")[-1] for number in numbers] == ["1", "1", "1", "1", "1"]
    assert 'hx-get="/scaling/card/"' in html_of(browser(dev), "/")


def test_the_card_takes_as_many_queries_for_many_jobs_as_for_few(
    dev: User, job: Job, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 10):
        for _ in range(count):
            other = make_running_job(product_line=job.product_line)
            make_policy(job=other)
            make_decision(job=other, acted=True, instances=3, wanted=5)
        with django_assert_num_queries(4):
            found = activity_of(dev, now=timezone.now())
    assert (found.policies, found.out) == (11, 11)


def filled(dev: User, job: Job, **changed: Any) -> dict[str, Any]:
    data = form_data(browser(dev).get(f"/jobs/{job.tag}/edit/"), "job-form")
    selects = {name: value or "steps" for name, value in data.items() if name == "scaling-shrinking"}
    return {**data, **selects, **changed}


ROW = {
    "start": "2030-10-01 00:00",
    "days": "1",
    "time": "",
    "instances": "2",
    "time_zone": "Asia/Shanghai",
    "kind": "floor",
    "misfire": "make_up",
}


def test_the_slides_rows_of_times_become_schedules(dev: User, job: Job) -> None:
    data = add_row(filled(dev, job), "scaling-schedules", **ROW)
    more = {
        **ROW,
        "start": "2030-10-01 02:00",
        "days": "",
        "time": "02:30",
        "kind": "exact",
        "misfire": "skip",
    }
    data = add_row(data, "scaling-schedules", **more)
    answer = browser(dev).post(f"/jobs/{job.tag}/edit/", data, follow=True)
    assert "The schedules are saved, and Chronos is told." in answer.content.decode()
    rows = ScalingSchedule.objects.order_by("pk").values_list(
        "start", "time_zone", "interval", "instances", "kind", "misfire"
    )
    assert list(rows) == [
        ("2030-10-01T00:00", "Asia/Shanghai", "P1D", 2, "floor", "make_up"),
        ("2030-10-01T02:00", "Asia/Shanghai", "PT2H30M", 2, "exact", "skip"),
    ]
    assert ScalingPolicy.objects.count() == 0
    shown = form_data(browser(dev).get(f"/jobs/{job.tag}/edit/"), "job-form")
    again = {name: shown[f"scaling-schedules-1-{name}"] for name in ("start", "days", "time", "kind")}
    assert again == {"start": "2030-10-01 02:00", "days": "", "time": "02:30", "kind": "exact"}


def test_a_row_is_changed_kept_and_taken_out(dev: User, job: Job) -> None:
    kept = make_schedule(job=job, start="2030-01-01T00:00")
    changed = make_schedule(job=job, start="2030-01-02T00:00", interval="P1Y2M3DT4H5M")
    make_schedule(job=job, start="2030-01-03T00:00")
    data = filled(dev, job, **{"scaling-schedules-1-instances": "7", "scaling-schedules-2-DELETE": "on"})
    assert data["scaling-schedules-1-years"] == "1"
    assert data["scaling-schedules-1-time"] == "04:05"
    assert browser(dev).post(f"/jobs/{job.tag}/edit/", data).status_code == 302
    assert set(ScalingSchedule.objects.values_list("pk", "instances", "interval")) == {
        (kept.pk, 2, "P1D"),
        (changed.pk, 7, "P1Y2M3DT4H5M"),
    }


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"start": "tomorrow"}, "start"),
        ({"time": "2:7"}, "time"),
        ({"days": "x"}, "days"),
        ({"instances": ""}, "instances"),
        ({"time_zone": "Mars/Phobos"}, "time_zone"),
        ({"start": "2016-10-01 00:00", "days": ""}, "start"),
    ],
)
def test_what_is_wrong_with_a_row_stands_at_its_cell(
    dev: User, job: Job, typed: dict[str, str], field: str
) -> None:
    data = add_row(filled(dev, job), "scaling-schedules", **{**ROW, **typed})
    index = int(data["scaling-schedules-TOTAL_FORMS"]) - 1
    answer = browser(dev).post(f"/jobs/{job.tag}/edit/", data)
    assert answer.status_code == 422
    assert list(errors_at(answer)) == [f"scaling-schedules-{index}-{field}"]
    assert ScalingSchedule.objects.count() == 0


def test_a_cluster_without_chronos_is_said_at_the_rows(dev: User, line: ProductLine) -> None:
    job = make_running_job(product_line=line, cluster=make_cluster(chronos_urls=[]))
    answer = browser(dev).post(
        f"/jobs/{job.tag}/edit/", add_row(filled(dev, job), "scaling-schedules", **ROW)
    )
    assert answer.status_code == 422
    assert "has no Chronos" in answer.content.decode()


def test_the_page_says_what_will_happen_by_time_and_what_did(dev: User, job: Job) -> None:
    schedule = make_schedule(job=job, instances=6, kind="exact")
    make_run(schedule=schedule)
    text = read(browser(dev), f"/jobs/{job.tag}/scaling/")
    assert "Nothing scales this job by metric" in text
    assert text.count("exactly 6") == 7
    assert "done" in text
    assert "Chronos" in part(browser(dev), f"/jobs/{job.tag}/scaling/", "scaling-calendar")


def test_a_schedule_that_chronos_does_not_ring_for_says_so(dev: User, job: Job) -> None:
    make_schedule(job=job, chronos="failing", chronos_error="curl: (7) Failed to connect")
    make_schedule(job=job, start="2016-10-01T09:00", chronos="away", misfire="skip")
    make_schedule(job=job, start="2016-10-01T11:00", chronos="there")
    text = read(browser(dev), f"/jobs/{job.tag}/scaling/")
    assert "2016-10-01 02:00 Asia/Shanghai · fails to call: curl: (7) Failed to connect" in text
    assert text.count("Ocean makes up for each of its times") == 1
    assert "2016-10-01 09:00 Asia/Shanghai · Chronos is away. Its times are skipped." in text
    assert "2016-10-01 11:00 Asia/Shanghai ·" not in text


def test_a_schedule_of_another_zone_shows_its_own_clock_beside_the_readers(dev: User, job: Job) -> None:
    make_schedule(job=job, start="2016-10-01T01:30", time_zone="Asia/Tokyo")
    dev.time_zone = "Asia/Shanghai"
    dev.save(update_fields=["time_zone"])
    text = read(browser(dev), f"/jobs/{job.tag}/scaling/")
    assert text.count("00:30 at least 2") == 7
    assert text.count("01:30 Asia/Tokyo") == 7


def test_a_row_without_a_zone_is_in_the_zone_of_the_readers_pages(dev: User, job: Job) -> None:
    """A browser's zone counts where the profile has none: what was typed is what the page shows."""
    page = browser(dev)
    page.cookies["ocean_tz"] = "Asia/Shanghai"
    url = f"/jobs/{job.tag}/edit/"
    assert 'placeholder="Asia/Shanghai"' in html_of(page, url)
    data = add_row(filled(dev, job), "scaling-schedules", **{**ROW, "time_zone": ""})
    assert page.post(url, data).status_code == 302
    assert ScalingSchedule.objects.get().time_zone == "Asia/Shanghai"
