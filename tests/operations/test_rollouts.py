"""Publishing as an art, on a real cluster: canary, blue-green, pauses, undoing, taking over. A test plays the worker
and the people; instances that need nothing stand for services, a version that asks for too much for one that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.core.engines import get_engine
from apps.core.errors import NotNow, TargetBusy
from apps.core.models import Cluster, Operation
from apps.core.operations import runner
from apps.core.operations.controls import operation_control
from apps.core.operations.kinds import controls_of
from apps.core.operations.recording import Taken, record
from apps.core.operations.services import operation_cancel
from apps.jobs.mirror.sync import sync_everything
from apps.jobs.models import Instance, Job, SideWorkload
from apps.jobs.operations.rollout_steps import ENDING_AGAIN
from apps.jobs.planning import side_path
from apps.jobs.rollout import reading
from apps.jobs.services import job_delete, job_publish, job_scale, job_undo
from apps.jobs.tests.factories import make_version
from embedded.waiting import wait_until
from engines.base import WorkloadId, WorkloadStatus
from tests.operations.test_ends import (
    TOO_MUCH,
    by,
    cluster,
    ended,
    job,
    overdue,
    running,
    sandbox,
    status_of,
    step,
)

__all__ = ["by", "cluster", "job", "running", "sandbox"]

pytestmark = pytest.mark.django_db

CANARY = {"kind": "canary", "canary_instances": 1}
BLUE_GREEN = {"kind": "blue-green"}


@pytest.fixture
def four(running: Job, by: User) -> Job:
    """The job with four instances of version 1."""
    make_version(running, spec={"instances": 4})
    assert ended(job_publish(job=running, by=by)).state == "succeeded"
    running.refresh_from_db()
    return running


def next_version(job: Job, **spec: Any) -> None:
    make_version(job, spec={"env": {"NUMBER": str(job.latest_version + 1)}, **spec})


def beside(job: Job) -> WorkloadStatus | None:
    return get_engine(job.cluster).get(WorkloadId(side_path(job.workload_id)))


def tasks(job: Job) -> set[str]:
    """What runs in the job's own place."""
    return {instance.id for instance in status_of(job).instances or ()}


def waiting(job: Job) -> int:
    """How many of the job's instances wait for a host."""
    found = get_engine(job.cluster).waiting().get(WorkloadId(job.workload_id))
    return found.count if found else 0


def until(operation: Operation, condition: Callable[[], bool], *, what: str) -> None:
    """Step until it is so."""

    def so() -> bool:
        if condition():
            return True
        step(operation)
        return condition()

    wait_until(so, what=what, timeout_s=15)


def until_held(operation: Operation) -> None:
    until(operation, lambda: operation.memory.get("phase") == "hold", what="it holds")
    operation.refresh_from_db()


def tell(operation: Operation, control: Any, by: User) -> None:
    operation.refresh_from_db()
    operation_control(operation, control, by=by)


