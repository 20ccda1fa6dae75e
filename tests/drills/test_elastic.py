"""Scaling while things break, on a running Ocean: Falcon dead under high load, callbacks that are repeated, late or
forged, the loop killed, a slot that Chronos rings for. Falcon's samples are the test's own (no agent measures tasks
without a process); everything else is real."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from clients.falcon import FalconPortal, FalconPush, FalconToken, FalconTransport
from clients.falcon.push import AGENT
from clients.falcon.wire import Sample
from embedded.folder import Folder
from embedded.stack import CHECKOUT
from embedded.waiting import wait_until
from tests.api_client import Api, JobHandle, create
from tests.drills.test_rollouts import NOOP
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack

FALCON_AWAY_S = float(os.environ.get("OCEAN_DRILL_FALCON_AWAY_S", 20))
"""CI has time for four ticks of it."""
TAKEN_OVER_WITHIN_S = 10.0
STEP_S = 5
TICK_S = 5.6
"""A sample's time and this is when the tick after it comes (`apps.elastic.loop.process`)."""
APPOINTED = 4
RULE = {
    "metric": "qps",
    "mode": "threshold",
    "max": 9,
    "out": {"samples": 1, "above": 80},
    "in": {"samples": 1, "below": 60},
}
"""One sample is one step, either way."""


@dataclass(slots=True)
class Scaled:
    """A job that `RULE` scales, and what its instances say of themselves."""

    job: JobHandle
    push: FalconPush
    said_s: int = 0

    def say(self, qps: float, *, ticked: bool = False) -> int:
        """Every instance has so many requests a second, in a step that nothing was said of yet. Its time. `ticked`:
        when the loop has looked, so that it looks again only after four seconds."""
        after_s = TICK_S - STEP_S + 0.4 if ticked else 0
        wait_until(
            lambda: newest_step() > self.said_s and time.time() % STEP_S > after_s,
            what="the next step",
            timeout_s=3 * STEP_S,
        )
        self.said_s = newest_step()
        tasks = [one["task_id"] for one in self.job.instances()]
        self.push.push([Sample(task, "qps", qps, self.said_s, STEP_S) for task in tasks])
        return self.said_s

    @property
    def decision(self) -> Any:
        """The newest."""
        return self.job.api.get(f"{self.job.path}/scaling/")["status"]["decision"]

    @property
    def acts(self) -> list[Any]:
        """The decisions that were carried out, the oldest first."""
        path = f"{self.job.path}/scaling/history/?acted=true&page_size=100"
        return list(reversed(self.job.api.get(path)["results"]))

    def steps(self) -> list[tuple[int, int]]:
        """From where to where it went, each time by one operation; there was no other."""
        path = f"operations/?target={self.job.tag}&kind=job.scale&page_size=100"
        operations = [row["id"] for row in self.job.api.get(path)["results"]]
        acts = self.acts
        assert sorted(operations) == [row["operation"] for row in acts]
        return [(row["instances"], row["wanted"]) for row in acts]

    def goes_to(self, number: int, *, within_s: float = 15.0) -> Any:
        """Return the decision for this number, once as many instances are well."""
        wait_until(
            lambda: number in [row["wanted"] for row in self.acts],
            what=f"goes to {number}",
            timeout_s=within_s,
        )
        wait_until(lambda: self.job.is_well(number), what=f"{number} are well", timeout_s=15)
        return self.acts[-1]


def newest_step() -> int:
    return int(time.time()) // STEP_S * STEP_S


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.fixture(scope="module")
def dev(stack: RunningStack) -> Iterator[Api]:
    yield Api.of(stack, "dev")
    stack.wait_until_healthy()


@pytest.fixture(scope="module", autouse=True)
def appointment(dev: Api) -> Iterator[tuple[JobHandle, Any]]:
    """A job and its schedule for a whole minute that comes while the other drills run: they are what is waited for."""
    job = create(dev, **{**NOOP, "instances": 2})
    dev.done(f"{job.path}/publish/")
    start = (datetime.now(UTC) + timedelta(seconds=75)).replace(second=0, microsecond=0)
    body = {"start": f"{start:%Y-%m-%dT%H:%M}", "time_zone": "UTC", "interval": "P1D", "instances": APPOINTED}
    made = dev.post(f"{job.path}/schedules/", body)
    assert made.status == 201, made.body
    yield job, made.body
    job.remove()


