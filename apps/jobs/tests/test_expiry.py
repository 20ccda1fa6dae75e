"""Scaling for a time: it goes back once, at its time, unless somebody changed the number meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import Role, User
from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.core.operations.kinds import Cancelled, get_kind
from apps.core.tests.client import api_client, field_codes
from apps.jobs.models import Job, JobEvent, ScaleExpiry
from apps.jobs.services import job_publish, job_scale, job_stop
from apps.jobs.services.expiry_due import expiries_run
from apps.jobs.tests.factories import make_job_operation, make_running_job, make_version
from apps.jobs.tests.pages import browser, errors_at, form_data, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=3, name="weather")


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line, username="dev", time_zone="Asia/Shanghai")


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


def soon() -> datetime:
    return timezone.now().replace(microsecond=0) + timedelta(hours=2)


def end_all() -> None:
    Operation.objects.active().update(state=Operation.State.SUCCEEDED)


def after(at: datetime) -> datetime:
    return at + timedelta(seconds=1)


def story(job: Job) -> list[str]:
    return [event.rendered for event in JobEvent.objects.filter(job=job).order_by("pk")]


def test_it_goes_back_once_when_its_time_has_come(job: Job, dev: User) -> None:
    at = soon()
    job_scale(job=job, instances=6, by=dev, until=at)
    end_all()

    assert expiries_run(now=at - timedelta(seconds=1)) == 0
    assert expiries_run(now=after(at)) == 1
    assert expiries_run(now=after(at)) == 0

    job.refresh_from_db()
    assert job.wanted == 3
    back = Operation.objects.active().get()
    assert (back.kind, back.requested_by, back.parameters["instances"]) == ("job.scale", None, 3)
    assert not ScaleExpiry.objects.exists()
    assert story(job)[-1] == "The time is up: instances go from 6 back to 3."


def test_a_stopped_job_is_stopped_again(dev: User, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(wanted=0)
    job.refresh_from_db()
    at = soon()
    job_scale(job=job, instances=2, by=dev, until=at)
    end_all()

    expiries_run(now=after(at))

    assert Operation.objects.active().get().kind == "job.stop"


def test_a_busy_job_is_tried_again(job: Job, dev: User) -> None:
    at = soon()
    job_scale(job=job, instances=6, by=dev, until=at)
    end_all()
    other = make_job_operation(job, kind="job.restart")

    assert expiries_run(now=after(at)) == 0
    assert ScaleExpiry.objects.count() == 1
    Operation.objects.filter(pk=other.pk).update(state=Operation.State.SUCCEEDED)
    assert expiries_run(now=after(at)) == 1


def test_busy_jobs_stand_in_nobodys_way(job: Job, dev: User) -> None:
    other = make_running_job(instances=3, name="rain", product_line=job.product_line, cluster=job.cluster)
    at = soon()
    for one in (job, other):
        job_scale(job=one, instances=6, by=dev, until=at)
    end_all()
    make_job_operation(job, kind="job.publish")
    assert expiries_run(now=after(at), limit=1) == 1
    other.refresh_from_db()
    assert other.wanted == 3


def scaled(job: Job, by: User) -> None:
    job_scale(job=job, instances=8, by=by)


def stopped(job: Job, by: User) -> None:
    job_stop(job=job, by=by)


def published_with_another_number(job: Job, by: User) -> None:
    make_version(job, spec={"instances": 5})
    job_publish(job=job, by=by)


@pytest.mark.parametrize("change", [scaled, stopped, published_with_another_number])
def test_another_number_asked_for_meanwhile_stays_and_the_history_says_so(
    change: Any, job: Job, dev: User
) -> None:
    at = soon()
    job_scale(job=job, instances=6, by=dev, until=at)
    end_all()
    change(job, dev)
    end_all()
    wanted = Job.objects.get(pk=job.pk).wanted

    assert expiries_run(now=after(at)) == 0

    assert Job.objects.get(pk=job.pk).wanted == wanted
    assert not ScaleExpiry.objects.exists()
    assert sum(line.startswith("The number of instances was changed since") for line in story(job)) == 1


def test_a_publish_of_the_same_number_changes_nothing(job: Job, dev: User) -> None:
    at = soon()
    job_scale(job=job, instances=6, by=dev, until=at)
    end_all()
    make_version(job, spec={"cpus": 0.2})
    job_publish(job=Job.objects.get(pk=job.pk), by=dev)
    end_all()

    assert expiries_run(now=after(at)) == 1


def test_scaling_for_a_time_again_goes_back_to_the_very_first_number(job: Job, dev: User) -> None:
    at = soon()
    job_scale(job=job, instances=6, by=dev, until=at)
    end_all()
    job_scale(job=job, instances=9, by=dev, until=after(at))

    expiry = ScaleExpiry.objects.get()
    assert (expiry.at, expiry.during, expiry.instances) == (after(at), 9, 3)
    assert not any("changed since" in line for line in story(job))


def test_a_scaling_that_is_called_off_brings_back_what_was_pending(job: Job, dev: User) -> None:
    at = soon()
    job_scale(job=job, instances=6, by=dev, until=at)
    end_all()
    operation = job_scale(job=job, instances=9, by=dev)
    assert not ScaleExpiry.objects.exists()

    get_kind(operation.kind).ended(operation, Cancelled())

    expiry = ScaleExpiry.objects.get()
    assert (expiry.at, expiry.during, expiry.instances) == (at, 6, 3)


def test_a_deleted_jobs_expiry_lapses(job: Job, dev: User) -> None:
    at = soon()
    job_scale(job=job, instances=6, by=dev, until=at)
    end_all()
    Job.objects.filter(pk=job.pk).update(deleted_at=timezone.now())

    assert expiries_run(now=after(at)) == 0
    assert not ScaleExpiry.objects.exists()


class TestApi:
    def test_the_job_says_when_it_goes_back(self, client: APIClient, job: Job) -> None:
        url = f"/api/v1/jobs/{job.tag}/"
        answer = client.post(f"{url}scale/", {"instances": 6, "until": "2020-11-20T18:00:00+08:00"})
        assert field_codes(answer) == {"until": "past"}
        at = soon()
        assert client.post(f"{url}scale/", {"instances": 6, "until": at.isoformat()}).status_code == 202
        shown = {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "instances": 3}
        assert client.get(url).json()["expiry"] == shown
        assert client.get("/api/v1/jobs/").json()["results"][0]["expiry"] == shown

        assert client.delete(f"{url}expiry/").json()["expiry"] is None
        assert client.delete(f"{url}expiry/").status_code == 200
        assert Job.objects.get(pk=job.pk).wanted == 6
        assert story(job)[-1] == "dev keeps the number of instances, 6: it does not go back any more."

    @pytest.mark.parametrize(
        ("until", "code"),
        [("2999-01-01T00:00:00Z", "too_far"), ("2999-01-01T00:00:00", "naive"), ("soon", "invalid")],
    )
    def test_a_time_that_makes_no_sense_is_named(
        self, client: APIClient, job: Job, until: str, code: str
    ) -> None:
        answer = client.post(f"/api/v1/jobs/{job.tag}/scale/", {"instances": 6, "until": until})
        assert field_codes(answer) == {"until": code}
        assert not Operation.objects.exists()

    def test_a_viewer_keeps_nothing(self, job: Job, dev: User) -> None:
        job_scale(job=job, instances=6, by=dev, until=soon())
        viewer = api_client(make_member(job.product_line, role=Role.VIEWER))
        assert viewer.delete(f"/api/v1/jobs/{job.tag}/expiry/").status_code == 403
        assert ScaleExpiry.objects.exists()


class TestPage:
    @pytest.fixture
    def page(self, dev: User) -> Client:
        return browser(dev)

    def test_the_time_is_in_the_readers_zone(self, page: Client, job: Job) -> None:
        path = f"/jobs/{job.tag}/scale/"
        asked = page.get(path)
        assert "In your time zone, Asia/Shanghai." in text_of(asked)
        at = soon().replace(second=0)
        local = timezone.localtime(at, timezone.get_fixed_timezone(480))
        data = {**form_data(asked, "question"), "instances": "6"}

        past = page.post(path, {**data, "until": "2020-01-01T00:00"})
        assert (past.status_code, set(errors_at(past))) == (422, {"until"})
        assert form_data(past, "question")["until"] == "2020-01-01T00:00"
        page.post(path, {**data, "until": f"{local:%Y-%m-%dT%H:%M}"})

        assert ScaleExpiry.objects.get().at == at
        shown = text_of(page.get(f"/jobs/{job.tag}/"))
        assert f"6 instances until {local:%Y-%m-%d %H:%M:%S} , then 3." in shown
        history = text_of(page.get(f"/jobs/{job.tag}/history/"))
        assert f"6 instances until {local:%Y-%m-%d %H:%M} +0800, then 3." in history

    def test_it_can_be_kept_or_undone_now(self, page: Client, job: Job, dev: User) -> None:
        job_scale(job=job, instances=6, by=dev, until=soon())
        end_all()

        back = form_data(page.get(f"/jobs/{job.tag}/scale/?instances=3"), "question")
        assert back["instances"] == "3"
        kept = page.post(f"/jobs/{job.tag}/scale/keep/", follow=True)

        assert "The number of instances stays as it is." in text_of(kept)
        assert "Back to 3 now" not in text_of(kept)
        assert not ScaleExpiry.objects.exists()
        assert page.get(f"/jobs/{job.tag}/scale/keep/").status_code == 405
