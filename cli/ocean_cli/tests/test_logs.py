"""`ocean logs`: all instances together, on and on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocean_cli.commands.logs import short_task
from ocean_cli.tests.conftest import Clock, Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply

MERGED = f"jobs/{TAG}/logs/merged/"
ONE, TWO = (f"xiaomi_shop_web.instance-{number}-e4c0-11f1._app.1" for number in ("3169c8a4", "4f0a1b2c"))


def line(text: str, *, task: str = ONE, **fields: Any) -> dict[str, Any]:
    row = {"time": "2026-11-20T08:00:00Z", "source": "log", "task_id": task, "file": "stdout", "version": 1}
    return {**row, "level": None, "text": text, **fields}


def event(text: str) -> dict[str, Any]:
    return line(text, source="event", task=None, file=None, level="warning")  # type: ignore[arg-type]


def piece(*lines: dict[str, Any], cursor: str = "c1") -> dict[str, Any]:
    return {"lines": list(lines), "cursor": cursor, "gone": []}


def test_each_line_says_whose_it_is_and_what_happened_stands_between(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("up"), event("An instance ended: 137."), line("up too", task=TWO)))
    ended = ocean("logs", TAG, "--tail", "50", "--stdout", "--version", "3")
    assert ended.out == "3169c8a4 up\n2026-11-20 08:00:00 — An instance ended: 137.\n4f0a1b2c up too\n"
    assert fake.asked[0].query == {"limit": ["50"], "version": ["3"], "file": ["stdout"]}


def test_one_instance_needs_no_name_before_its_lines(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("up")))
    assert ocean("logs", TAG, "--task", ONE).out == "up\n"
    assert fake.asked[0].query["task"] == [ONE]


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

    full = piece(*[line(str(number)) for number in range(1000)])
    fake.on("GET", MERGED, full, full, piece())
    clock.on_sleep = interrupt
    assert len(ocean("logs", TAG, "-f").out.splitlines()) == 2000


def test_what_is_looked_for(ocean: Ocean, fake: FakeOcean) -> None:
    rows = [
        line("GET /a 200"),
        line("GET /b 500"),
        line("old 500", time="2026-11-20T07:00:00Z"),
        event("500"),
    ]
    fake.on("GET", MERGED, piece(*rows))
    ended = ocean("logs", TAG, "--grep", "5..$", "--since", "2026-11-20T07:30:00+00:00", "--no-events")
    assert ended.out == "3169c8a4 GET /b 500\n"
    assert ocean("logs", TAG, "--grep", "(").code == 2
    assert ocean("logs", TAG, "--since", "yesterday").code == 2


def test_programs_get_an_object_a_line(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("up"), line("on")))
    rows = [json.loads(text) for text in ocean("logs", TAG, "--json").out.splitlines()]
    assert [row["text"] for row in rows] == ["up", "on"]


def test_what_an_instance_writes_does_not_drive_the_terminal(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", MERGED, piece(line("\x1b]0;title\x07\x1b[2Jred: \x1b[31mx\x1b[0m\r")))
    assert ocean("logs", TAG, "--task", ONE).out == "red: x\n"


@pytest.mark.parametrize(("task", "short"), [(ONE, "3169c8a4"), ("other.0123456789", "23456789")])
def test_short_names_of_tasks(task: str, short: str) -> None:
    assert short_task(task) == short