class TestCanary:
    def test_it_holds_for_a_person_then_goes_on_and_nothing_is_left_beside(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy=CANARY)
        until_held(operation)
        side = beside(four)
        assert (status_of(four).wanted, status_of(four).version) == (3, 2)
        assert side is not None
        assert (side.wanted, side.running, side.version) == (1, 1, 3)
        assert (operation.state, operation.deadline_at) == ("waiting", None)
        assert operation.message_text == "Holding at 1 of 4: go on or undo."
        assert controls_of(operation) == ("cancel", "pause", "go-on", "undo")
        tell(operation, "go-on", by)
        assert ended(operation).state == "succeeded"
        four.refresh_from_db()
        assert (four.running_version, four.wanted, four.running, four.state) == (3, 4, 4, "running")
        assert (status_of(four).wanted, status_of(four).version, beside(four)) == (4, 3, None)
        assert not SideWorkload.objects.exists()

    def test_a_failing_one_is_undone_and_no_old_instance_is_touched(self, four: Job, by: User) -> None:
        before = tasks(four)
        next_version(four, cpus=TOO_MUCH)
        operation = job_publish(job=four, by=by, strategy=CANARY)
        until(operation, lambda: beside(four) is not None, what="it is asked for")
        assert tasks(four) == before
        operation_cancel(operation, by=by)
        assert ended(operation).state == "cancelled"
        assert (tasks(four), beside(four)) == (before, None)
        four.refresh_from_db()
        assert (four.target_version, four.running_version, four.wanted, four.state) == (2, 2, 4, "running")

    def test_so_is_one_that_is_not_well_in_time(self, four: Job, by: User) -> None:
        before = tasks(four)
        next_version(four, cpus=TOO_MUCH)
        operation = job_publish(job=four, by=by, strategy={**CANARY, "deadline_s": 60})
        until(operation, lambda: beside(four) is not None, what="it is asked for")
        step(operation)
        assert ended(overdue(operation)).state == "failed"
        assert operation.error_text.startswith("Not as wanted after 60 s: 0 of 1 instances are well.")
        assert operation.error_text.endswith("Version 2 goes on serving.")
        assert tasks(four) == before

    def test_undone_while_it_holds_the_old_ones_are_whole_again(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy=CANARY)
        until_held(operation)
        kept = tasks(four)
        tell(operation, "undo", by)
        assert ended(operation).state == "cancelled"
        assert operation.message_text == "Cancelled. Version 2 goes on serving."
        wait_until(lambda: status_of(four).running == 4, what="four run", timeout_s=10)
        assert (status_of(four).version, beside(four), kept <= tasks(four)) == (2, None, True)

    def test_undone_while_the_rest_is_replaced(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy=CANARY)
        until_held(operation)
        tell(operation, "go-on", by)
        until(operation, lambda: status_of(four).version == 3, what="the rest is being replaced")
        tell(operation, "undo", by)
        assert ended(operation).state in {"cancelled", "succeeded"}
        four.refresh_from_db()
        if operation.state == "cancelled":
            assert (status_of(four).version, four.target_version) == (2, 2)
        assert (status_of(four).wanted, beside(four)) == (4, None)

    def test_a_timed_hold_ends_by_itself(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy={**CANARY, "hold_s": 0})
        assert ended(operation).state == "succeeded"
        assert (status_of(four).version, status_of(four).wanted) == (3, 4)

    def test_paused_while_it_holds_the_time_begins_anew(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy={**CANARY, "hold_s": 3600})
        until_held(operation)
        tell(operation, "pause", by)
        until(operation, lambda: operation.memory.get("phase") == "paused", what="it is paused")
        assert "held_since" not in operation.memory
        tell(operation, "resume", by)
        until_held(operation)
        assert "until" in operation.message_text

    def test_the_first_publish_is_simply_a_start(self, job: Job, by: User) -> None:
        assert ended(job_publish(job=job, by=by, strategy=CANARY)).state == "succeeded"
        assert beside(job) is None

    def test_the_mirror_shows_both_and_tells_them_apart(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy=CANARY)
        until_held(operation)
        sync_everything(four.cluster, get_engine(four.cluster))
        four.refresh_from_db()
        assert four.running == 4
        rows = Instance.objects.filter(job=four).values_list("slot", "version")
        assert sorted(rows) == [("main", 2), ("main", 2), ("main", 2), ("side", 3)]

    def test_deleting_the_job_ends_what_a_lost_publish_left_beside(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy=CANARY)
        until_held(operation)
        Operation.objects.filter(pk=operation.pk).update(state="failed")
        assert ended(job_delete(job=four, by=by)).state == "succeeded"
        assert beside(four) is None


class TestBlueGreen:
    def test_it_switches_keeps_the_old_ones_until_confirmed_and_ends_as_the_job_was(
        self, four: Job, by: User
    ) -> None:
        before = tasks(four)
        next_version(four)
        operation = job_publish(job=four, by=by, strategy=BLUE_GREEN)
        until_held(operation)
        four.refresh_from_db()
        side = beside(four)
        assert side is not None
        assert (side.running, side.version, four.serving) == (4, 3, "side")
        assert tasks(four) == before
        assert operation.message_text == "The new version serves; 4 old instances are kept: go on or undo."
        tell(operation, "go-on", by)
        assert ended(operation).state == "succeeded"
        four.refresh_from_db()
        assert (four.serving, four.running_version, beside(four)) == ("", 3, None)
        assert (status_of(four).version, status_of(four).running) == (3, 4)

    def test_undone_it_switches_back_and_the_old_ones_were_never_touched(self, four: Job, by: User) -> None:
        before = tasks(four)
        next_version(four)
        operation = job_publish(job=four, by=by, strategy=BLUE_GREEN)
        until_held(operation)
        tell(operation, "undo", by)
        until(operation, lambda: Job.objects.get(pk=four.pk).serving != "side", what="switched back")
        assert ended(operation).state == "cancelled"
        four.refresh_from_db()
        assert (four.serving, four.running_version, beside(four)) == ("", 2, None)
        assert tasks(four) == before


