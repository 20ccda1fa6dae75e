"""`--wait`, `wait`, and Ctrl-C in the middle."""

from __future__ import annotations

import json

import pytest

from ocean_cli.tests.conftest import Clock, Ocean
from ocean_cli.tests.fake import TAG, FakeOcean, Reply, operation, problem, said

JOB = f"jobs/{TAG}/"
SEVEN = "operations/7/"


def test_what_is_said_comes_as_it_is_said_and_once(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", f"{JOB}publish/", Reply(operation(), 202))
    first, second = said("The scheduler took it."), said("1 of 3 are well.", "warning")
    fake.on(
        "GET",
        SEVEN,
        operation("running", log=[first]),
        operation("waiting", log=[first]),
        operation("succeeded", log=[first, second]),
    )
    ended = ocean("publish", TAG, "--wait")
    assert ended.code == 0
    assert ended.err == (
        "08:00:01 The scheduler took it.\n08:00:01 warning: 1 of 3 are well.\npublish web@staging (#7): succeeded\n"
    )
    assert ended.out == "publish web@staging (#7) succeeded.\n"


def test_without_waiting_it_says_how_to_follow(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", f"{JOB}publish/", Reply(operation(), 202))
    assert ocean("publish", TAG).out == "publish web@staging (#7) is asked for. `ocean wait 7` follows it.\n"
    assert ocean("publish", TAG, "-q").out == "7\n"
    assert json.loads(ocean("publish", TAG, "--json").out)["id"] == 7


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_what_did_not_succeed_is_exit_code_1_with_its_reason(
    ocean: Ocean, fake: FakeOcean, state: str
) -> None:
    fake.on("GET", SEVEN, operation(state, error="The check last said: 404."))
    ended = ocean("wait", "7")
    assert ended.code == 1
    assert f"Error: publish web@staging (#7) {state}: The check last said: 404.\n" in ended.err


def test_a_failed_one_still_gives_programs_its_json(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", SEVEN, operation("failed", error="No."))
    ended = ocean("wait", "7", "--json")
    assert (ended.code, json.loads(ended.out)["state"]) == (1, "failed")


def test_several_are_followed_together(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", SEVEN, operation("waiting"), operation("succeeded"))
    fake.on("GET", "operations/8/", operation("succeeded", id=8, kind="job.scale", log=[said("Done.")]))
    ended = ocean("wait", "7", "8", "7")
    assert ended.code == 0
    assert "08:00:01 scale web@staging (#8): Done.\n" in ended.err
    assert ended.out.splitlines() == [
        "publish web@staging (#7) succeeded.",
        "scale web@staging (#8) succeeded.",
    ]


def test_the_pause_grows_while_nothing_happens(ocean: Ocean, fake: FakeOcean, clock: Clock) -> None:
    waiting = operation("waiting")
    fake.on("GET", SEVEN, *[waiting] * 12, operation("succeeded"))
    assert ocean("wait", "7").code == 0
    assert clock.naps == sorted(clock.naps)
    assert 0 < clock.naps[0] < 1
    assert clock.naps[-1] == 2.0


def test_it_goes_on_without_whoever_ran_out_of_time(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", SEVEN, operation("waiting", message="1 of 3 are well."))
    ended = ocean("wait", "7", "--timeout", "5")
    assert ended.code == 6
    assert "did not end in time, and goes on. It says: 1 of 3 are well." in ended.err
    assert "`ocean wait 7` follows it, `ocean cancel 7` asks for its end." in ended.err


def test_control_c_leaves_it_running_and_says_how_to_go_on(
    ocean: Ocean, fake: FakeOcean, clock: Clock
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    fake.on("GET", SEVEN, operation("waiting"))
    clock.on_sleep = interrupt
    ended = ocean("wait", "7")
    assert ended.code == 130
    assert ended.err.startswith("publish web@staging (#7) goes on without you.\n`ocean wait 7` follows again")
    assert fake.calls("POST", "operations/7/cancel/") == []


def test_what_waits_for_a_person_says_what_they_can_say_once(ocean: Ocean, fake: FakeOcean) -> None:
    held = operation("waiting", controls=["pause", "go-on", "undo"])
    paused = operation("waiting", controls=["resume", "undo"])
    fake.on("GET", SEVEN, operation("running"), held, held, paused, held, operation("succeeded"))
    lines = ocean("wait", "7").err.splitlines()
    waits = "publish web@staging (#7) waits: `ocean go-on 7` trusts the new version, `ocean undo 7` takes it back."
    stands = "publish web@staging (#7) is paused: `ocean resume 7` goes on, `ocean undo 7` takes it back."
    assert lines == [waits, stands, waits, "publish web@staging (#7): succeeded"]


def test_a_console_that_restarts_meanwhile_is_waited_for(ocean: Ocean, fake: FakeOcean, clock: Clock) -> None:
    away = [Reply(cut=True)] * 6
    fake.on("GET", SEVEN, operation("running"), *away, operation("succeeded"))
    ended = ocean("wait", "7")
    assert ended.code == 0, ended.err
    assert "does not answer. Asking again in" in ended.err


def test_cancel(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("POST", "operations/7/cancel/", Reply(operation("waiting"), 202))
    assert (
        ocean("cancel", "7").out == "publish web@staging (#7) was asked to end. `ocean wait 7` follows it.\n"
    )


def test_an_operation_that_is_not_there(ocean: Ocean, fake: FakeOcean) -> None:
    fake.on("GET", SEVEN, problem(404, "not-found", "There is no such thing."))
    assert ocean("operation", "7").code == 4
