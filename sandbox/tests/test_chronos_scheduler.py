"""What Chronos runs when, with a clock and tasks that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.chronos.runs import Outcome
from sandbox.store import Store
from sandbox.tests.chronos import START, Story, make_chronos

EVERY_MINUTE = "R/2034-05-02T02:00:00Z/PT1M"
DUE_MS = round(START.timestamp() * 1000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "state.db")
    yield found
    found.close()


@pytest.fixture
def story(store: Store) -> Story:
    return Story(store)


def test_a_job_runs_when_it_is_due_and_its_schedule_moves(story: Story) -> None:
    story.put(name="a", command="x", schedule=EVERY_MINUTE)
    assert story.executor.started == []
    assert story.pass_s(9.9) == []
    assert story.at(START) == [f"ct:{DUE_MS}:0:a:"]
    assert story.job("a")["schedule"] == "R/2034-05-02T02:01:00.000Z/PT1M"
    assert story.scheduler.state("a") == "1 running"

    story.end("a")
    job = story.job("a")
    assert (job["successCount"], job["lastSuccess"], job["errorCount"]) == (1, "2034-05-02T02:00:00.000Z", 0)
    assert story.scheduler.state("a") == "idle"
    assert len(story.pass_s(60)) == 1


def test_tick_says_when_the_next_one_is_due(story: Story) -> None:
    assert story.scheduler.tick(story.now) is None
    story.put(name="a", schedule=EVERY_MINUTE)
    story.put(name="b", schedule="R/2034-05-02T03:00:00+02:00/PT1H")
    assert story.scheduler.tick(story.now) == START


def test_n_runs_and_then_it_is_disabled(story: Story) -> None:
    story.put(name="a", schedule="R2/2034-05-02T02:00:00Z/PT1M")
    for _ in range(2):
        assert len(story.pass_s(60)) == 1
        story.end("a")
    assert story.job("a")["disabled"]
    assert story.job("a")["schedule"].startswith("R0/")
    assert story.pass_s(600) == []


def test_no_run_at_all_is_never(story: Story) -> None:
    story.put(name="a", schedule="R0/2034-05-02T02:00:00Z/PT1M")
    assert story.pass_s(600) == []


def test_a_disabled_job_rests(story: Story) -> None:
    story.put(name="a", schedule=EVERY_MINUTE, disabled=True)
    assert story.pass_s(600) == []
    story.scheduler.run_now(story.job("a"), "", now=story.now)
    assert story.pass_s(0) == []


def test_while_it_runs_a_slot_is_dropped_unless_it_is_concurrent(story: Story) -> None:
    story.put(name="a", schedule=EVERY_MINUTE)
    story.put(name="b", schedule=EVERY_MINUTE, concurrent=True)
    assert len(story.at(START)) == 2
    assert [task.split(":")[3] for task in story.pass_s(60)] == ["b"]
    assert story.scheduler.state("b") == "2 running"
    assert story.end("a") == []  # what was dropped is not made up


class TestFailures:
    def test_it_is_tried_again_a_minute_later_and_then_it_has_failed(self, story: Story) -> None:
        story.put(name="a", schedule="R/2034-05-02T02:00:00Z/P1D", retries=2)
        story.at(START)
        for number in (1, 2):
            story.end("a", Outcome.FAIL)
            assert story.job("a")["errorCount"] == 0
            assert story.pass_s(59) == []
            [task] = story.pass_s(1)
            assert task.split(":")[2] == str(number)
        story.end("a", Outcome.FAIL)
        job = story.job("a")
        assert (job["errorCount"], job["errorsSinceLastSuccess"]) == (1, 1)
        assert job["lastError"] == "2034-05-02T02:02:00.000Z"
        assert story.pass_s(600) == []

    def test_a_success_ends_the_count_of_errors(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE, retries=0)
        story.at(START)
        story.end("a", Outcome.FAIL)
        story.pass_s(60)
        story.end("a")
        assert (story.job("a")["errorCount"], story.job("a")["errorsSinceLastSuccess"]) == (1, 0)

    def test_what_somebody_killed_counts_as_neither(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        [task] = story.at(START)
        story.scheduler.kill("a")
        assert story.executor.killed == [task]
        story.end("a", Outcome.FAIL)
        assert (story.job("a")["successCount"], story.job("a")["errorCount"]) == (0, 0)
        assert story.pass_s(59) == []  # and is not tried again


class TestRoom:
    def test_what_does_not_fit_waits(self, story: Story) -> None:
        story.executor.room = 1
        for name in ("a", "b", "c"):
            story.put(name=name, schedule=EVERY_MINUTE)
        story.put(name="urgent", schedule=EVERY_MINUTE, highPriority=True)
        [first] = story.at(START)
        assert first.split(":")[3] == "urgent"
        assert story.scheduler.state("a") == "queued"
        assert [task.split(":")[3] for task in story.end("urgent")] == ["a"]
        assert [task.split(":")[3] for task in story.end("a")] == ["b"]

    def test_one_place_in_the_queue_for_each_job(self, story: Story) -> None:
        story.executor.room = 0
        story.put(name="a", schedule=EVERY_MINUTE)
        story.at(START)
        story.pass_s(60)
        story.executor.room = 9
        assert story.pass_s(0) == [f"ct:{DUE_MS}:0:a:"]


class TestByHand:
    def test_run_now_leaves_the_schedule_alone(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        story.scheduler.run_now(story.job("a"), "fast/er", now=story.now)
        [task] = story.pass_s(0)
        assert task == f"ct:{DUE_MS - 10_000}:0:a:fast_er"
        assert story.job("a")["schedule"] == EVERY_MINUTE

    def test_a_replacement_goes_by_its_own_schedule_and_what_runs_goes_on(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        story.at(START)
        story.put(name="a", schedule="R/2034-05-02T05:00:00Z/P1D")
        assert story.executor.killed == []
        assert story.pass_s(600) == []

    def test_a_deleted_job_is_killed_and_forgotten(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        [task] = story.at(START)
        story.chronos.registry.delete("a")
        story.scheduler.forget("a")
        assert story.executor.killed == [task]
        story.end("a", Outcome.FAIL)
        assert story.pass_s(600) == []


class TestDependents:
    def test_one_runs_when_every_parent_has_succeeded_since_its_last_run(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        story.put(name="b", schedule=EVERY_MINUTE)
        story.put(name="c", parents=["a", "b"])
        story.at(START)
        assert story.end("a") == []
        [task] = story.end("b")
        assert task.split(":")[3] == "c"
        story.end("c")
        story.pass_s(60)
        assert story.end("b") == []
        assert len(story.end("a")) == 1

    @pytest.mark.parametrize(("soft", "released"), [(False, 0), (True, 1)])
    def test_a_failed_parent_releases_nothing_unless_errors_are_soft(
        self, story: Story, soft: bool, released: int
    ) -> None:
        story.put(name="a", schedule=EVERY_MINUTE, retries=0, softError=soft)
        story.put(name="c", parents=["a"])
        story.at(START)
        assert len(story.end("a", Outcome.FAIL)) == released

    def test_a_success_told_from_outside_releases_too(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        story.put(name="c", parents=["a"])
        story.scheduler.succeed("a", now=story.now)
        assert len(story.pass_s(0)) == 1
        assert story.job("a")["successCount"] == 1

    def test_children_of_a_deleted_job_take_over_its_times(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        story.put(name="c", parents=["a"])
        story.chronos.registry.delete("a")
        story.scheduler.forget("a")
        [task] = story.at(START)
        assert task.split(":")[3] == "c"


class TestLate:
    def test_3_runs_once_what_was_due_while_it_was_away(self, story: Story) -> None:
        story.put(name="a", schedule=EVERY_MINUTE)
        assert story.at(START + timedelta(minutes=10, seconds=5)) == [f"ct:{DUE_MS}:0:a:"]
        assert story.job("a")["schedule"] == "R/2034-05-02T02:11:00.000Z/PT1M"

    def test_2_skips_it(self, store: Store) -> None:
        story = Story(store, line=2)
        story.put(name="a", schedule="R/2034-05-02T02:00:00Z/PT1H")
        story.put(name="patient", schedule="R/2034-05-02T02:00:00Z/PT1H", epsilon="PT15M")
        [task] = story.at(START + timedelta(minutes=10))
        assert task.split(":")[3] == "patient"
        assert story.job("a")["schedule"] == "R/2034-05-02T03:00:00.000Z/PT1H"

    def test_2_forgets_a_job_all_of_whose_slots_have_passed(self, store: Store) -> None:
        story = Story(store, line=2)
        story.put(name="a", schedule="R3/2034-01-01T00:00:00Z/PT1H")
        assert story.chronos.registry.get("a") is None


def test_what_waits_and_what_ran_survives_a_restart(story: Story, store: Store) -> None:
    story.executor.room = 1
    story.put(name="a", schedule="R/2034-05-02T02:00:00Z/P1D")
    story.put(name="b", schedule="R/2034-05-02T02:00:00Z/P1D")
    story.put(name="c", schedule="R/2034-05-02T02:00:00Z/P1D")
    story.at(START)
    story.end("a", Outcome.FAIL)
    store.flush()

    again = make_chronos(store)
    assert {(wait.job, wait.number) for wait in again.scheduler.attempts()} == {("a", 1), ("c", 0)}
    assert [run.job for run in again.history.all_running()] == ["b"]
    assert [(run.job, run.outcome) for run in again.history.ended()] == [("a", Outcome.FAIL)]
    job = again.registry.get("b")
    assert job is not None
    assert job["schedule"] == "R/2034-05-03T02:00:00.000Z/P1D"
