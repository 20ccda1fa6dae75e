"""Lines that say the same become one, and places in the time line are total; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.jobs.timeline import Entry, Line, Place, fold

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def line(
    minutes_ago: int, *, kind: str = "instance_failed", folds_by: str = "exit 1", **fields: object
) -> Line:
    place = Place(NOON - timedelta(minutes=minutes_ago), "event", 1000 - minutes_ago)
    values = {"level": "warning", "text": kind, **fields}
    return Line(place=place, kind=kind, folds_by=folds_by, **values)  # type: ignore[arg-type] # free fields


def shown(entries: list[Entry]) -> list[tuple[str, int]]:
    return [(entry.line.kind, entry.count) for entry in entries]


def folded(*lines: Line) -> list[Entry]:
    return fold(lines, day=lambda at: at.date())


def test_a_crash_loop_is_one_line_with_its_number_and_since_when() -> None:
    entries = folded(*[line(number) for number in range(5)])
    assert shown(entries) == [("instance_failed", 5)]
    assert entries[0].line.at == NOON
    assert entries[0].first_at == NOON - timedelta(minutes=4)


def test_what_alternates_folds_too() -> None:
    lines = [line(0, kind="degraded"), line(1), line(2, kind="recovered"), line(3, kind="degraded"), line(4)]
    assert shown(folded(*lines)) == [("degraded", 2), ("instance_failed", 2), ("recovered", 1)]


def test_other_words_are_another_line() -> None:
    assert shown(folded(line(0), line(1, folds_by="exit 137"), line(2))) == [
        ("instance_failed", 2),
        ("instance_failed", 1),
    ]


def test_what_a_person_did_stays_between_what_was_before_and_after() -> None:
    saved = line(2, kind="saved", folds_by="", who="dev")
    assert shown(folded(line(0), line(1), saved, line(3))) == [
        ("instance_failed", 2),
        ("saved", 1),
        ("instance_failed", 1),
    ]


def test_an_operations_line_parts_them_too() -> None:
    ended = line(1, kind="job.publish", folds_by="", operation=7)
    assert shown(folded(line(0), ended, line(2))) == [
        ("instance_failed", 1),
        ("job.publish", 1),
        ("instance_failed", 1),
    ]


def test_another_day_is_another_line() -> None:
    assert shown(folded(line(0), line(13 * 60))) == [("instance_failed", 1), ("instance_failed", 1)]


def test_a_line_without_its_like_is_never_folded() -> None:
    assert shown(folded(line(0, folds_by=""), line(1, folds_by=""))) == [("instance_failed", 1)] * 2


@pytest.mark.parametrize("place", [Place(NOON), Place(NOON, "event", 42), Place(NOON, "operation", 7)])
def test_a_place_survives_being_an_address(place: Place) -> None:
    assert Place.parse(str(place)) == place


def test_a_place_in_another_zone_is_the_same() -> None:
    assert Place.parse("2026-11-20T20:00:00+08:00") == Place(NOON)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-20",
        "2026-11-20T12:00:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-11-20T12:00:00Z_",
        "2026-11-20T12:00:00Z_x1",
        "2026-11-20T12:00:00Z_e",
        "2026-11-20T12:00:00Z_e²",
        "2026-11-20T12:00:00Z_e99999999999999999999",
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Place.parse(text)
