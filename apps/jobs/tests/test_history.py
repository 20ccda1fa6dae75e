"""A job's history by page and by API: who did what when and why, folded, filtered, paged; two moments compared."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_user
from apps.core.models import Operation
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.factories import make_watch
from apps.core.tests.pages import part
from apps.jobs.models import DefinitionStamp, Job, JobEvent
from apps.jobs.tests.factories import make_job, make_job_operation, make_running_job, make_version
from apps.jobs.tests.pages import browser, text_of

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


@pytest.fixture
def job() -> Job:
    job = make_running_job(instances=1)
    make_watch(job.cluster)
    return job


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line, username="dev")


@pytest.fixture
def api(dev: User) -> APIClient:
    return api_client(dev)


@pytest.fixture
def client(dev: User) -> Client:
    return browser(dev)


def happened(job: Job, minute: float, **fields: Any) -> JobEvent:
    key = f"{fields.get('kind', 'x')}:{minute}:{JobEvent.objects.count()}"
    return JobEvent.objects.create(
        job=job, at=at(minute), **{"kind": "x", "key": key, "text": "It.", **fields}
    )


def failed(job: Job, minute: float, message: str = "exit 1") -> JobEvent:
    values = {"host": f"node-{minute}", "state": {"text": "failed"}, "message": message}
    text = "An instance on %(host)s ended (%(state)s): %(message)s"
    key = f"ended:task-{minute}"
    return happened(job, minute, kind="instance_failed", level="warning", text=text, values=values, key=key)


def history(api: APIClient, job: Job, **query: Any) -> list[dict[str, Any]]:
    answer = api.get(f"/api/v1/jobs/{job.tag}/history/", query)
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def kinds(rows: list[dict[str, Any]]) -> list[str]:
    return [row["kind"] for row in rows]


class TestTimeline:
    def test_an_operation_is_a_line_when_it_is_asked_for_and_one_when_it_ends(
        self, api: APIClient, job: Job, dev: User
    ) -> None:
        operation = make_job_operation(
            job, kind="job.publish", requested_by=dev, reason="it leaks", state=Operation.State.SUCCEEDED,
            parameters={"version": 2}, created_at=at(0),
        )  # fmt: skip
        happened(
            job, 3, kind="job.publish", text="v%(n)s runs.", values={"n": 2}, actor=dev, operation=operation
        )
        shared = {
            "actor": "dev",
            "reason": "it leaks",
            "operation": operation.pk,
            "kind": "job.publish",
            "level": "info",
            "count": 1,
            "task_id": "",
        }
        assert history(api, job) == [
            {
                "time": "2026-11-20T12:03:00Z",
                "first": "2026-11-20T12:03:00Z",
                "text": "v2 runs.",
                "state": "",
                "version": None,
                **shared,
            },
            {
                "time": "2026-11-20T12:00:00Z",
                "first": "2026-11-20T12:00:00Z",
                "text": "Publish asked for: v2",
                "state": "succeeded",
                "version": 2,
                **shared,
            },
        ]

    def test_a_crash_loop_is_one_line(self, api: APIClient, job: Job) -> None:
        for minute in range(30):
            failed(job, minute)
        failed(job, 31, message="exit 137")
        rows = history(api, job)
        assert [(row["count"], row["time"], row["first"]) for row in rows] == [
            (1, "2026-11-20T12:31:00Z", "2026-11-20T12:31:00Z"),
            (30, "2026-11-20T12:29:00Z", "2026-11-20T12:00:00Z"),
        ]
        assert rows[1]["text"] == "An instance on node-29 ended (failed): exit 1"
        assert rows[1]["task_id"] == "task-29"

    def test_filters(self, api: APIClient, job: Job, dev: User) -> None:
        other = make_user(username="other")
        happened(job, 1, kind="saved", actor=dev)
        make_job_operation(job, kind="job.scale", requested_by=other, created_at=at(2))
        failed(job, 3)
        happened(job, 4, kind="degraded", level="warning")
        everything = ["degraded", "instance_failed", "job.scale", "saved"]
        for query, expected in {
            "": everything,
            "kind=people": ["job.scale", "saved"],
            "kind=operations": ["job.scale"],
            "kind=versions": ["saved"],
            "kind=instances": ["instance_failed"],
            "kind=state": ["degraded"],
            "kind=degraded": ["degraded"],
            "kind=job.scale": ["job.scale"],
            "kind=state&kind=versions": ["degraded", "saved"],
            "kind=none": [],
            "who=dev": ["saved"],
            "who=other": ["job.scale"],
            "who=nobody": [],
            "level=warning": ["degraded", "instance_failed"],
            "level=info": ["job.scale", "saved"],
            "after=2026-11-20T12:02:00Z": ["degraded", "instance_failed", "job.scale"],
            "before=2026-11-20T12:02:00Z": ["saved"],
            "before=2026-11-20T20:02:00%2B08:00": ["saved"],
        }.items():
            answer = api.get(f"/api/v1/jobs/{job.tag}/history/?{query}")
            assert kinds(answer.json()["results"]) == expected, query

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("before=0001-01-01T00:00:00Z", "before"),
            ("before=9999-12-31T23:59:59Z", "before"),
            ("before=yesterday", "before"),
            ("after=0001-01-01T00:00:00%2B08:00", "after"),
            ("after=9999-12-31T23:59:59-08:00", "after"),
            ("level=loud", "level"),
            ("page_size=0", "page_size"),
            ("page_size=501", "page_size"),
            ("colour=red", "colour"),
        ],
    )
    def test_what_makes_no_sense_is_an_error_at_its_parameter(
        self, api: APIClient, job: Job, query: str, field: str
    ) -> None:
        answer = api.get(f"/api/v1/jobs/{job.tag}/history/?{query}")
        assert answer.status_code == 400
        assert list(field_codes(answer)) == [field]

    @pytest.mark.parametrize("size", [1, 2, 3, 50])
    def test_pages_hold_every_line_once_also_those_of_one_moment(
        self, api: APIClient, job: Job, size: int
    ) -> None:
        for minute in (0, 0, 0, 5, 5, 7):
            happened(job, minute, kind=f"x-{JobEvent.objects.count()}")
            make_job_operation(job, kind="job.scale", state=Operation.State.SUCCEEDED, created_at=at(minute))
        url: str | None = f"/api/v1/jobs/{job.tag}/history/?page_size={size}"
        seen: list[tuple[str, str, int | None]] = []
        while url:
            page = api.get(url).json()
            assert set(page) == {"next", "previous", "results"}
            assert len(page["results"]) <= size
            seen += [(row["time"], row["kind"], row["operation"]) for row in page["results"]]
            url = page["next"]
        assert len(seen) == len(set(seen)) == 12
        assert seen == sorted(seen, key=lambda row: row[0], reverse=True)

    def test_a_loop_longer_than_a_read_goes_on_on_the_next_page(
        self, api: APIClient, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("apps.jobs.past.READ", 20)
        for minute in range(50):
            failed(job, minute)
        url: str | None = f"/api/v1/jobs/{job.tag}/history/"
        counts: list[int] = []
        while url:
            page = api.get(url).json()
            counts += [row["count"] for row in page["results"]]
            url = page["next"]
        assert counts == [20, 20, 10]

    @pytest.mark.parametrize("rows", [3, 60])
    def test_the_number_of_queries_is_fixed(
        self,
        api: APIClient,
        job: Job,
        dev: User,
        rows: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for minute in range(rows):
            operation = make_job_operation(job, state=Operation.State.SUCCEEDED, requested_by=dev)
            happened(job, minute, actor=dev, operation=operation)
        api.get(f"/api/v1/jobs/{job.tag}/history/")
        with django_assert_num_queries(4):  # token, job, events, operations
            assert history(api, job)


class TestPage:
    def test_days_part_it_and_reasons_versions_and_logs_stand_with_the_lines(
        self, client: Client, job: Job, dev: User
    ) -> None:
        make_version(job, author=dev)
        happened(
            job, 0, kind="saved", text="dev saved version %(version)s.", values={"version": 2}, actor=dev
        )
        make_job_operation(
            job, kind="job.stop", requested_by=dev, reason="costs too much", created_at=at(24 * 60)
        )
        for minute in range(3):
            failed(job, 24 * 60 + 5 + minute)
        response = client.get(f"/jobs/{job.tag}/history/")
        seen, html = text_of(response), response.content.decode()
        assert re.findall(r'timeline-day">([^<]+)<', html) == ["Saturday, 2026-11-21", "Friday, 2026-11-20"]
        assert "Reason: costs too much" in seen
        assert "× 3 3 times since 12:05:00" in seen
        assert f'href="/jobs/{job.tag}/diff/?from=1&amp;to=2"' in html
        assert f'href="/jobs/{job.tag}/logs/?file=stderr&amp;task=task-1447"' in html

    def test_the_newest_page_is_live_and_older_ones_are_not(self, client: Client, job: Job) -> None:
        for number in range(60):
            happened(job, number, kind=f"x-{number}")
        newest = part(client, f"/jobs/{job.tag}/history/", "history")
        assert f'data-live="job:{job.pk}"' in newest
        older = re.search(r'id="history-older" href="([^"]+)"', newest)
        assert older is not None
        html = part(client, f"/jobs/{job.tag}/history/{older[1].replace('&amp;', '&')}", "history")
        assert "data-live" not in html
        assert len(re.findall(r'<li class="timeline-line', html)) == 10
        assert 'id="history-older"' not in html

    def test_filters_are_in_the_address(self, client: Client, job: Job, dev: User) -> None:
        failed(job, 1)
        happened(job, 2, kind="saved", text="Saved it.", actor=dev)
        assert "Saved it." in text_of(client.get(f"/jobs/{job.tag}/history/?who=dev&kind=people"))
        assert "exit 1" not in text_of(client.get(f"/jobs/{job.tag}/history/?who=dev"))
        assert "Nothing matches" in text_of(client.get(f"/jobs/{job.tag}/history/?level=error"))
        odd = client.get(f"/jobs/{job.tag}/history/?before=0001-01-01T00:00:00Z")
        assert "does not lead to a place" in text_of(odd)


class TestCompare:
    @pytest.fixture(autouse=True)
    def past(self, job: Job, dev: User) -> None:
        Job.objects.filter(pk=job.pk).update(target_version=2, running_version=2)
        make_version(job, spec={"cpus": 2.0, "env": {"KEY": {"secret": "key"}}})
        done = {"state": Operation.State.SUCCEEDED, "requested_by": dev}
        for minute, kind, parameters in (
            (0, "job.publish", {"version": 1, "instances": 3, "previous": {"wanted": 0}}),
            (60, "job.publish", {"version": 2, "instances": 3, "previous": {"wanted": 3}}),
            (90, "job.scale", {"instances": 6, "previous": {"wanted": 3}}),
        ):
            make_job_operation(
                job, kind=kind, parameters=parameters, created_at=at(minute), finished_at=at(minute + 1),
                reason="the sale", **done,
            )  # fmt: skip
        DefinitionStamp.objects.create(job=job, changed_at=at(0.5), version=1)
        DefinitionStamp.objects.create(job=job, changed_at=at(60.5), version=2)
        happened(job, 30, kind="degraded", level="warning", values={"well": 1, "wanted": 3})
        happened(job, 100, kind="degraded", level="warning", values={"well": 4, "wanted": 6})

    def test_two_moments_with_their_specs_and_what_happened_in_between(
        self, api: APIClient, job: Job
    ) -> None:
        query = {"from": at(40).isoformat(), "to": at(120).isoformat()}
        found = api.get(f"/api/v1/jobs/{job.tag}/compare/", query).json()
        assert found["from"] == {
            "at": "2026-11-20T12:40:00Z",
            "version": 1,
            "state": "degraded",
            "wanted": 3,
            "well": 1,
            "well_at": "2026-11-20T12:30:00Z",
        }
        assert (found["to"]["version"], found["to"]["state"], found["to"]["wanted"]) == (2, "degraded", 6)
        changes = {change["field"]: (change["old"], change["new"]) for change in found["changes"]}
        assert changes == {"cpus": (0.1, 2.0), "env.KEY": (None, {"secret": "key"})}
        assert [row["kind"] for row in found["between"]] == ["degraded", "job.scale", "job.publish"]
        assert found["between"][1]["reason"] == "the sale"
        assert found["more"] is None

    def test_the_order_does_not_matter_and_without_an_end_it_is_now(self, api: APIClient, job: Job) -> None:
        url = f"/api/v1/jobs/{job.tag}/compare/"
        there = api.get(url, {"from": at(40).isoformat(), "to": at(120).isoformat()}).json()
        back = api.get(url, {"from": at(120).isoformat(), "to": at(40).isoformat()}).json()
        assert there == back
        assert api.get(url, {"from": at(-60).isoformat()}).json()["from"]["state"] == "draft"

    @pytest.mark.parametrize(
        ("query", "field"),
        [({}, "from"), ({"from": "0001-01-01T00:00:00Z"}, "from"), ({"from": "x"}, "from")],
    )
    def test_bad_moments_are_errors(
        self, api: APIClient, job: Job, query: dict[str, str], field: str
    ) -> None:
        answer = api.get(f"/api/v1/jobs/{job.tag}/compare/", query)
        assert answer.status_code == 400
        assert list(field_codes(answer)) == [field]

    def test_the_page_by_two_lines_of_the_time_line(self, client: Client, job: Job) -> None:
        query = {"at": [at(120).isoformat(), at(40).isoformat()]}
        seen = text_of(client.get(f"/jobs/{job.tag}/compare/", query))
        assert "cpus changed 0.1 2.0" in seen
        assert "env.KEY added secret: key" in seen
        assert "Instances wanted 3 6" in seen
        assert "Version v1 v2" in seen
        assert "Reason: the sale" in seen

    def test_the_page_by_the_clock_and_without_anything(self, client: Client, job: Job) -> None:
        assert client.get(f"/jobs/{job.tag}/compare/").status_code == 200
        form = {"start": "2026-11-20T12:40", "end": "2026-11-20T12:45:10"}
        assert "The same spec" in text_of(client.get(f"/jobs/{job.tag}/compare/", form))
        for bad in (
            {"start": "x"},
            {"start": "0001-01-01T00:00"},
            {"at": "x"},
            {"at": "0001-01-01T00:00:00+08:00"},
        ):
            assert client.get(f"/jobs/{job.tag}/compare/", bad).status_code == 422, bad

    def test_the_number_of_queries_is_fixed(
        self, api: APIClient, job: Job, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        url = f"/api/v1/jobs/{job.tag}/compare/?from=2026-11-20T12:00:00Z&to=2026-11-21T12:00:00Z"
        api.get(url)
        for minute in range(50):
            failed(job, minute + 200, message=str(minute))
        with django_assert_num_queries(8):
            assert len(api.get(url).json()["between"]) == 55


def test_the_past_of_others_is_unknown(job: Job) -> None:
    stranger = make_member()
    for path in ("history/", "compare/?from=2026-11-20T12:00:00Z"):
        assert api_client(stranger).get(f"/api/v1/jobs/{job.tag}/{path}").status_code == 404
        assert browser(stranger).get(f"/jobs/{job.tag}/{path}").status_code == 404


def test_a_draft_has_a_past_too() -> None:
    job = make_job()
    client = browser(make_member(job.product_line))
    assert client.get(f"/jobs/{job.tag}/history/").status_code == 200
    assert "no version was known" in text_of(client.get(f"/jobs/{job.tag}/compare/?start=2026-11-20T12:00"))
