"""How a job was at a moment, from what was written down; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from apps.jobs.models import Job
from apps.jobs.moments import Asked, Moment, Stamp, Turn, moment_at

START = datetime(2026, 11, 20, 8, tzinfo=UTC)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


PUBLISHED = Asked(asked_at=at(10), ended_at=at(11), succeeded=True, instances=3, before=0)
STAMPS = [Stamp(at(10), 1)]


def seen(minute: float, **facts: object) -> Moment:
    known: dict[str, object] = {"stamps": STAMPS, "asked": [PUBLISHED], "turns": [], **facts}
    return moment_at(at(minute), **known)  # type: ignore[arg-type] # free facts


def test_before_its_first_publish_it_was_a_draft() -> None:
    assert seen(5) == Moment(at(5), None, Job.State.DRAFT, 0)


def test_while_an_operation_is_under_way_it_is_being_deployed() -> None:
    assert seen(10.5) == Moment(at(10.5), 1, Job.State.DEPLOYING, 3)


def test_after_a_publish_it_runs_what_was_asked_for() -> None:
    assert seen(12) == Moment(at(12), 1, Job.State.RUNNING, 3)


def test_it_was_ill_until_it_got_well() -> None:
    turns = [Turn(at(20), "degraded", 1, 3), Turn(at(25), "recovered", 3, 3)]
    assert seen(22, turns=turns) == Moment(at(22), 1, Job.State.DEGRADED, 3, 1, at(20))
    assert seen(30, turns=turns) == Moment(at(30), 1, Job.State.RUNNING, 3, 3, at(25))


def test_an_operation_that_ended_since_made_it_well() -> None:
    scaled = Asked(asked_at=at(30), ended_at=at(31), succeeded=True, instances=5, before=3)
    found = seen(40, asked=[PUBLISHED, scaled], turns=[Turn(at(20), "degraded", 1, 3)])
    assert found == Moment(at(40), 1, Job.State.RUNNING, 5)


def test_a_failed_operation_changed_nothing_once_it_had_failed() -> None:
    failed = Asked(asked_at=at(30), ended_at=at(35), succeeded=False, instances=9, before=3)
    assert seen(32, asked=[PUBLISHED, failed]).wanted == 9
    assert seen(40, asked=[PUBLISHED, failed]).wanted == 3


def test_none_wanted_is_stopped() -> None:
    stopped = Asked(asked_at=at(30), ended_at=at(31), succeeded=True, instances=0, before=3)
    assert seen(40, asked=[PUBLISHED, stopped]).state == Job.State.STOPPED


def test_what_is_no_longer_kept_is_not_guessed() -> None:
    assert seen(40, asked=[]) == Moment(at(40), 1, Job.State.RUNNING, None)
    restarted = Asked(asked_at=at(10), ended_at=at(11), succeeded=True)
    assert seen(40, asked=[restarted]).wanted is None


def test_the_version_is_that_of_the_newest_definition_by_then() -> None:
    stamps = [Stamp(at(10), 1), Stamp(at(20), 2), Stamp(at(30), None)]
    assert [seen(minute, stamps=stamps).version for minute in (5, 15, 25, 35)] == [None, 1, 2, None]
