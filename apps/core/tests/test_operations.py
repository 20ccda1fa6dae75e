"""Operations: asked once, done once, resumed after whatever happens to the workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from apps.accounts.tests.factories import make_user
from apps.core.errors import KeyReused, TargetBusy
from apps.core.models import Operation
from apps.core.operations import claims, kinds, runner
from apps.core.operations.kinds import Again, Cancelled, Done, Failed, Outcome
from apps.core.operations.runner import run_due, run_operation, sweep
from apps.core.operations.services import (
    Intent,
    Target,
    history_prune,
    operation_cancel,
    operation_start,
    operations_wake,
)
from apps.core.tests.factories import make_cluster, make_operation
from clients.errors import ProtocolError, Refused, Unauthorized, Unavailable

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TARGET = Target(type="thing", id=1, name="the thing")


class Script:
    """A kind that plays a list of outcomes and notes what it was asked."""

    name = "test.script"
    label: StrOrPromise = "a scripted operation"
    queue = "operations"
    deadline = timedelta(hours=1)

    def __init__(self) -> None:
        self.plays: list[Outcome | Exception | Callable[[Operation], Outcome]] = []
        self.steps = 0
        self.late = 0
        self.ends: list[Outcome] = []

    def step(self, operation: Operation) -> Outcome:
        self.steps += 1
        play = self.plays.pop(0)
        if isinstance(play, Exception):
            raise play
        return play(operation) if callable(play) else play

    def deadline_passed(self, operation: Operation) -> Outcome:
        self.late += 1
        return Failed("too late")

    def ended(self, operation: Operation, outcome: Outcome) -> None:
        self.ends.append(outcome)


@pytest.fixture
def script() -> Iterator[Script]:
    kind = Script()
    kinds._kinds[kind.name] = kind
    yield kind
    del kinds._kinds[kind.name]


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queues that the runner rang for."""
    queues: list[str] = []
    monkeypatch.setattr(runner, "ring", lambda queue, **_how: queues.append(queue))
    return queues


def start(target: Target = TARGET, **intent: Any) -> Operation:
    return operation_start(target=target, intent=Intent(**{"kind": "test.script", "by": None, **intent}))


def state_of(operation: Operation) -> str:
    operation.refresh_from_db()
    return operation.state


@pytest.mark.django_db
def test_a_second_operation_on_the_same_target_is_told_of_the_first(script: Script) -> None:
    first = start()
    with pytest.raises(TargetBusy) as caught:
        start()
    assert caught.value.operation == first
    assert Operation.objects.count() == 1


@pytest.mark.django_db
def test_another_target_is_free(script: Script) -> None:
    start()
    start(Target(type="thing", id=2, name="another"))
    assert Operation.objects.active().count() == 2


@pytest.mark.django_db
def test_a_target_is_free_again_when_its_operation_has_ended(script: Script) -> None:
    script.plays = [Done()]
    first = start()
    run_operation(first.pk)
    assert start() != first


@pytest.mark.django_db
def test_the_same_key_for_the_same_request_is_one_operation_even_after_its_end(script: Script) -> None:
    script.plays = [Done()]
    first = start(asked={"n": 1}, idempotency_key="k")
    run_operation(first.pk)
    assert start(asked={"n": 1}, idempotency_key="k") == first