@pytest.fixture
def scaled(dev: Api, stack: RunningStack) -> Iterator[Scaled]:
    job = create(dev, **{**NOOP, "instances": 2})
    dev.done(f"{job.path}/publish/")
    follow(job)
    yield Scaled(job, FalconPush(falcon_url(stack), path=AGENT))
    stack.wait_until_healthy()
    job.remove()


def follow(job: JobHandle) -> None:
    answer = job.api.call("PUT", f"{job.path}/scaling/", RULE)
    assert answer.status == 200, answer.body


def falcon_url(stack: RunningStack) -> str:
    return f"http://127.0.0.1:{stack.ports.falcon}"


def test_while_falcon_is_dead_nothing_shrinks_and_it_says_why_and_goes_on_by_itself(
    scaled: Scaled, stack: RunningStack
) -> None:
    scaled.say(90)
    scaled.goes_to(3)
    stack.stop("falcon")
    died = time.monotonic()
    try:
        wait_until(lambda: scaled.decision["verdict"] == "source_away", what="it says why", timeout_s=12)
        assert scaled.decision["text"] == "Stays at 3: the monitoring does not answer."

        def was_away() -> bool:
            assert scaled.job.row()["instances"]["wanted"] == 3
            return time.monotonic() - died > FALCON_AWAY_S

        wait_until(was_away, what="it was away for long", timeout_s=FALCON_AWAY_S + 10)
        assert scaled.decision["verdict"] == "source_away"
    finally:
        stack.start("falcon")
    wait_until(lambda: scaled.decision["verdict"] != "source_away", what="Falcon is read again", timeout_s=15)
    scaled.say(90)
    scaled.goes_to(4)
    assert scaled.steps() == [(2, 3), (3, 4)]


def test_of_two_loops_one_is_killed_and_the_other_goes_on_and_nothing_is_done_twice(
    scaled: Scaled, stack: RunningStack, tmp_path: Path
) -> None:
    log = Folder(stack.root).logs / "scale.log"
    stack.stop("scale")
    said_before = log.stat().st_size
    with another_loop(stack, tmp_path / "scale.out") as (killed, output):
        wait_until(says(output, "scale_started"), what="it works", timeout_s=20)
        stack.start("scale")
        wait_until(says(log, "scale_stands_by", after=said_before), what="one stands by", timeout_s=20)
        scaled.say(90)
        wait_until(lambda: len(scaled.acts) == 1, what="it acts", timeout_s=15)
        killed.kill()
        died = time.time()
    scaled.say(90)
    wait_until(lambda: len(scaled.acts) == 2, what="the other acts", timeout_s=15)
    assert seconds(scaled.acts[1]["time"]) - died < TAKEN_OVER_WITHIN_S
    assert says(log, "scale_started", after=said_before)()
    scaled.goes_to(4)
    assert scaled.steps() == [(2, 3), (3, 4)]


@contextmanager
def another_loop(stack: RunningStack, output: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A second `manage.py autoscale`, in the environment of the stack's own processes."""
    environ = Path(f"/proc/{stack.pid('worker')}/environ").read_text()
    environment = dict(item.split("=", 1) for item in environ.split("\0") if item)
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "autoscale"],
            cwd=CHECKOUT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, output
    finally:
        process.kill()
        process.wait()


def says(log: Path, event: str, *, after: int = 0) -> Callable[[], bool]:
    return lambda: f"event={event}".encode() in log.read_bytes()[after:]


