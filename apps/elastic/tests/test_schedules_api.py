"""Schedules over the API: rows, their fields' errors, rights, and what is coming."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apps.accounts.models import Role, User
from apps.accounts.tests.factories import make_member, make_user
from apps.core.models import AuditEntry
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_cluster
from apps.elastic.models import ScalingSchedule, ScheduleBound
from apps.elastic.schedules.services import schedule_change
from apps.elastic.tests.factories import make_policy, make_schedule
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_job_operation, make_running_job

pytestmark = pytest.mark.django_db

SLIDE = {"start": "2016-10-01T00:00", "time_zone": "Asia/Shanghai", "interval": "P1D", "instances": 2}


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=3, name="weather")


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line, username="dev", time_zone="Europe/Berlin")


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


def url(job: Job, rest: str = "schedules/") -> str:
    return f"/api/v1/jobs/{job.tag}/{rest}"


class TestRows:
    def test_the_slides_row_is_added_listed_and_removed(self, client: APIClient, job: Job) -> None:
        answer = client.post(url(job), SLIDE)

        assert answer.status_code == 201, answer.content
        row = answer.json()
        at = row.pop("next")
        assert datetime.fromisoformat(at).astimezone(UTC).strftime("%H:%M:%S") == "16:00:00"
        assert timezone.now() < datetime.fromisoformat(at) <= timezone.now() + timedelta(days=1)
        assert row == {
            "id": ScalingSchedule.objects.get().pk,
            **SLIDE,
            "kind": "floor",
            "misfire": "make_up",
            "enabled": True,
            "note": "",
            "last": None,
            "chronos": {"state": "pending", "error": ""},
            "created": row["created"],
            "created_by": "dev",
        }
        assert [item["id"] for item in client.get(url(job)).json()["results"]] == [row["id"]]
        assert client.delete(url(job, f"schedules/{row['id']}/")).status_code == 204
        assert client.get(url(job)).json()["count"] == 0
        entries = AuditEntry.objects.filter(action__startswith="schedule.").order_by("pk")
        actions = entries.values_list("action", flat=True)
        assert list(actions) == ["schedule.create", "schedule.delete"]

    def test_without_a_zone_it_is_the_persons_and_without_an_interval_once(
        self, client: APIClient, job: Job
    ) -> None:
        row = client.post(url(job), {"start": "2040-07-01 08:30", "instances": 0}).json()

        assert (row["start"], row["time_zone"], row["interval"]) == ("2040-07-01T08:30", "Europe/Berlin", "")
        assert datetime.fromisoformat(row["next"]) == datetime(2040, 7, 1, 6, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("change", "errors"),
        [
            ({"start": "tomorrow"}, {"start": "invalid_start"}),
            ({"start": "2016-10-01T00:00:30"}, {"start": "invalid_start"}),
            ({"start": "0001-01-01T00:00"}, {"start": "year"}),
            ({"interval": "daily"}, {"interval": "invalid_interval"}),
            ({"interval": "PT10S"}, {"interval": "invalid_interval"}),
            ({"interval": ""}, {"start": "in_the_past"}),
            ({"time_zone": "Asia/Beijing"}, {"time_zone": "unknown_time_zone"}),
            ({"instances": -1}, {"instances": "min_value"}),
            ({"kind": "about"}, {"kind": "invalid_choice"}),
            ({"misfire": "panic", "cron": "* *"}, {"misfire": "invalid_choice", "cron": "unknown_field"}),
        ],
    )
    def test_errors_stand_at_their_fields(
        self, client: APIClient, job: Job, change: dict[str, Any], errors: dict[str, str]
    ) -> None:
        answer = client.post(url(job), {**SLIDE, **change})

        # What a serializer does not know is said before it looks at the rest.
        assert field_codes(answer).items() <= errors.items()
        assert field_codes(answer)
        assert not ScalingSchedule.objects.exists()

    def test_the_same_row_twice_is_refused_at_its_start(self, client: APIClient, job: Job) -> None:
        client.post(url(job), SLIDE)

        assert field_codes(client.post(url(job), {**SLIDE, "instances": 9})) == {"start": "unique"}
        assert client.post(url(job), {**SLIDE, "interval": "P1W"}).status_code == 201

    def test_asking_again_with_its_key_is_asking_once(self, client: APIClient, job: Job) -> None:
        first, again = (client.post(url(job), SLIDE, headers={"Idempotency-Key": "k1"}) for _ in range(2))

        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert ScalingSchedule.objects.count() == 1
        assert field_codes(client.post(url(job), SLIDE)) == {"start": "unique"}

    def test_a_cluster_without_a_chronos_cannot(self, job: Job, client: APIClient) -> None:
        job.cluster.chronos_urls = []
        job.cluster.save()

        assert field_codes(client.post(url(job), SLIDE)) == {"": "no_chronos"}

    def test_fields_are_changed_one_by_one(self, client: APIClient, job: Job) -> None:
        row = make_schedule(job=job)
        ScheduleBound.objects.create(job=job, schedule=row, kind="floor", instances=2, since=timezone.now())
        address = url(job, f"schedules/{row.pk}/")

        body = client.patch(address, {"instances": 5, "kind": "exact"}).json()
        assert (body["instances"], body["kind"], body["start"]) == (5, "exact", "2016-10-01T02:00")
        assert ScheduleBound.objects.get().instances == 2  # what holds, holds until the next slot

        body = client.patch(address, {"enabled": False}).json()
        assert (body["enabled"], body["next"]) == (False, None)
        assert not ScheduleBound.objects.exists()
        assert client.patch(address, {"enabled": True}).json()["next"] is not None
        assert AuditEntry.objects.latest("pk").detail == {"id": row.pk, "fields": ["enabled"]}

    def test_a_list_has_a_fixed_number_of_queries(
        self, client: APIClient, job: Job, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for hour in range(5):
            make_schedule(job=job, start=f"2016-10-01T0{hour}:00")
        client.get(url(job))
        with django_assert_num_queries(4):
            assert client.get(url(job)).json()["count"] == 5


class TestRights:
    def test_who_may_not_know_of_the_job_gets_404(self, job: Job) -> None:
        row = make_schedule(job=job)
        stranger = api_client(make_user())
        for method, rest in (
            ("get", "schedules/"),
            ("post", "schedules/"),
            ("get", "schedules/runs/"),
            ("get", "scaling/calendar/"),
            ("delete", f"schedules/{row.pk}/"),
            ("patch", f"schedules/{row.pk}/"),
        ):
            assert getattr(stranger, method)(url(job, rest)).status_code == 404

    def test_a_viewer_looks_only(self, job: Job) -> None:
        row = make_schedule(job=job)
        viewer = api_client(make_member(job.product_line, role=Role.VIEWER))

        assert viewer.get(url(job)).json()["count"] == 1
        for answer in (
            viewer.post(url(job), {**SLIDE, "start": "2030-01-01T00:00"}),
            viewer.patch(url(job, f"schedules/{row.pk}/"), {"instances": 9}),
            viewer.delete(url(job, f"schedules/{row.pk}/")),
        ):
            assert problem_type(answer) == "forbidden"
        assert ScalingSchedule.objects.get().instances == 2

    def test_another_jobs_row_is_not_found(self, client: APIClient, job: Job) -> None:
        other = make_schedule(job=make_running_job(product_line=job.product_line, cluster=make_cluster()))

        assert client.delete(url(job, f"schedules/{other.pk}/")).status_code == 404
        assert ScalingSchedule.objects.count() == 1


class TestCalendar:
    def test_what_is_coming_in_the_next_days(self, client: APIClient, job: Job) -> None:
        night = make_schedule(job=job, start="2016-10-01T02:00", instances=2, kind="exact")
        day = make_schedule(job=job, start="2016-10-01T07:00", instances=4)
        body = client.get(url(job, "scaling/calendar/?days=2")).json()

        assert len(body["entries"]) == 4
        times = [datetime.fromisoformat(entry["at"]) for entry in body["entries"]]
        assert times == sorted(times)
        by_row = {entry["schedule"]: entry for entry in body["entries"][:2]}
        assert by_row[night.pk]["local"].endswith("T02:00")
        assert (by_row[night.pk]["least"], by_row[night.pk]["most"]) == (2, 2)
        assert (by_row[day.pk]["least"], by_row[day.pk]["most"], by_row[day.pk]["holds"]) == (4, 4, True)
        assert body["entries"][0]["until"] == body["entries"][1]["at"]
        assert (body["limits"], body["holds"], body["truncated"]) == (None, None, False)

    def test_beside_a_policy_a_floor_leaves_room_and_both_stay_within_its_limits(
        self, client: APIClient, job: Job
    ) -> None:
        make_policy(job=job, min=3, max=8)
        make_schedule(job=job, start="2016-10-01T02:00", instances=2, kind="exact")
        make_schedule(job=job, start="2016-10-01T07:00", instances=4)
        make_schedule(job=job, start="2016-10-01T20:00", instances=20)
        body = client.get(url(job, "scaling/calendar/?days=1")).json()

        assert body["limits"] == {"min": 3, "max": 8}
        room = {entry["instances"]: (entry["least"], entry["most"]) for entry in body["entries"]}
        assert room == {2: (3, 3), 4: (4, 8), 20: (8, 8)}

    def test_a_slot_that_ran_holds_a_job_that_a_policy_scales_and_no_other(
        self, client: APIClient, job: Job
    ) -> None:
        row = make_schedule(job=job)
        ScheduleBound.objects.create(job=job, schedule=row, since=timezone.now(), kind="floor", instances=2)
        assert client.get(url(job, "scaling/calendar/")).json()["holds"] is None
        make_policy(job=job)
        assert client.get(url(job, "scaling/calendar/")).json()["holds"]["floor"] == 2

    def test_of_two_at_once_one_holds(self, client: APIClient, job: Job) -> None:
        low = make_schedule(job=job, instances=2)
        high = make_schedule(job=job, start="2016-10-02T02:00", interval="P1D", instances=6)
        entries = client.get(url(job, "scaling/calendar/?days=1")).json()["entries"]

        assert {entry["schedule"]: entry["holds"] for entry in entries} == {low.pk: False, high.pk: True}

    def test_many_are_cut_and_said_so(self, client: APIClient, job: Job) -> None:
        make_schedule(job=job, interval="PT1M")
        body = client.get(url(job, "scaling/calendar/")).json()

        assert (len(body["entries"]), body["truncated"]) == (500, True)

    @pytest.mark.parametrize("days", ["0", "32", "x"])
    def test_days_are_from_1_to_31(self, client: APIClient, job: Job, days: str) -> None:
        assert "days" in field_codes(client.get(url(job, f"scaling/calendar/?days={days}")))


@pytest.mark.django_db(transaction=True)
def test_while_a_row_is_changed_the_clusters_operations_go_on(job: Job, dev: User) -> None:
    schedule, other = make_schedule(job=job), make_running_job(cluster=job.cluster)
    failed: list[Exception] = []

    def begin() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                make_job_operation(other)
                ScheduleBound.objects.create(
                    job=job, schedule=schedule, kind="floor", instances=2, since=timezone.now()
                )
        except OperationalError as exc:
            failed.append(exc)
        finally:
            connection.close()

    with transaction.atomic():
        schedule_change(schedule=schedule, by=dev, fields={"instances": 3})
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join(10)
    assert failed == []