class TestPause:
    def test_paused_the_mix_serves_and_resumed_the_new_ones_are_not_started_again(
        self, four: Job, by: User
    ) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by)
        until(operation, lambda: status_of(four).version == 3, what="it rolls")
        tell(operation, "pause", by)
        until(operation, lambda: operation.memory.get("phase") == "paused", what="it is paused")
        assert (operation.deadline_at, controls_of(operation)) == (None, ("cancel", "resume", "undo"))
        wait_until(lambda: not status_of(four).deployments, what="no deployment", timeout_s=5)
        assert "Paused: " in operation.message_text
        new = {
            i.id
            for i in status_of(four).instances or ()
            if i.engine_version and i.engine_version >= status_of(four).config_changed_at
        }
        tell(operation, "resume", by)
        assert ended(operation).state == "succeeded"
        assert new <= tasks(four)
        assert (status_of(four).version, status_of(four).wanted, len(tasks(four))) == (3, 4, 4)

    def test_undone_from_a_pause_the_version_of_before_is_asked_for_again(self, four: Job, by: User) -> None:
        next_version(four, cpus=TOO_MUCH)
        operation = job_publish(job=four, by=by)
        until(operation, lambda: status_of(four).version == 3, what="it rolls")
        tell(operation, "pause", by)
        until(operation, lambda: operation.memory.get("phase") == "paused", what="it is paused")
        tell(operation, "undo", by)
        assert ended(operation).state == "cancelled"
        four.refresh_from_db()
        assert (status_of(four).version, status_of(four).running, four.target_version) == (2, 4, 2)

    def test_what_cannot_be_said_now_is_refused_and_saying_it_twice_is_not(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by)
        with pytest.raises(NotNow):
            tell(operation, "go-on", by)
        tell(operation, "pause", by)
        tell(operation, "pause", by)
        assert operation.log.filter(text__contains="paused").count() == 1
        tell(operation, "undo", by)
        with pytest.raises(NotNow):
            tell(operation, "resume", by)