def test_a_callback_acts_once_however_often_it_comes_and_a_late_or_forged_one_never(
    scaled: Scaled, dev: Api, stack: RunningStack
) -> None:
    stranger = create(dev)
    follow(stranger)
    url, strangers = callback_of(stack, scaled.job), callback_of(stack, stranger)
    with no_callbacks(stack):  # of Falcon's own: only the test's ring
        told = scaled.say(90, ticked=True)
        said = event()
        answers = [alarm(url, said) for _ in range(2)]
        assert [(answer.status_code, answer.json()["result"]) for answer in answers] == [
            (200, "accepted"),
            (200, "repeated"),
        ]
        assert seconds(scaled.goes_to(3)["time"]) < told + TICK_S
        assert [row["wanted"] for row in scaled.acts] == [3]

        told = scaled.say(90, ticked=True)
        for status in ("PROBLEM", "OK"):
            late = alarm(url, event(status, minutes_old=4))
            assert (late.status_code, late.json()["result"]) == (200, "late")
        signature = url.partition("&sig=")[2]
        for forged in (
            url.replace(signature, "0" * 32),
            url.replace(signature, strangers.partition("&sig=")[2]),
        ):
            refused = alarm(forged, event())
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:ocean:problem:forbidden")
        assert seconds(scaled.goes_to(4)["time"]) >= told + TICK_S  # by the sample, at its time
    assert scaled.steps() == [(2, 3), (3, 4)]
    stranger.remove()


def callback_of(stack: RunningStack, job: JobHandle) -> str:
    """The address that Falcon has been told to call for the job."""
    token = FalconToken(Folder(stack.root).secret("falcon_token"))
    portal = FalconPortal(FalconTransport(falcon_url(stack), token))
    name = f"ocean:staging:{job.tag}"
    wait_until(lambda: name in portal.templates(prefix=name), what=f"{name} is in Falcon", timeout_s=20)
    wait_until(
        lambda: bool(portal.template(portal.templates(prefix=name)[name]).action.url),
        what="with an action",
        timeout_s=10,
    )
    return portal.template(portal.templates(prefix=name)[name]).action.url


@contextmanager
def no_callbacks(stack: RunningStack) -> Iterator[None]:
    faults = f"{falcon_url(stack)}/faults"
    requests.put(faults, json={"no_callbacks": True}, timeout=5).raise_for_status()
    try:
        yield
    finally:
        requests.delete(faults, timeout=5).raise_for_status()


def event(status: str = "PROBLEM", *, minutes_old: float = 0) -> dict[str, str]:
    """What Falcon's alarm adds to the address."""
    at = datetime.now(UTC) - timedelta(minutes=minutes_old)
    return {
        "endpoint": "drill",
        "metric": "qps",
        "status": status,
        "step": "1",
        "priority": "0",
        "time": f"{at:%Y-%m-%d %H:%M:%S}",
        "tpl_id": "3",
        "exp_id": "0",
        "stra_id": "12",
        "left_value": "90",
        "tags": "",
    }


def alarm(url: str, said: dict[str, str]) -> requests.Response:
    """As Falcon's alarm calls."""
    return requests.get(url, params=said, timeout=5)


def test_a_slot_happens_through_chronos_once(
    appointment: tuple[JobHandle, Any], dev: Api, stack: RunningStack
) -> None:
    job, schedule = appointment
    due = seconds(schedule["next"])
    wait_until(lambda: time.time() > due, what="its time has come", timeout_s=75)
    wait_until(lambda: job.is_well(APPOINTED), what=f"{APPOINTED} instances", timeout_s=20)
    [run] = dev.get(f"{job.path}/schedules/runs/")["results"]
    assert (run["state"], run["trigger"], run["rung_by"]) == ("applied", "chronos", schedule["id"])
    assert run["lateness_s"] < 5
    scalings = dev.get(f"operations/?target={job.tag}&kind=job.scale")["results"]
    assert [row["id"] for row in scalings] == [run["operation"]]
    rows = requests.get(
        f"http://127.0.0.1:{stack.ports.chronos['staging']}/v1/scheduler/jobs", timeout=5
    ).json()
    [ticker] = [row for row in rows if row["name"].endswith(f"-schedule-{schedule['id']}")]
    assert ticker["successCount"] == 1
