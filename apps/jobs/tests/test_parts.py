"""A snapshot's parts, and whose turn it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from apps.jobs.mirror.parts import Part, Round, parts_of

THEN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def prefixes(parts: list[Part]) -> list[str]:
    return [part.prefix for part in parts]


def test_parts_are_as_small_as_asked_for_and_hold_every_path_once() -> None:
    sizes = {f"/cop/line-{line:02}/job-{job}": 11 for line in range(40) for job in range(5)}
    parts = parts_of(sizes, at_most=600)
    assert prefixes(parts) == [f"/cop/line-{tens}" for tens in range(4)]
    assert sum(part.size for part in parts) == 40 * 5 * 11
    assert sorted(path for part in parts for path in part.paths) == sorted(sizes)


def test_what_one_part_holds_is_asked_for_by_all_that_it_shares() -> None:
    assert prefixes(parts_of({"/cop/a": 1, "/cop/ab": 1}, at_most=10)) == ["/cop/a"]
    assert prefixes(parts_of({"/cop/a": 1}, at_most=10)) == ["/cop/a"]
    assert parts_of({}, at_most=10) == []


def test_a_large_job_is_a_part_of_its_own() -> None:
    assert prefixes(parts_of({"/cop/a1": 5000, "/cop/b1": 1, "/cop/b2": 1}, at_most=10)) == [
        "/cop/a1",
        "/cop/b",
    ]


def test_a_path_that_others_go_on_from_is_asked_for_with_them() -> None:
    parts = parts_of({"/cop/a": 9, "/cop/a-1": 9, "/cop/a-2": 9, "/cop/b": 9}, at_most=10)
    assert prefixes(parts) == ["/cop/a", "/cop/b"]
    assert parts[0].covers("/cop/a-2.next")


def test_a_round_begins_where_the_last_look_was_longest_ago() -> None:
    parts = parts_of({"/a": 1, "/b": 1, "/c": 1}, at_most=1)
    asked_at: dict[str, datetime] = {}
    first = Round(parts, asked_at)
    for seconds in range(2):
        first.done(first.take(at_most=1), asked_at=THEN + timedelta(seconds=seconds))
    first.take(at_most=1)  # its answer never came
    second = Round(parts, asked_at)
    assert [prefixes(second.take(at_most=1)) for _ in range(4)] == [["/c"], ["/a"], ["/b"], []]


def test_small_parts_are_taken_together_and_a_large_one_alone() -> None:
    parts = parts_of({"/a": 2, "/b": 2, "/c": 9, "/d": 2}, at_most=4)
    this = Round(parts, {})
    taken = [prefixes(this.take(at_most=4)) for _ in range(4)]
    assert taken == [["/a", "/b"], ["/c"], ["/d"], []]


def test_a_round_of_some_paths_leaves_the_other_parts_and_says_which_it_does_not_know() -> None:
    parts = parts_of({"/a/1": 1, "/b/1": 1, "/c/1": 1}, at_most=1)
    this = Round(parts, {}, of=["/b/1.next", "/c/1", "/0", "/foreign"])
    assert prefixes(this.take(at_most=10)) == ["/b/1", "/c/1"]
    assert this.uncovered == {"/0", "/foreign"}


def test_parts_that_are_no_more_are_forgotten() -> None:
    asked_at = {"/old": THEN, "/a": THEN}
    Round(parts_of({"/a": 1}, at_most=1), asked_at)
    assert asked_at == {"/a": THEN}
