"""Operations that are taken together: nobody's trouble is another's, and nothing is lost or done twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from apps.core.models import Operation, OperationLog
from apps.core.operations import claims, dispatch, kinds, runner
from apps.core.operations.kinds import Again, Done, Outcome
from apps.core.operations.runner import run_due
from apps.core.operations.services import Intent, Target, operation_note, operation_start
from apps.core.tests.factories import make_cluster
from clients.errors import Refused
from clients.http import HttpClient
from embedded.waiting import wait_until

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

pytestmark = pytest.mark.django_db(transaction=True)


class Numbered:
    """A kind that does what its target's number says, `Done` unless told otherwise; notes whose steps were taken."""

    name = "test.numbered"
    label: StrOrPromise = "a numbered operation"
    queue = "operations"
    deadline = timedelta(hours=1)

    def __init__(self) -> None:
        self.acts: dict[int, Callable[[Operation], Outcome]] = {}
        self.steps: list[int] = []
        self.cannot_end: set[int] = set()

    def step(self, operation: Operation) -> Outcome:
        self.steps.append(operation.target_id)
        act = self.acts.get(operation.target_id)
        return act(operation) if act else Done("done")

    def deadline_passed(self, operation: Operation) -> Outcome:
        raise NotImplementedError

    def ended(self, operation: Operation, outcome: Outcome) -> None:
        if operation.target_id in self.cannot_end:
            raise IntegrityError("its end cannot be written")


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Numbered]:
    kind = Numbered()
    kinds._kinds[kind.name] = kind
    monkeypatch.setattr(runner, "ring", lambda queue, **_how: None)
    yield kind
    del kinds._kinds[kind.name]


def start(count: int, *, type_: str = "thing", **target: Any) -> list[Operation]:
    intent = Intent(kind=Numbered.name, by=None)
    return [
        operation_start(target=Target(type=type_, id=n, name=str(n), **target), intent=intent)
        for n in range(1, count + 1)
    ]


def states() -> dict[int, str]:
    return dict(Operation.objects.values_list("target_id", "state"))


def test_one_worker_takes_all_that_is_due(numbered: Numbered) -> None:
    start(8)
    run_due("operations")
    assert set(states().values()) == {"succeeded"}
    assert sorted(numbered.steps) == list(range(1, 9))


