"""Chronos' schedules: how they are read, and how they move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.chronos.schedule import due_in_2, due_in_3, read_duration, read_schedule

EPSILON = timedelta(seconds=60)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "now", "next_one"),
    [
        # Days keep the clock of the zone, over a change of its offset too (26 March 2034 in Berlin).
        (
            "R/2034-03-25T02:30:00/P1D",
            "Europe/Berlin",
            "2034-03-25T02:30:00+01:00",
            "R/2034-03-26T03:30:00.000+02:00/P1D",
        ),
        (
            "R/2034-03-25T12:00:00Z/P1D",
            "Europe/Berlin",
            "2034-03-25T12:00:00+01:00",
            "R/2034-03-26T12:00:00.000+02:00/P1D",
        ),
        # Hours are exact.
        (
            "R/2034-03-25T12:00:00/PT24H",
            "Europe/Berlin",
            "2034-03-25T12:00:00+01:00",
            "R/2034-03-26T13:00:00.000+02:00/PT24H",
        ),
        # Months are thirty days in 3.x.
        ("R/2034-01-31T00:00:00Z/P1M", "", "2034-01-31T00:00:00Z", "R/2034-03-02T00:00:00.000Z/P1M"),
        # Late by hundreds of slots: one run, and n falls by one.
        ("R9/2034-01-01T00:00:00Z/PT1M", "", "2034-01-01T10:00:30Z", "R8/2034-01-01T10:01:00.000Z/PT1M"),
        # An unknown zone is GMT.
        (
            "R/2034-01-01T00:00:00+08:00/P1W",
            "Nowhere",
            "2034-01-01T00:00:00Z",
            "R/2034-01-08T00:00:00.000Z/P1W",
        ),
    ],
)
def test_a_run_of_3_moves_the_schedule_beyond_now(schedule: str, zone: str, now: str, next_one: str) -> None:
    due = due_in_3(read_schedule(schedule, zone), now=moment(now))

    assert due is not None
    assert str(due.left) == next_one


def test_3_runs_once_however_late() -> None:
    due = due_in_3(read_schedule("R/2016-10-01T00:00:00Z/P1D"), now=moment("2034-01-01T12:00:00Z"))

    assert due is not None
    assert due.at == moment("2016-10-01T00:00:00Z")
    assert str(due.left) == "R/2034-01-02T00:00:00.000Z/P1D"


def test_2_skips_what_is_more_than_epsilon_late() -> None:
    schedule = read_schedule("R5/2034-01-01T00:00:00Z/PT1H")

    due, left = due_in_2(schedule, now=moment("2034-01-01T02:01:01Z"), epsilon=EPSILON)
    assert (due, str(left)) == (None, "R2/2034-01-01T03:00:00.000Z/PT1H")

    due, left = due_in_2(schedule, now=moment("2034-01-01T02:00:59Z"), epsilon=EPSILON)
    assert due is not None
    assert (due.at, str(due.left)) == (
        moment("2034-01-01T02:00:00Z"),
        "R2/2034-01-01T03:00:00.000Z/PT1H",
    )


def test_2_follows_the_calendar_by_month() -> None:
    due, _ = due_in_2(
        read_schedule("R/2034-01-31T00:00:00Z/P1M"), now=moment("2034-01-31T00:00:00Z"), epsilon=EPSILON
    )

    assert due is not None
    assert str(due.left) == "R/2034-02-28T00:00:00.000Z/P1M"


def test_2_of_which_nothing_is_left() -> None:
    due, left = due_in_2(
        read_schedule("R2/2034-01-01T00:00:00Z/PT1H"), now=moment("2035-01-01T00:00:00Z"), epsilon=EPSILON
    )

    assert due is None
    assert left.exhausted


@pytest.mark.parametrize("schedule", ["R0/2034-01-01T00:00:00Z/P1D", "R/2034-01-01T00:00:01Z/P1D"])
def test_what_is_not_due(schedule: str) -> None:
    assert due_in_3(read_schedule(schedule), now=moment("2034-01-01T00:00:00Z")) is None


def test_an_empty_start_is_a_second_ago() -> None:
    due = due_in_3(read_schedule("R//PT10M"), now=moment("2034-01-01T00:00:00Z"))

    assert due is not None
    assert str(due.left) == "R/2034-01-01T00:09:59.000Z/PT10M"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT60S", 60), ("PT15M", 900), ("P1D", 86400), ("P1M", None), ("nonsense", None), ("", None)],
)
def test_epsilon_is_an_exact_duration(text: str, seconds: int | None) -> None:
    assert read_duration(text) == (None if seconds is None else timedelta(seconds=seconds))