@pytest.mark.django_db
def test_the_same_key_for_another_request_is_refused(script: Script) -> None:
    start(asked={"n": 1}, idempotency_key="k")
    with pytest.raises(KeyReused):
        start(asked={"n": 2}, idempotency_key="k")


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_for_another_reason_is_refused_and_not_tried_for_ever(
    script: Script,
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        start(Target(type="thing", id=1, name=None))  # type: ignore[arg-type]


@pytest.mark.django_db
def test_done_means_succeeded_with_everything_written_down(script: Script) -> None:
    script.plays = [Done("ran %(n)s", {"n": 3})]
    operation = start()
    run_operation(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.progress, operation.message_text) == ("succeeded", 100, "ran 3")
    assert operation.finished_at is not None
    assert script.ends == [Done("ran %(n)s", {"n": 3})]


@pytest.mark.django_db
def test_a_message_delivered_again_does_nothing(script: Script) -> None:
    script.plays = [Done()]
    operation = start()
    run_operation(operation.pk)
    run_operation(operation.pk)
    assert script.steps == 1


@pytest.mark.django_db
def test_waiting_is_not_due_before_its_time(script: Script) -> None:
    script.plays = [Again(after_s=30, progress=40), Done()]
    operation = start()
    run_operation(operation.pk)
    run_operation(operation.pk)
    operation.refresh_from_db()
    assert (operation.state, operation.progress, script.steps) == ("waiting", 40, 1)


@pytest.mark.django_db
def test_a_ring_from_the_mirror_makes_it_due(script: Script) -> None:
    script.plays = [Again(after_s=30), Done()]
    operation = start()
    run_operation(operation.pk)
    assert operations_wake(target_type="thing", target_ids=[1]) == 1
    run_operation(operation.pk)
    assert state_of(operation) == "succeeded"


@pytest.mark.django_db
def test_a_passing_fault_is_retried_and_logged_once_for_each_wording(script: Script) -> None:
    away = Unavailable("connection refused", remote="marathon", operation="scale")
    script.plays = [away, away, Done()]
    operation = start()
    for _ in range(3):
        Operation.objects.update(wake_at=None)
        run_operation(operation.pk)
    assert state_of(operation) == "succeeded"
    assert [line.rendered for line in operation.log.all()] == [f"{away} Trying again."]


@pytest.mark.django_db
def test_a_refusal_ends_it_with_the_remotes_own_words(script: Script) -> None:
    script.plays = [Refused("cmd must not be empty", remote="marathon", operation="apply")]
    operation = start()
    run_operation(operation.pk)
    operation.refresh_from_db()
    assert operation.state == "failed"
    assert "cmd must not be empty" in operation.error_text
    assert operation.log.get().level == "error"


@pytest.mark.django_db
def test_a_crash_of_the_step_fails_the_operation_instead_of_leaving_it(script: Script) -> None:
    script.plays = [ValueError("password=hunter2")]
    operation = start()
    run_operation(operation.pk)
    assert state_of(operation) == "failed"
    assert "ValueError" in operation.error_text
    assert "hunter2" not in operation.error_text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (SoftTimeLimitExceeded(), "A step was not over after 25 s. Trying again."),
        (OperationalError("deadlock detected"), "Ocean's own database did not answer. Trying again."),
        (
            ProtocolError("a proxy's page", remote="marathon", operation="get"),
            "marathon: get: a proxy's page Trying again.",
        ),
    ],
)
def test_what_says_nothing_of_the_operation_itself_does_not_end_it(
    fault: Exception, words: str, script: Script
) -> None:
    script.plays = [fault, Done()]
    operation = start()
    run_operation(operation.pk)
    assert state_of(operation) == "waiting"
    assert operation.log.get().rendered == words
    Operation.objects.update(wake_at=None)
    run_operation(operation.pk)
    assert state_of(operation) == "succeeded"


@pytest.mark.django_db
def test_what_has_begun_on_the_scheduler_is_not_left_half_way_by_a_refusal(script: Script) -> None:
    def begin(operation: Operation) -> Outcome:
        operation.deployment_id = "d-1"
        return Again()

    script.plays = [begin, Unauthorized("who are you?", remote="marathon", operation="get"), Done()]
    operation = start()
    for _ in range(3):
        Operation.objects.update(wake_at=None)
        run_operation(operation.pk)
    assert state_of(operation) == "succeeded"