def test_of_more_than_one_worker_takes_the_rest_is_left_to_others(
    numbered: Numbered, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(runner, "ring", lambda queue, **_how: rung.append(queue))
    start(claims.AT_MOST + 1)
    run_due("operations")
    assert sorted(states().values()).count("succeeded") == claims.AT_MOST
    assert set(rung) == {"operations"}


def test_one_that_is_refused_hurts_no_other(numbered: Numbered) -> None:
    def refused(_operation: Operation) -> Outcome:
        raise Refused("mem must be positive", remote="marathon", operation="PUT")

    numbered.acts[3] = refused
    start(5)
    run_due("operations")
    assert states() == {1: "succeeded", 2: "succeeded", 3: "failed", 4: "succeeded", 5: "succeeded"}
    assert "mem must be positive" in Operation.objects.get(target_id=3).error_text


def test_one_that_is_slow_holds_up_nobody_s_result(numbered: Numbered) -> None:
    def slow(_operation: Operation) -> Outcome:
        others = Operation.objects.exclude(target_id=1)
        wait_until(
            lambda: not others.exclude(state="succeeded").exists(), what="the others ended", timeout_s=10
        )
        return Done("at last")

    numbered.acts[1] = slow
    start(4)
    run_due("operations")
    assert set(states().values()) == {"succeeded"}


def test_what_a_killed_worker_took_is_taken_over_when_its_lease_ends(numbered: Numbered) -> None:
    start(3)
    killed = patch("apps.core.operations.runner.record", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        run_due("operations")
    assert set(states().values()) == {"running"}
    run_due("operations")
    assert len(numbered.steps) == 3  # their leases last
    Operation.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    run_due("operations")
    assert set(states().values()) == {"succeeded"}
    assert set(OperationLog.objects.values_list("text", flat=True)) == {claims.RESUMED}


def test_one_that_kills_its_workers_is_given_up_and_takes_no_other_along(numbered: Numbered) -> None:
    def kill(_operation: Operation) -> Outcome:
        raise KeyboardInterrupt

    numbered.acts[2] = kill
    operations = start(3)
    Operation.objects.filter(pk=operations[1].pk).update(wake_at=timezone.now() - timedelta(minutes=1))
    for _ in range(2 * runner.MAX_ATTEMPTS):
        with suppress(KeyboardInterrupt):
            run_due("operations")
        Operation.objects.filter(state="running").update(
            lease_expires_at=timezone.now() - timedelta(seconds=1)
        )
    assert states() == {1: "succeeded", 2: "failed", 3: "succeeded"}


def test_a_worker_that_lost_one_of_its_leases_writes_the_others(numbered: Numbered) -> None:
    def lose(operation: Operation) -> Outcome:
        Operation.objects.filter(pk=operation.pk).update(lease_owner="another:2")
        return Done()

    numbered.acts[2] = lose
    start(3)
    run_due("operations")
    assert states() == {1: "succeeded", 2: "running", 3: "succeeded"}


def test_one_whose_end_cannot_be_written_keeps_its_lease_and_the_others_end(numbered: Numbered) -> None:
    numbered.cannot_end = {2}
    start(3)
    run_due("operations")
    assert states() == {1: "succeeded", 2: "running", 3: "succeeded"}


def test_what_a_step_says_is_written_with_what_it_comes_to_and_once(numbered: Numbered) -> None:
    def speak(operation: Operation) -> Outcome:
        operation_note(operation, "said %(number)s", number=operation.target_id)
        return Again(after_s=20, progress=10)

    numbered.acts = dict.fromkeys((1, 2), speak)
    start(2)
    run_due("operations")
    assert sorted(line.rendered for line in OperationLog.objects.all()) == ["said 1", "said 2"]


def test_two_workers_share_what_is_due(numbered: Numbered) -> None:
    start(claims.AT_MOST + 20)

    def work() -> None:
        try:
            run_due("operations")
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(numbered.steps) == list(range(1, claims.AT_MOST + 21))


def test_a_cluster_that_has_its_share_of_the_workers_holds_up_no_other(
    numbered: Numbered, settings: Any
) -> None:
    settings.OCEAN_WORKERS_PER_CLUSTER = 1
    slow, free = make_cluster(), make_cluster()
    held, waits = start(2, cluster=slow)
    other = start(1, cluster=free, type_="another thing")[0]
    lease = timezone.now() + timedelta(seconds=20)
    Operation.objects.filter(pk=held.pk).update(state="running", lease_owner="b:1", lease_expires_at=lease)
    run_due("operations")
    found = dict(Operation.objects.values_list("pk", "state"))
    assert found == {held.pk: "running", waits.pk: "queued", other.pk: "succeeded"}


def test_a_step_s_calls_have_no_more_time_than_the_step(
    numbered: Numbered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CALLS_LIMIT_S", 0.0)

    def ask(_operation: Operation) -> Outcome:
        HttpClient("marathon").send("GET", "http://127.0.0.1:9/", operation="get")
        return Done()

    numbered.acts = dict.fromkeys((1, 2), ask)
    start(2)
    run_due("operations")
    assert set(states().values()) == {"waiting"}
    assert {line.rendered for line in OperationLog.objects.all()} == {
        "marathon: get: there was no time left to ask Trying again."
    }


def test_what_cannot_be_begun_in_time_is_left_to_others(
    numbered: Numbered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BEGIN_WITHIN_S", -1.0)
    start(2)
    run_due("operations")
    assert (set(states().values()), numbered.steps) == ({"waiting"}, [])


def test_a_queue_is_rung_for_once_until_somebody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(dispatch, "send", lambda _task, argument, **_how: sent.append(argument))
    dispatch.answered("test-bell")
    for _ in range(5):
        dispatch.ring("test-bell")
    assert sent == ["test-bell"]
    dispatch.answered("test-bell")
    dispatch.ring("test-bell")
    dispatch.ring("test-bell", after_s=1.0)
    assert sent == ["test-bell"] * 3


def test_what_is_due_later_is_rung_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[float] = []
    monkeypatch.setattr(dispatch, "send", lambda *_what, after_s, **_how: sent.append(round(after_s, 3)))
    monkeypatch.setattr(dispatch, "time", lambda: 1000.1)
    queue = f"test-later-{uuid4()}"
    for after_s in (1.0, 1.2, 1.4, 2.0, 1.1):
        dispatch.ring(queue, after_s=after_s)
    assert sent == [1.4, 2.4]


class Pause:
    """Notes that somebody waits for a turn."""

    def __init__(self) -> None:
        self.waits = threading.Event()

    def wait(self, seconds: float) -> None:
        self.waits.set()


def test_workers_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    pause, order = Pause(), []
    monkeypatch.setattr(dispatch, "_pause", pause)
    monkeypatch.setattr(dispatch, "TURN_S", 10.0)

    def second() -> None:
        with dispatch.turn("test-turn"):
            order.append("second")

    other = threading.Thread(target=second)
    with dispatch.turn("test-turn"):
        other.start()
        assert pause.waits.wait(10)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]


def test_nobody_waits_long_for_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "TURN_S", 0.05)
    with dispatch.turn("test-slow"):
        assert dispatch.turn("test-slow").__enter__() is None