class TestTakingOver:
    def test_a_third_version_takes_over_from_a_second_that_does_not_come_up(
        self, four: Job, by: User
    ) -> None:
        next_version(four, cpus=TOO_MUCH)
        second = job_publish(job=four, by=by)
        until(second, lambda: status_of(four).version == 3, what="it rolls")
        next_version(four, cpus=0.01)
        with pytest.raises(TargetBusy):
            job_publish(job=four, by=by)
        third = job_publish(job=four, by=by, replace=True)
        assert (third.state, third.after_id, controls_of(third)) == ("queued", second.pk, ("cancel",))
        four.refresh_from_db()
        assert (four.target_version, step(third).state) == (3, "queued")
        assert step(second).state == "cancelled"
        assert second.message_text == "Version 4 takes over."
        assert ended(third).state == "succeeded"
        assert third.parameters["previous"] == {"version": 2, "wanted": 4}
        four.refresh_from_db()
        assert (four.running_version, four.target_version, status_of(four).version) == (4, 4, 4)

    def test_undone_it_goes_back_to_what_ran_before_both(self, four: Job, by: User) -> None:
        next_version(four, cpus=TOO_MUCH)
        second = job_publish(job=four, by=by)
        until(second, lambda: status_of(four).version == 3, what="it rolls")
        next_version(four)
        third = job_publish(job=four, by=by, replace=True)
        step(second)
        until(third, lambda: status_of(four).version == 4, what="it took over")
        tell(third, "undo", by)
        assert ended(third).state == "cancelled"
        four.refresh_from_db()
        assert (status_of(four).version, four.target_version, four.running_version) == (2, 2, 2)

    def test_what_took_over_from_a_canary_and_is_cancelled_at_once_leaves_all_as_before_both(
        self, four: Job, by: User
    ) -> None:
        next_version(four)
        second = job_publish(job=four, by=by, strategy=CANARY)
        until_held(second)
        next_version(four)
        third = job_publish(job=four, by=by, replace=True)
        step(second)
        tell(third, "cancel", by)
        assert ended(third).state == "cancelled"
        four.refresh_from_db()
        assert (status_of(four).wanted, status_of(four).version, beside(four)) == (4, 2, None)
        assert (four.wanted, four.target_version, four.running_version) == (4, 2, 2)

    def test_a_canary_is_taken_over_by_another_and_by_none(self, four: Job, by: User) -> None:
        next_version(four, cpus=TOO_MUCH)
        second = job_publish(job=four, by=by, strategy=CANARY)
        until(second, lambda: beside(four) is not None, what="it is asked for")
        next_version(four, cpus=0.01)
        third = job_publish(job=four, by=by, strategy=CANARY, replace=True)
        step(second)
        until_held(third)
        side = beside(four)
        assert side is not None
        assert (side.version, side.running) == (4, 1)
        next_version(four)
        fourth = job_publish(job=four, by=by, replace=True)
        step(third)
        assert ended(fourth).state == "succeeded"
        assert (status_of(four).version, status_of(four).wanted, beside(four)) == (5, 4, None)

    def test_cancelled_before_its_turn_the_second_goes_on(self, four: Job, by: User) -> None:
        next_version(four)
        second = job_publish(job=four, by=by)
        next_version(four)
        third = job_publish(job=four, by=by, replace=True)
        operation_cancel(third, by=by)
        third.refresh_from_db()
        assert third.state == "cancelled"
        assert ended(second).state == "succeeded"
        assert status_of(four).version == 3

    def test_cancelled_while_the_second_lets_go_the_second_goes_on(
        self, four: Job, by: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        next_version(four)
        second = job_publish(job=four, by=by)
        until(second, lambda: status_of(four).version == 3, what="it rolls")
        next_version(four)
        third = job_publish(job=four, by=by, replace=True)

        def cancelled_meanwhile(steps: Sequence[Taken]) -> None:
            monkeypatch.undo()
            operation_cancel(third, by=by)
            record(steps)

        monkeypatch.setattr(runner, "record", cancelled_meanwhile)
        assert step(second).state == "waiting"
        third.refresh_from_db()
        assert third.state == "cancelled"
        assert ended(second).state == "succeeded"
        four.refresh_from_db()
        assert (status_of(four).version, four.running_version, four.target_version) == (3, 3, 3)

    def test_a_fourth_takes_the_place_of_a_third_that_still_waits(self, four: Job, by: User) -> None:
        next_version(four)
        second = job_publish(job=four, by=by)
        third = job_publish(job=four, by=by, replace=True, version=1)
        fourth = job_publish(job=four, by=by, replace=True, version=2)
        third.refresh_from_db()
        assert (third.state, fourth.after_id) == ("cancelled", second.pk)
        step(second)
        assert ended(fourth).state == "succeeded"

    def test_where_the_second_ends_first_the_third_is_any_publish(self, four: Job, by: User) -> None:
        next_version(four)
        second = job_publish(job=four, by=by)
        until(second, lambda: status_of(four).version == 3, what="it rolls")
        Operation.objects.filter(pk=second.pk).update(state="succeeded", finished_at=timezone.now())
        third = job_publish(job=four, by=by, replace=True, version=2)
        assert (third.after_id, third.parameters.get("takes_over")) == (None, None)

    def test_a_scaling_is_not_taken_over(self, four: Job, by: User) -> None:
        job_scale(job=four, instances=5, by=by)
        with pytest.raises(TargetBusy):
            job_publish(job=four, by=by, replace=True)


def test_old_instances_that_wait_for_a_host_stop_nobody(four: Job, by: User) -> None:
    """To stop all first, Marathon has nothing to stop."""
    recreate = {"kind": "recreate"}
    next_version(four, cpus=TOO_MUCH)
    stuck = job_publish(job=four, by=by, strategy=recreate)
    until(stuck, lambda: status_of(four).version == 3 and waiting(four) == 4, what="all wait")
    tell(stuck, "pause", by)
    until(stuck, lambda: stuck.memory.get("phase") == "paused", what="it is paused")
    Operation.objects.filter(pk=stuck.pk).update(state="succeeded", finished_at=timezone.now())
    four.refresh_from_db()
    next_version(four, cpus=0.01)
    assert ended(job_publish(job=four, by=by, strategy=recreate)).state == "succeeded"
    assert (status_of(four).version, status_of(four).running) == (4, 4)


class TestUndo:
    def test_it_undoes_the_publish_under_way_and_asked_again_nothing_more(self, four: Job, by: User) -> None:
        next_version(four, cpus=TOO_MUCH)
        second = job_publish(job=four, by=by)
        until(second, lambda: status_of(four).version == 3, what="it rolls")
        assert job_undo(job=four, by=by, idempotency_key="once") == second
        assert ended(second).state == "cancelled"
        assert job_undo(job=four, by=by, idempotency_key="once") == second
        assert status_of(four).version == 2

    def test_where_none_is_under_way_the_version_before_comes_back(self, four: Job, by: User) -> None:
        operation = job_undo(job=four, by=by)
        assert (operation.kind, operation.parameters["version"]) == ("job.rollback", 1)
        assert ended(operation).state == "succeeded"


def test_the_scheduler_away_while_it_holds_changes_nothing(four: Job, by: User) -> None:
    next_version(four)
    operation = job_publish(job=four, by=by, strategy=CANARY)
    until_held(operation)
    urls = four.cluster.marathon_urls
    Cluster.objects.update(marathon_urls=["http://127.0.0.1:1"])
    assert step(operation).state == "waiting"
    tell(operation, "go-on", by)
    assert step(operation).state == "waiting"
    Cluster.objects.update(marathon_urls=urls)
    assert ended(operation).state == "succeeded"


def test_a_deadline_while_paused_is_none(four: Job, by: User) -> None:
    next_version(four, cpus=TOO_MUCH)
    operation = job_publish(job=four, by=by)
    until(operation, lambda: status_of(four).version == 3, what="it rolls")
    tell(operation, "pause", by)
    Operation.objects.filter(pk=operation.pk).update(deadline_at=timezone.now() - timedelta(hours=1))
    until(operation, lambda: operation.memory.get("phase") == "paused", what="it is paused")
    assert operation.is_active


def test_an_instance_that_does_not_end_is_told_again_and_its_host_named(
    job: Job, by: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "DRAIN_MARGIN", timedelta(seconds=-59))
    stubborn = {"command": "trap '' TERM; while :; do sleep 0.1; done", "labels": {}, "kill_grace_s": 60}
    make_version(job, spec={**stubborn, "instances": 1})
    assert ended(job_publish(job=job, by=by)).state == "succeeded"
    [host] = [instance.host for instance in status_of(job).instances or ()]
    next_version(job)
    operation = job_publish(job=job, by=by)
    again = operation.log.filter(text=ENDING_AGAIN)
    until(operation, again.exists, what="it is told again")
    assert again.first().rendered == (  # type: ignore[union-attr]
        f"Still not ended after 1 s, so told again to go at once; instances on: {host}."
    )
    assert operation.is_active


class TestCrashing:
    """Versions that nothing checks: Marathon calls them running in the moment before they end."""

    CRASHING: ClassVar[dict[str, Any]] = {
        "command": "pyhton3 serve.py",
        "labels": {},
        "backoff": {"first_s": 1, "factor": 1.0, "max_s": 1},
    }

    TRIED: ClassVar[dict[str, Any]] = {"min_up_s": 2}

    @pytest.mark.parametrize("kind", ["rolling", "recreate"])
    def test_a_misspelt_command_fails_the_publish_and_the_version_before_is_put_back(
        self, kind: str, four: Job, by: User
    ) -> None:
        next_version(four, **self.CRASHING)
        operation = job_publish(job=four, by=by, strategy={**self.TRIED, "kind": kind, "max_surge": 4})
        wait_until(lambda: not step(operation).is_active, what="it ends", timeout_s=40)
        assert operation.state == "failed", operation.message_text
        assert "does not stay up" in operation.error_text, operation.memory
        assert operation.error_text.endswith("Version 2 goes on serving.")
        four.refresh_from_db()
        assert (four.target_version, four.running_version, status_of(four).version) == (2, 2, 2)
        wait_until(lambda: status_of(four).running == 4, what="four run", timeout_s=10)

    def test_a_canary_of_it_never_holds_and_no_old_one_is_touched(self, four: Job, by: User) -> None:
        before = tasks(four)
        next_version(four, **self.CRASHING)
        operation = job_publish(
            job=four, by=by, strategy={**self.TRIED, **CANARY, "hold_s": 0, "deadline_s": 5}
        )
        wait_until(lambda: not step(operation).is_active, what="it ends", timeout_s=40)
        assert (operation.state, tasks(four), beside(four)) == ("failed", before, None)

    def test_one_that_stays_up_has_succeeded_when_it_has_run_for_that_long(self, four: Job, by: User) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy={**self.TRIED, "max_surge": 4})
        assert ended(operation).state == "succeeded"
        assert self.ran_for(four, operation) >= timedelta(seconds=2)

    def test_a_publish_from_before_there_was_a_choice_watches_for_three_seconds(
        self, four: Job, by: User
    ) -> None:
        next_version(four)
        operation = job_publish(job=four, by=by, strategy={"max_surge": 4})
        del operation.parameters["strategy"]["min_up_s"]
        operation.save(update_fields=["parameters"])
        assert ended(operation).state == "succeeded"
        assert self.ran_for(four, operation) >= timedelta(seconds=3)

    @staticmethod
    def ran_for(job: Job, operation: Operation) -> timedelta:
        """How long the youngest instance had run when it was over."""
        youngest = max(one.started_at for one in status_of(job).instances or () if one.started_at)
        assert operation.finished_at is not None
        return operation.finished_at - youngest