@pytest.mark.django_db
@pytest.mark.parametrize(("deployment_id", "state"), [("", "failed"), ("d-1", "waiting")])
def test_a_remote_that_stays_away_past_the_deadline_is_given_up_unless_something_must_be_put_back(
    deployment_id: str, state: str, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Unavailable("connection refused", remote="marathon", operation="get")
    monkeypatch.setattr(script, "deadline_passed", Mock(side_effect=away))
    operation = start()
    Operation.objects.update(
        deployment_id=deployment_id, deadline_at=timezone.now() - runner.GIVE_UP_AFTER - timedelta(seconds=1)
    )
    run_operation(operation.pk)
    assert state_of(operation) == state


@pytest.mark.django_db
def test_an_operation_of_a_kind_that_only_a_newer_release_knows_is_left_alone_and_stops_nobody(
    script: Script,
) -> None:
    script.plays = [Done()]
    unknown = make_operation(kind="from.the.future")
    known = start()
    assert sweep(now=timezone.now() + timedelta(seconds=2)) == 2
    run_operation(unknown.pk)
    run_operation(known.pk)
    assert (state_of(unknown), state_of(known)) == ("queued", "succeeded")


@pytest.mark.django_db
def test_a_worker_that_died_leaves_a_lease_and_the_next_takes_over_after_it(script: Script) -> None:
    operation = start()
    now = timezone.now()
    Operation.objects.filter(pk=operation.pk).update(
        state="running", lease_owner="dead:1", lease_expires_at=now + timedelta(seconds=5), attempts=1
    )
    script.plays = [Done()]
    run_operation(operation.pk)
    assert script.steps == 0
    Operation.objects.filter(pk=operation.pk).update(lease_expires_at=now - timedelta(seconds=1))
    run_operation(operation.pk)
    assert state_of(operation) == "succeeded"
    assert operation.log.get().text == claims.RESUMED


@pytest.mark.django_db
def test_a_step_that_kills_its_workers_is_given_up(script: Script) -> None:
    operation = start()
    Operation.objects.filter(pk=operation.pk).update(
        state="running",
        lease_expires_at=timezone.now() - timedelta(seconds=1),
        attempts=runner.MAX_ATTEMPTS,
    )
    run_operation(operation.pk)
    assert (state_of(operation), script.steps) == ("failed", 0)


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_does_not_write_over_the_next_ones_work(script: Script) -> None:
    def slow(operation: Operation) -> Outcome:
        Operation.objects.filter(pk=operation.pk).update(lease_owner="another:2")
        return Failed("too late to matter")

    script.plays = [slow]
    operation = start()
    run_operation(operation.pk)
    assert (state_of(operation), script.ends) == ("running", [])


@pytest.mark.django_db
def test_nor_if_the_next_one_has_the_same_name(script: Script) -> None:
    def slow(operation: Operation) -> Outcome:
        # Another container with the same host name and process number took it over meanwhile.
        Operation.objects.filter(pk=operation.pk).update(
            lease_expires_at=timezone.now() + timedelta(seconds=30)
        )
        return Failed("too late to matter")

    script.plays = [slow]
    operation = start()
    run_operation(operation.pk)
    assert (state_of(operation), script.ends) == ("running", [])


@pytest.mark.django_db
def test_past_its_deadline_the_kind_is_asked_what_to_do(script: Script) -> None:
    operation = start()
    Operation.objects.filter(pk=operation.pk).update(deadline_at=timezone.now())
    run_operation(operation.pk)
    assert (state_of(operation), script.steps, script.late) == ("failed", 0, 1)


@pytest.mark.django_db
def test_a_wish_to_cancel_reaches_the_next_step_and_is_noted_once(script: Script) -> None:
    person = make_user(username="ann")
    operation = start()
    assert operation_cancel(operation, by=person) is True
    assert operation_cancel(operation, by=person) is False
    script.plays = [lambda row: Cancelled("stopped") if row.cancel_requested_at else Done()]
    run_operation(operation.pk)
    assert state_of(operation) == "cancelled"
    assert [line.rendered for line in operation.log.all()] == ["ann asked to cancel."]


@pytest.mark.django_db
def test_an_operation_that_has_ended_cannot_be_cancelled(script: Script) -> None:
    script.plays = [Done()]
    operation = start()
    run_operation(operation.pk)
    assert operation_cancel(operation, by=make_user()) is False


@pytest.mark.django_db
def test_the_sweeper_rings_for_what_is_due_and_for_nothing_else(script: Script) -> None:
    now = timezone.now()
    lost, dead, later = (start(Target(type="thing", id=n, name=str(n))) for n in (1, 2, 3))
    Operation.objects.filter(pk=dead.pk).update(state="running", lease_expires_at=now - timedelta(minutes=1))
    Operation.objects.filter(pk=later.pk).update(state="waiting", wake_at=now + timedelta(minutes=1))
    assert sweep(now=now) == 2
    assert lost.state == "queued"


@pytest.mark.django_db
def test_one_slow_cluster_does_not_get_all_the_workers(script: Script, settings: Any) -> None:
    settings.OCEAN_WORKERS_PER_CLUSTER = 1
    cluster = make_cluster()
    held, next_one = (start(Target(type="thing", id=n, name=str(n), cluster=cluster)) for n in (1, 2))
    Operation.objects.filter(pk=held.pk).update(
        state="running", lease_expires_at=timezone.now() + timedelta(seconds=20)
    )
    run_operation(next_one.pk)
    assert (state_of(next_one), next_one.wake_at, script.steps) == ("queued", None, 0)


@pytest.mark.django_db
def test_what_found_its_cluster_full_goes_on_as_soon_as_there_is_a_place(
    script: Script, settings: Any, rung: list[str]
) -> None:
    cluster = make_cluster()
    first = start(Target(type="thing", id=1, name="1", cluster=cluster))

    def meanwhile(_operation: Operation) -> Outcome:
        start(Target(type="thing", id=2, name="2", cluster=cluster))
        return Done()

    script.plays = [meanwhile]
    run_due("operations")
    assert (state_of(first), rung) == ("succeeded", ["operations"])


@pytest.mark.django_db
def test_nobody_rings_where_nothing_is_due(script: Script, rung: list[str]) -> None:
    script.plays = [Again(after_s=20)]
    start()
    run_due("operations")
    run_due("operations")
    assert (rung, script.steps) == ([], 1)


@pytest.mark.django_db
def test_one_that_was_woken_is_woken_once_however_much_happens(script: Script) -> None:
    woken = start()
    later = timezone.now() + timedelta(seconds=20)
    Operation.objects.filter(pk=woken.pk).update(state="waiting", wake_at=later)
    assert [operations_wake(target_type="thing", target_ids=[1]) for _ in range(3)] == [1, 0, 0]


@pytest.mark.django_db
def test_one_that_is_woken_while_its_step_runs_looks_again_at_once(script: Script) -> None:
    def settle_meanwhile(_operation: Operation) -> Outcome:
        operations_wake(target_type="thing", target_ids=[1])
        return Again(after_s=30)

    script.plays = [settle_meanwhile, Done()]
    operation = start()
    run_operation(operation.pk)
    run_operation(operation.pk)
    assert (state_of(operation), script.steps) == ("succeeded", 2)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_claims(script: Script) -> None:
    script.plays = [Again(after_s=30), Again(after_s=30)]
    operation = start()
    barrier = threading.Barrier(2)

    def work() -> None:
        barrier.wait()
        try:
            run_operation(operation.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert script.steps == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_one_starts_and_the_other_is_told(script: Script) -> None:
    barrier = threading.Barrier(2)
    outcomes: list[object] = []

    def ask() -> None:
        barrier.wait()
        try:
            with transaction.atomic():
                outcomes.append(start())
        except TargetBusy as exc:
            outcomes.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    busy = [one for one in outcomes if isinstance(one, TargetBusy)]
    started = [one for one in outcomes if isinstance(one, Operation)]
    assert len(busy) == len(started) == 1
    assert busy[0].operation == started[0]


@pytest.mark.django_db
def test_old_operations_are_pruned_and_young_ones_and_active_ones_stay(script: Script, settings: Any) -> None:
    settings.OCEAN_HISTORY_DAYS = 30
    now = timezone.now()
    old, young, active = (start(Target(type="thing", id=n, name=str(n))) for n in (1, 2, 3))
    Operation.objects.filter(pk=old.pk).update(state="succeeded", finished_at=now - timedelta(days=31))
    Operation.objects.filter(pk=young.pk).update(state="failed", finished_at=now - timedelta(days=29))
    assert history_prune(now=now) == 1
    assert set(Operation.objects.all()) == {young, active}
