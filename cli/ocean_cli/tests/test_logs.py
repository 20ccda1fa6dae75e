"""`ocean logs`: all instances together, on and on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocean_cli.commands.logs import short_task
from ocean_cli.tests.conftest import Clock, Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, page

MERGED = f"jobs/{TAG}/logs/merged/"
ONE, TWO = (f"xiaomi_shop_web.instance-{number}-e4c0-11f1._app.1" for number in ("3169c8a4", "4f0a1b2c"))


def line(text: str, *, task: str = ONE, **fields: Any) -> dict[str, Any]:
    row = {"time": "2026-11-20T08:00:00Z", "source": "log", "task_id": task, "file": "stdout", "version": 1}
    return {**row, "text": text, **fields}


def event(text: str) -> dict[str, Any]:
    return {"time": "2026-11-20T08:00:00Z", "source": "event", "level": "warning", "text": text}


def piece(*lines: dict[str, Any], cursor: str = "c1", more: bool = False) -> dict[str, Any]:
    return {"lines": list(lines), "cursor": cursor, "more": more, "sources": [], "gone": [], "left_out": 0}


def test_each_line_says_whose_it_is_and_what_happened_stands_between(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("up"), event("An instance ended: 137."), line("up too", task=TWO)))
    ended = ocean("logs", TAG, "--tail", "50", "--stdout", "--version", "3")
    assert ended.out == "3169c8a4 up\n2026-11-20 08:00:00 — An instance ended: 137.\n4f0a1b2c up too\n"
    assert fake.asked[0].query == {
        "limit": ["50"],
        "version": ["3"],
        "file": ["stdout"],
        "skip": ["false"],
    }


def test_one_instance_is_named_as_it_is_shown_and_needs_no_name_before_its_lines(
    ocean: Ocean, fake: FakeOcean
) -> None:
    fake.on("GET", MERGED, piece(line("up")))
    fake.on("GET", f"jobs/{TAG}/instances/", page({"task_id": ONE}), page())
    assert ocean("logs", TAG, "--task", "3169c8a4").out == "up\n"
    assert fake.calls("GET", MERGED)[0].query["task"] == [ONE]
    ocean("logs", TAG, "--task", "gone")
    assert fake.calls("GET", MERGED)[1].query["task"] == ["gone"]


def test_following_goes_on_from_the_cursor_until_control_c(
    ocean: Ocean, fake: FakeOcean, clock: Clock
) -> None:
    fake.on(
        "GET",
        MERGED,
        piece(line("one"), cursor="c1"),
        Reply(cut=True),
        piece(line("two", task=TWO), cursor="c2"),
        piece(cursor="c2"),
    )

    def interrupt_later() -> None:
        if len(clock.naps) > 4:
            raise KeyboardInterrupt

    clock.on_sleep = interrupt_later
    ended = ocean("logs", TAG, "-f")
    assert ended.code == 130
    assert ended.out == "3169c8a4 one\n4f0a1b2c two\n"
    assert [one.query.get("cursor") for one in fake.asked[:4]] == [None, ["c1"], ["c1"], ["c2"]]


def test_what_is_full_is_read_on_at_once(ocean: Ocean, fake: FakeOcean, clock: Clock) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    full = piece(*[line(str(number)) for number in range(1000)], more=True)
    fake.on("GET", MERGED, full, full, piece())
    clock.on_sleep = interrupt
    assert len(ocean("logs", TAG, "-f").out.splitlines()) == 100 + 1000


def test_what_is_looked_for(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("GET /a 200"), line("GET /b 500")))
    ended = ocean("logs", TAG, "--grep", "5..$", "--since", "2026-11-20T07:30:00+00:00", "--no-events")
    assert ended.out == "3169c8a4 GET /b 500\n"
    query = fake.asked[0].query
    assert (query["since"], query["events"], query["limit"]) == (
        ["2026-11-20T07:30:00+00:00"],
        ["false"],
        ["5000"],
    )
    assert ocean("logs", TAG, "--grep", "(").code == 2
    assert ocean("logs", TAG, "--since", "yesterday").code == 2


def test_programs_get_an_object_a_line(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("up"), line("on")))
    rows = [json.loads(text) for text in ocean("logs", TAG, "--json").out.splitlines()]
    assert [row["text"] for row in rows] == ["up", "on"]


def test_what_an_instance_writes_does_not_drive_the_terminal(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("\x1b]0;title\x07\x1b[2Jred: \x1b[31mx\x1b[0m\r")))
    assert ocean("logs", TAG).out == "3169c8a4 red: x\n"


@pytest.mark.parametrize(("task", "short"), [(ONE, "3169c8a4"), ("other.0123456789", "23456789")])
def test_short_names_of_tasks(task: str, short: str) -> None:
    assert short_task(task) == short
