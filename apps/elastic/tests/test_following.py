"""A job's scaling goes where the job goes: moved with one that migrates, copied to a clone that asks for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from apps.accounts.models import Membership, Role, User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Cluster
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.factories import make_cluster, make_group
from apps.elastic.models import (
    FalconEntry,
    ScalingPolicy,
    ScalingSchedule,
    ScalingState,
    ScheduleBound,
    ScheduleRun,
)
from apps.elastic.policies import policy_body
from apps.elastic.services.following import scaling_move
from apps.elastic.tests.factories import make_policy, make_run, make_schedule
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Job
from apps.jobs.signals import job_moved
from apps.jobs.tests.factories import make_job, make_running_job
from apps.jobs.tests.pages import browser, form_data, text_of

pytestmark = pytest.mark.django_db

CHRONOS = {"chronos_urls": ["http://chronos:4400"]}


@pytest.fixture
def c3() -> Cluster:
    cluster = make_cluster(name="c3", **CHRONOS)
    make_host(cluster=cluster)
    return cluster


@pytest.fixture
def job() -> Job:
    return make_running_job(name="web", cluster=make_cluster(name="staging", **CHRONOS))


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line)


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


@pytest.fixture
def there(job: Job, c3: Cluster) -> Job:
    """Where it has migrated to."""
    return make_job(name="web", product_line=job.product_line, cluster=c3, cloned_from=job)


class TestMoved:
    def test_policy_and_schedules_go_along_with_what_was_learned_and_holds(
        self, job: Job, there: Job, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        since = timezone.now() - timedelta(minutes=5)
        policy = make_policy(job=job)
        ScalingState.objects.create(policy=policy, memory={"turns": 0.5})
        now = timezone.now()
        FalconEntry.objects.create(
            policy=policy, fingerprint="f", instances="i", applied_at=now, checked_at=now
        )
        schedule = make_schedule(job=job, chronos="there")
        past, coming = (
            make_run(schedule=schedule, due_at=now + timedelta(seconds=at), state=state)
            for at, state in ((-60, "applied"), (2, "rung"))
        )
        ScheduleBound.objects.create(job=job, schedule=schedule, kind="floor", instances=2, since=past.due_at)

        with django_capture_on_commit_callbacks() as followed:
            job_moved.send(Job, job=job, clone=there, since=since)

        assert len(followed) == 1
        assert ScalingPolicy.objects.get().job == there
        assert ScalingState.objects.get(policy__job=there).memory == {"turns": 0.5}
        assert not FalconEntry.objects.exists()
        schedule.refresh_from_db()
        assert (schedule.job, schedule.chronos) == (there, "pending")
        assert ScheduleBound.objects.get().job == there
        assert [ScheduleRun.objects.get(pk=run.pk).job for run in (past, coming)] == [job, there]

    def test_falcons_and_chronoses_of_both_clusters_are_told(
        self,
        job: Job,
        there: Job,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        make_policy(job=job)
        marked: set[int] = set()
        asked: list[tuple[str, Any]] = []
        monkeypatch.setattr("apps.elastic.services.following.mark", marked.update)
        monkeypatch.setattr(
            "apps.elastic.services.following.send",
            lambda task, argument, queue: asked.append((task, argument)),
        )
        with django_capture_on_commit_callbacks(execute=True):
            scaling_move(job=job, clone=there, since=timezone.now())
        assert marked == {job.pk, there.pk}
        assert sorted(asked) == sorted(
            ("elastic.reconcile_chronos", cluster) for cluster in (job.cluster_id, there.cluster_id)
        )

    def test_what_was_there_makes_room_and_what_somebody_set_since_stays(self, job: Job, there: Job) -> None:
        make_policy(job=job, max=7)
        make_schedule(job=job, instances=7)
        old = timezone.now() - timedelta(days=1)
        make_policy(job=there, max=3, updated_at=old)
        make_schedule(job=there, instances=3, created_at=old)
        make_schedule(job=there, instances=3, start="2016-10-01T04:00", created_at=old)
        scaling_move(job=job, clone=there, since=timezone.now() - timedelta(hours=1))
        assert ScalingPolicy.objects.get().max == 7
        assert [row.instances for row in ScalingSchedule.objects.filter(job=there)] == [7]

        home = make_job(name="home", product_line=job.product_line, cluster=job.cluster)
        make_policy(job=home, max=9)
        make_schedule(job=home, instances=9)
        scaling_move(job=there, clone=home, since=timezone.now() - timedelta(hours=1))
        assert ScalingPolicy.objects.get(job=home).max == 9
        assert [row.instances for row in ScalingSchedule.objects.filter(job=home)] == [9]

    def test_a_job_without_scaling_takes_nobodys(self, job: Job, there: Job) -> None:
        make_policy(job=there, updated_at=timezone.now() - timedelta(days=1))
        make_schedule(job=there, created_at=timezone.now() - timedelta(days=1))
        scaling_move(job=job, clone=there, since=timezone.now())
        assert ScalingPolicy.objects.filter(job=there).exists()
        assert ScalingSchedule.objects.filter(job=there).exists()


class TestCloned:
    def clone(self, client: APIClient, job: Job, **fields: Any) -> Any:
        return client.post(f"/api/v1/jobs/{job.tag}/clone/", {"cluster": "c3", **fields}, format="json")

    def test_a_clone_has_no_scaling_unless_that_is_asked_for(
        self, client: APIClient, job: Job, c3: Cluster
    ) -> None:
        make_policy(job=job)
        assert self.clone(client, job).status_code == 201
        assert ScalingPolicy.objects.get().job == job

    def test_it_gets_a_policy_and_schedules_like_the_jobs(
        self, client: APIClient, job: Job, c3: Cluster
    ) -> None:
        policy = make_policy(job=job, max=7, window_s=300, advise_only=True, version=4)
        make_schedule(job=job, kind="exact", misfire="skip", note="night")
        make_schedule(job=job, start="2016-10-01T04:00", interval="", next_at=None)  # was, once
        assert self.clone(client, job, autoscaling=True).status_code == 201
        copy = ScalingPolicy.objects.get(job__cluster=c3)
        assert policy_body(copy) == {**policy_body(policy), "version": 1}
        row = ScalingSchedule.objects.get(job__cluster=c3)
        assert (row.instances, row.kind, row.misfire, row.note) == (2, "exact", "skip", "night")
        assert row.next_at is not None
        assert (ScalingPolicy.objects.count(), ScalingSchedule.objects.filter(job=job).count()) == (2, 2)

    def test_groups_of_the_other_product_line_stay_with_it(
        self, client: APIClient, dev: User, job: Job, c3: Cluster
    ) -> None:
        make_group(name="theirs", product_line=job.product_line)
        make_group(name="everybody")
        make_policy(job=job, notify=["theirs", "everybody", "gone"])
        line = make_product_line()
        Membership.objects.create(product_line=line, user=dev, role=Role.DEVELOPER)
        assert self.clone(client, job, autoscaling=True).status_code == 201
        assert self.clone(client, job, autoscaling=True, product_line=line.tag).status_code == 201
        notify = ScalingPolicy.objects.filter(job__cluster=c3).order_by("pk").values_list("notify", flat=True)
        assert list(notify) == [["theirs", "everybody"], ["everybody"]]

    def test_what_cannot_be_there_makes_no_clone(self, client: APIClient, job: Job) -> None:
        make_host(cluster=make_cluster(name="c3", chronos_urls=[]))
        make_schedule(job=job)
        assert field_codes(self.clone(client, job, autoscaling=True)) == {"": "no_chronos"}
        assert Job.objects.count() == 1

    def test_a_repeated_request_changes_nothing_that_was_changed_since(
        self, client: APIClient, job: Job, c3: Cluster
    ) -> None:
        make_policy(job=job)
        url, body = f"/api/v1/jobs/{job.tag}/clone/", {"cluster": "c3", "autoscaling": True}
        client.post(url, body, format="json", headers={"Idempotency-Key": "k"})
        ScalingPolicy.objects.filter(job__cluster=c3).update(max=50)
        assert client.post(url, body, format="json", headers={"Idempotency-Key": "k"}).status_code == 201
        assert ScalingPolicy.objects.get(job__cluster=c3).max == 50

    def test_the_page_offers_it(self, dev: User, job: Job, c3: Cluster) -> None:
        make_policy(job=job)
        pages: Client = browser(dev)
        path = f"/jobs/{job.tag}/clone/"
        page = pages.get(path)
        assert "With its autoscaling" in text_of(page)
        data = {**form_data(page, "place-form"), "cluster": "c3", "begin": "1", "autoscaling": "on"}
        assert pages.post(path, data).status_code == 302
        assert ScalingPolicy.objects.filter(job__cluster=c3).exists()
