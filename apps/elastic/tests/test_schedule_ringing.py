"""Chronos rings: a slot runs once, whoever calls and however often; what it does to jobs with and without a policy."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.tests.factories import make_member, make_sre
from apps.core.models import Cluster, Notification, Operation, render_line
from apps.core.tests.client import api_client, problem_type
from apps.core.tests.factories import make_cluster, make_group
from apps.elastic.models import ScalingPause, ScalingSchedule, ScheduleBound, ScheduleRun
from apps.elastic.schedules.effects import effects_put_off, effects_run
from apps.elastic.schedules.misfires import misfires_run
from apps.elastic.schedules.ringing import MISFIRE_AFTER, Rung, schedule_rung
from apps.elastic.schedules.selectors import schedule_bounds
from apps.elastic.schedules.settling import runs_due_settle
from apps.elastic.schedules.tasks import prune_schedule_runs
from apps.elastic.schedules.tokens import token_of
from apps.elastic.tests.factories import make_policy, make_run, make_schedule
from apps.jobs.models import Job, JobEvent
from apps.jobs.tests.factories import make_job, make_job_operation, make_running_job

pytestmark = pytest.mark.django_db

DUE = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
"""A slot of the slide's first row: two o'clock in Shanghai."""
State = ScheduleRun.State


def make_due(job: Job | None = None, **overrides: object) -> ScalingSchedule:
    return make_schedule(job=job, **{"next_at": DUE, **overrides})


def ring(schedule: ScalingSchedule, *, late_s: float = 0.2) -> Rung:
    return schedule_rung(
        schedule=ScalingSchedule.objects.select_related("job").get(pk=schedule.pk),
        now=DUE + timedelta(seconds=late_s),
    )


def states() -> list[tuple[int, str]]:
    return list(ScheduleRun.objects.order_by("pk").values_list("instances", "state"))


class TestASlot:
    def test_runs_once_and_the_next_one_is_planned(self) -> None:
        schedule = make_due()

        assert [ring(schedule), ring(schedule), ring(schedule, late_s=30)] == [
            Rung.RUN,
            Rung.ALREADY,
            Rung.ALREADY,
        ]
        run = ScheduleRun.objects.get()
        assert (run.due_at, run.trigger, run.rung_by, run.instances) == (DUE, "chronos", schedule, 2)
        schedule.refresh_from_db()
        assert (schedule.last_at, schedule.next_at) == (DUE, DUE + timedelta(days=1))

    @pytest.mark.parametrize(
        ("late_s", "rung"), [(-9.9, Rung.RUN), (-10.1, Rung.NOT_DUE), (90, Rung.RUN), (90.1, Rung.MISSED)]
    )
    def test_runs_when_the_call_is_near_it(self, late_s: float, rung: Rung) -> None:
        schedule = make_due()

        assert ring(schedule, late_s=late_s) == rung
        assert ScheduleRun.objects.count() == (rung == Rung.RUN)

    def test_that_was_rung_for_early_runs_at_its_time_once(self) -> None:
        schedule = make_due(interval="PT1M")

        assert [ring(schedule, late_s=-3), ring(schedule, late_s=-2)] == [Rung.RUN, Rung.ALREADY]
        assert (states(), ScheduleBound.objects.count()) == ([(2, "rung")], 0)
        assert runs_due_settle(now=DUE - timedelta(seconds=1)) == []
        assert len(runs_due_settle(now=DUE)) == 1
        assert runs_due_settle(now=DUE) == []
        assert (states(), ScheduleBound.objects.get().since) == ([(2, "waiting")], DUE)
        assert ScalingSchedule.objects.get().next_at == DUE + timedelta(minutes=1)

    @pytest.mark.parametrize("change", ["delete", "disable"])
    def test_whose_row_went_after_the_ring_does_not_run(self, change: str) -> None:
        schedule = make_due()
        ring(schedule, late_s=-3)
        if change == "delete":
            schedule.delete()
        else:
            ScalingSchedule.objects.update(enabled=False)
        runs_due_settle(now=DUE)

        assert (states(), ScheduleBound.objects.count()) == ([(2, "skipped")], 0)

    def test_that_was_rung_for_is_not_missed(self) -> None:
        ring(make_due(), late_s=-3)
        assert misfires_run(now=DUE + timedelta(minutes=5)) == []

    def test_of_a_disabled_row_or_a_deleted_job_does_not_run(self) -> None:
        disabled = make_due(enabled=False)
        gone = make_due(job=make_job(deleted_at=timezone.now()))

        assert [ring(disabled), ring(gone)] == [Rung.ALREADY, Rung.ALREADY]
        assert not ScheduleRun.objects.exists()

    def test_once_is_once(self) -> None:
        schedule = make_due(interval="", start="2026-11-21T02:00")

        assert [ring(schedule), ring(schedule)] == [Rung.RUN, Rung.ALREADY]
        assert ScalingSchedule.objects.get().next_at is None


class TestAMoment:
    def test_takes_along_every_schedule_of_the_cluster_that_is_due_then(self) -> None:
        cluster = make_cluster()
        jobs = [make_running_job(cluster=cluster) for _ in range(3)]
        first, *others = [make_due(job=job) for job in jobs]
        later = make_due(job=jobs[0], next_at=DUE + timedelta(seconds=60), start="2016-10-01T02:01")
        elsewhere = make_due()

        assert ring(first) == Rung.RUN
        assert {run.schedule_id for run in ScheduleRun.objects.all()} == {
            first.pk,
            *(row.pk for row in others),
        }
        assert {run.rung_by_id for run in ScheduleRun.objects.all()} == {first.pk}
        assert [ring(row) for row in others] == [Rung.ALREADY] * 2
        assert {row.next_at for row in (_fresh(later), _fresh(elsewhere))} == {
            DUE,
            DUE + timedelta(seconds=60),
        }

    def test_costs_as_many_queries_for_a_thousand_as_for_ten(
        self, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        cluster = make_cluster()
        schedules = [make_due(job=make_job(cluster=cluster)) for _ in range(10)]
        with django_assert_max_num_queries(18):
            ring(schedules[0])
        assert ScheduleRun.objects.count() == 10

    @pytest.mark.parametrize(
        ("rows", "holds"),
        [
            ([("floor", 2), ("floor", 6), ("floor", 4)], ("floor", 6)),
            ([("floor", 9), ("exact", 3)], ("exact", 3)),
            ([("exact", 3), ("exact", 5), ("floor", 9)], ("exact", 5)),
        ],
    )
    def test_has_one_winner_for_each_job(self, rows: list[tuple[str, int]], holds: tuple[str, int]) -> None:
        job = make_running_job()
        schedules = [
            make_due(job=job, start=f"2016-10-{day:02}T02:00", kind=kind, instances=instances)
            for day, (kind, instances) in enumerate(rows, 1)
        ]
        ring(schedules[0])

        bound = ScheduleBound.objects.get()
        assert (bound.kind, bound.instances) == holds
        assert sorted(state for _, state in states()) == ["superseded"] * (len(rows) - 1) + ["waiting"]


class TestAJobThatAPolicyScales:
    def test_is_held_by_floor_or_exact_until_the_next_slot(self) -> None:
        policy = make_policy(max=9)
        night = make_due(job=policy.job, kind="exact", instances=2)
        morning = make_due(
            job=policy.job, start="2016-10-01T07:00", instances=4, next_at=DUE + timedelta(hours=5)
        )
        assert schedule_bounds([policy.job_id], DUE) == {}

        ring(night)
        held = schedule_bounds([policy.job_id, 0], DUE + timedelta(hours=4))[policy.job_id]
        assert (held.exact, held.floor, held.since, held.schedule_id) == (2, None, DUE, night.pk)
        assert states() == [(2, "applied")]
        assert not Operation.objects.exists()

        ring(morning, late_s=5 * 3600 + 1)
        held = schedule_bounds([policy.job_id], DUE + timedelta(hours=6))[policy.job_id]
        assert (held.exact, held.floor) == (None, 4)

    def test_bounds_of_many_jobs_are_one_query(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        cluster = make_cluster()
        jobs = [make_job(cluster=cluster) for _ in range(5)]
        schedules = [make_due(job=job) for job in jobs]
        ring(schedules[0])
        with django_assert_num_queries(1):
            assert len(schedule_bounds([job.pk for job in jobs], DUE)) == 5

    def test_what_is_held_ends_with_its_row(self) -> None:
        schedule = make_due(job=make_policy().job)
        ring(schedule)
        schedule.delete()

        assert not ScheduleBound.objects.exists()
        assert ScheduleRun.objects.get().schedule is None


class TestAJobWithoutAPolicy:
    def test_is_scaled_once_and_its_history_says_by_whom(self) -> None:
        job = make_running_job(instances=3)
        ring(make_due(job=job))

        assert [effects_run(now=DUE), effects_run(now=DUE)] == [1, 0]
        operation = Operation.objects.get()
        run = ScheduleRun.objects.get()
        assert (operation.kind, operation.parameters["instances"], operation.requested_by) == (
            "job.scale",
            2,
            None,
        )
        assert (run.state, run.operation) == (State.APPLIED, operation)
        assert [event.rendered for event in JobEvent.objects.filter(job=job)] == [
            "A schedule asks for 2 instances."
        ]
        job.refresh_from_db()
        assert job.wanted == 2

    def test_costs_as_many_queries_as_twenty(self) -> None:
        taken = []
        for count in (1, 20):
            for _ in range(count):
                ring(make_due(job=make_running_job(instances=3)))
            with CaptureQueriesContext(connection) as queries:
                assert effects_run(now=DUE) == count
            taken.append(len(queries))
        assert taken[0] == taken[1]

    @pytest.mark.parametrize("policy", [{"enabled": False}, {"advise_only": True}])
    def test_is_also_one_whose_policy_does_nothing(self, policy: dict[str, bool]) -> None:
        ring(make_due(job=make_policy(job=make_running_job(instances=3), **policy).job))
        assert effects_run(now=DUE) == 1

    def test_that_has_the_number_already_is_left_alone(self) -> None:
        ring(make_due(job=make_running_job(instances=2)))

        assert effects_run(now=DUE) == 0
        assert ScheduleRun.objects.get().rendered == "The job had 2 instances already."
        assert states() == [(2, "applied")]

    def test_waits_while_an_operation_holds_it(self) -> None:
        job = make_running_job(instances=3)
        publish = make_job_operation(job)
        ring(make_due(job=job))

        effects_run(now=DUE)
        effects_put_off()
        assert ScheduleRun.objects.get().rendered == f"Waits for operation #{publish.pk}."
        assert states() == [(2, "waiting")]
        Operation.objects.update(state=Operation.State.SUCCEEDED)
        assert effects_run(now=DUE) == 1

    def test_that_begins_while_one_looks_is_not_said_to_wait_for_itself(self) -> None:
        ring(make_due(job=make_running_job(instances=3)))
        looks: list[str] = []

        def begin_first(execute: Any, sql: str, *rest: Any) -> Any:
            if 'FROM "core_operation"' in sql:
                looks.append(sql)
                if len(looks) == 1:
                    effects_run(now=DUE)
            return execute(sql, *rest)

        with connection.execute_wrapper(begin_first):
            effects_put_off()
        assert states() == [(2, "applied")]
        assert ScheduleRun.objects.get().rendered == ""

    def test_that_waited_too_long_gets_the_newest_number_only(self) -> None:
        job = make_running_job(instances=3)
        make_job_operation(job)
        ring(make_due(job=job))
        ring(
            make_due(job=job, start="2016-10-01T07:00", instances=7, next_at=DUE + timedelta(hours=5)),
            late_s=5 * 3600,
        )
        Operation.objects.update(state=Operation.State.SUCCEEDED)

        assert effects_run(now=DUE) == 1
        assert states() == [(2, "superseded"), (7, "applied")]

    def test_that_goes_along_with_a_job_that_migrates_is_in_no_others_way(self) -> None:
        job, clone, other = (make_running_job(instances=3) for _ in range(3))
        for each in (job, other):
            ring(make_due(job=each))

        def migrate_first(execute: Any, sql: str, *rest: Any) -> Any:
            if 'FROM "jobs_job"' in sql and "FOR NO KEY UPDATE" in sql:
                ScheduleRun.objects.filter(job=job).update(job=clone)
            return execute(sql, *rest)

        with connection.execute_wrapper(migrate_first):
            assert effects_run(now=DUE) == 1
        assert Operation.objects.get().target_id == other.pk
        assert effects_run(now=DUE) == 1
        assert Operation.objects.latest("pk").target_id == clone.pk

    def test_that_was_never_published_fails_in_words(self) -> None:
        ring(make_due(job=make_job()))

        assert effects_run(now=DUE) == 0
        run = ScheduleRun.objects.get()
        assert (run.state, run.rendered) == (
            State.FAILED,
            "The job has not been published yet: publish it first.",
        )

    def test_is_left_alone_while_all_scaling_is_paused(self) -> None:
        ScalingPause.objects.create(pk=1, until=DUE + timedelta(hours=1))
        ring(make_due())

        assert effects_run(now=DUE) == 0
        assert states() == [(2, "skipped")]


class TestAMissedSlot:
    def test_is_made_up_once_and_says_by_whom(self) -> None:
        schedule = make_due(job=make_running_job(instances=3))
        now = DUE + MISFIRE_AFTER + timedelta(seconds=1)

        assert misfires_run(now=now - timedelta(seconds=2)) == []
        [run] = misfires_run(now=now)
        assert (run.state, run.trigger, run.due_at, run.rung_by) == (State.WAITING, "ocean", DUE, None)
        assert misfires_run(now=now) == []
        assert ring(schedule, late_s=95) == Rung.ALREADY  # Chronos 3.x, that runs it however late
        assert effects_run(now=now) == 1

    def test_is_skipped_where_the_row_says_so(self) -> None:
        job = make_running_job(instances=3)
        schedule = make_due(job=job, misfire="skip")
        [run] = misfires_run(now=DUE + timedelta(minutes=2))

        assert (run.state, run.rendered) == (
            State.SKIPPED,
            "Chronos did not ring for it in time; the schedule says to skip it then.",
        )
        assert effects_run(now=DUE) == 0
        assert ring(schedule, late_s=125) == Rung.ALREADY
        assert not ScheduleBound.objects.exists()

    def test_of_several_the_newest_counts_and_the_rest_are_counted(self) -> None:
        make_due(interval="PT1H", start="2026-11-20T02:00", instances=2)
        [run] = misfires_run(now=DUE + timedelta(hours=5, minutes=30))

        assert (run.due_at, run.missed) == (DUE + timedelta(hours=5), 5)
        assert ScalingSchedule.objects.get().next_at == DUE + timedelta(hours=6)

    def test_does_not_undo_a_newer_slot_that_ran(self) -> None:
        job = make_running_job(instances=3)
        make_due(job=job, instances=2)
        newer = make_due(job=job, start="2016-10-01T02:01", instances=7, next_at=DUE + timedelta(minutes=1))
        ring(newer, late_s=60)
        misfires_run(now=DUE + timedelta(seconds=91))

        assert states() == [(7, "waiting"), (2, "superseded")]
        assert ScheduleBound.objects.get().instances == 7

    def test_of_a_deleted_job_is_nobodys(self) -> None:
        make_due(job=make_job(deleted_at=DUE))
        assert misfires_run(now=DUE + timedelta(hours=1)) == []


def test_old_records_go_and_schedules_of_deleted_jobs_are_due_no_more() -> None:
    kept, gone = make_due(), make_due(job=make_job(deleted_at=DUE))
    old = make_run(schedule=kept, at=timezone.now() - timedelta(days=1000))
    new = make_run(schedule=kept, due_at=DUE)

    prune_schedule_runs()
    assert list(ScheduleRun.objects.filter(pk__in=[old.pk, new.pk])) == [new]
    assert [_fresh(kept).next_at, _fresh(gone).next_at] == [DUE, None]


class TestTelling:
    @pytest.mark.parametrize(
        ("misfire", "text"),
        [
            ("make_up", "did not ring at 2026-11-20 18:00 +0000; Ocean made up for it: 2 instances."),
            ("skip", "did not ring at 2026-11-20 18:00 +0000; 2 instances were skipped."),
        ],
    )
    def test_the_jobs_groups_hear_of_a_missed_slot_once(self, misfire: str, text: str) -> None:
        job = make_policy(notify=["sre_ocean", "gone"]).job
        group = make_group(name="sre_ocean")
        make_due(job=job, misfire=misfire)
        make_due(next_at=DUE)  # of a job that tells nobody
        now = DUE + timedelta(minutes=2)

        for _ in range(2):
            misfires_run(now=now)
        message = Notification.objects.get()
        [part] = message.parts
        assert (message.group, part["count"]) == (group, 1)
        assert render_line(part["text"], part["values"]).endswith(text)

    def test_they_hear_of_one_that_failed(self) -> None:
        make_group(name="sre_ocean")
        ring(make_due(job=make_policy(job=make_job(), enabled=False, notify=["sre_ocean"]).job))
        effects_run(now=DUE)

        [part] = Notification.objects.get().parts
        assert render_line(part["text"], part["values"]).endswith(
            "2 instances at 2026-11-20 18:00 +0000 failed."
        )


class TestTheDoor:
    @staticmethod
    def call(schedule_id: int, authorization: str | None) -> Any:
        client = api_client(None)
        if authorization is not None:
            client.credentials(HTTP_AUTHORIZATION=authorization)
        return client.post(f"/api/v1/callbacks/chronos/{schedule_id}/")

    def test_opens_for_the_schedules_own_token_only(self) -> None:
        schedule, other = make_schedule(), make_schedule()
        own = token_of(schedule_id=schedule.pk, generation=1)
        answer = self.call(schedule.pk, f"Ocean-Schedule {own}")

        assert (answer.status_code, answer.json()) == (200, {"result": "not_due"})
        for forged in (
            own[:-1] + ("A" if own[-1] != "A" else "B"),
            "",
            token_of(schedule_id=other.pk, generation=1),
        ):
            assert problem_type(self.call(schedule.pk, f"Ocean-Schedule {forged}")) == "not-found"
        assert self.call(other.pk, f"Ocean-Schedule {own}").status_code == 404
        assert self.call(10**9, f"Ocean-Schedule {own}").status_code == 404
        for missing in (None, "Token ocean_x", "Basic Zm9vOmJhcg=="):
            assert problem_type(self.call(schedule.pk, missing)) == "unauthenticated"

    @override_settings(SECURE_SSL_REDIRECT=True)
    def test_takes_http_where_browsers_are_sent_to_https(self) -> None:
        schedule = make_schedule()
        own = token_of(schedule_id=schedule.pk, generation=1)

        assert self.call(schedule.pk, f"Ocean-Schedule {own}").status_code == 200
        assert api_client(None).get("/api/v1/jobs/").status_code == 301

    def test_the_token_opens_nothing_else(self) -> None:
        schedule = make_schedule()
        own = token_of(schedule_id=schedule.pk, generation=1)
        for keyword in ("Ocean-Schedule", "Token"):
            client = api_client(None)
            client.credentials(HTTP_AUTHORIZATION=f"{keyword} {own}")
            assert client.get("/api/v1/jobs/").status_code == 401

    def test_a_token_that_an_sre_revoked_is_refused(self) -> None:
        schedule = make_schedule()
        old = token_of(schedule_id=schedule.pk, generation=1)
        sre = Client()
        sre.force_login(make_sre())
        asked = {"action": "revoke_tokens", "_selected_action": [schedule.pk]}
        answer = sre.post(reverse("admin:elastic_scalingschedule_changelist"), asked, follow=True)
        assert "1 token is revoked." in answer.content.decode()

        assert self.call(schedule.pk, f"Ocean-Schedule {old}").status_code == 404
        new = token_of(schedule_id=schedule.pk, generation=2)
        assert self.call(schedule.pk, f"Ocean-Schedule {new}").status_code == 200

    def test_a_token_outlives_a_new_key_in_front(self) -> None:
        schedule = make_schedule()
        with override_settings(OCEAN_ENCRYPTION_KEYS=["old"]):
            own = token_of(schedule_id=schedule.pk, generation=1)
        with override_settings(OCEAN_ENCRYPTION_KEYS=["new", "old"]):
            assert self.call(schedule.pk, f"Ocean-Schedule {own}").status_code == 200
        with override_settings(OCEAN_ENCRYPTION_KEYS=["new"]):
            assert self.call(schedule.pk, f"Ocean-Schedule {own}").status_code == 404

    def test_a_call_makes_the_slot_real(self) -> None:
        schedule = make_schedule(next_at=timezone.now() - timedelta(seconds=1))
        own = token_of(schedule_id=schedule.pk, generation=1)

        bodies = [self.call(schedule.pk, f"Ocean-Schedule {own}").json() for _ in range(2)]
        assert bodies == [{"result": "run"}, {"result": "already_run"}]
        listed = (
            api_client(make_member(schedule.job.product_line))
            .get(f"/api/v1/jobs/{schedule.job.tag}/schedules/runs/")
            .json()
        )
        [row] = listed["results"]
        assert (row["trigger"], row["state"], row["rung_by"]) == ("chronos", "waiting", schedule.pk)
        assert 1 <= row["lateness_s"] < 5


@pytest.mark.django_db(transaction=True)
def test_eight_calls_at_once_run_a_moment_once() -> None:
    cluster: Cluster = make_cluster()
    schedules = [make_due(job=make_job(cluster=cluster)) for _ in range(8)]
    barrier = threading.Barrier(8)
    answers: list[Rung] = []

    def call(schedule: ScalingSchedule) -> None:
        try:
            barrier.wait(10)
            answers.append(ring(schedule))
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=(schedule,)) for schedule in schedules]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(answers) == 8
    assert ScheduleRun.objects.count() == 8
    assert ScheduleRun.objects.values("schedule").distinct().count() == 8


@pytest.mark.django_db(transaction=True)
def test_a_scaling_that_dies_half_way_is_done_by_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    ring(make_due(job=make_running_job(instances=3)))

    def die(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("apps.elastic.schedules.effects.history_write", die)
        with pytest.raises(KeyboardInterrupt):
            effects_run(now=DUE)
    assert not Operation.objects.exists()
    assert states() == [(2, "waiting")]

    assert effects_run(now=DUE) == 1
    assert Operation.objects.count() == 1


def _fresh(schedule: ScalingSchedule) -> ScalingSchedule:
    return ScalingSchedule.objects.get(pk=schedule.pk)
