"""`make run` from its first start to its last word, with what may go wrong in between."""

import os
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import psutil
import pytest
import requests

from embedded.folder import Folder
from embedded.leftovers import MARK
from embedded.ports import refuse_busy
from embedded.stack import Stack
from embedded.waiting import wait_until
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningStack]:
    """A stack of this test's own, ended with it."""
    tmp_path.chmod(0o711)
    stack = RunningStack(tmp_path / "var")
    yield stack
    stack.down()


def _running(stack: RunningStack) -> list[str]:
    """The names of the stack's processes, tasks of its sandbox included."""
    names = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        is_task = environment.get("MESOS_SANDBOX", "").startswith(f"{stack.root}/")
        if is_task or environment.get(MARK) == str(stack.root):
            names.append(process.name())
    return names


def _start_task(stack: RunningStack) -> None:
    app = {"id": "/sleeper", "cmd": "exec sleep 3600", "cpus": 0.1, "mem": 32, "instances": 1}
    marathon = f"http://127.0.0.1:{stack.ports.marathon['staging']}"
    requests.post(f"{marathon}/v2/apps", json=app, timeout=10).raise_for_status()
    _wait_for_task(stack)


def _wait_for_task(stack: RunningStack) -> None:
    wait_until(lambda: "sleep" in _running(stack), what="the task runs", timeout_s=30)


def test_it_runs_once_survives_kills_and_leaves_nothing_behind(own: RunningStack) -> None:
    own.up()
    people = own.people
    assert set(people) == {"dev", "dev2", "dba", "sre"}
    assert own.url in own.output
    assert people["dev"].password in own.output
    _start_task(own)

    second = own.begin(own.root.with_name("second.out"))
    assert second.wait(60) == 1
    assert "already runs" in own.root.with_name("second.out").read_text()

    foreground = own.pid_of_foreground
    supervisor = psutil.Process(foreground).children()[0]
    os.kill(foreground, SIGKILL)
    supervisor.kill()
    assert {"postgres", "sleep"} <= set(_running(own))  # nobody is left to end them …

    own.up()  # … but the next run, which continues with the same data
    assert "that an earlier run had left" in own.output
    assert own.people == people
    _wait_for_task(own)

    own.down()
    assert _running(own) == []
    refuse_busy(Stack.planned(Folder(own.root), own.ports, {}).listening())


@pytest.mark.parametrize(
    "program", ["web", "worker", "beat", "watch", "scale", "sandbox", "redis", "postgres"]
)
def test_a_killed_program_is_started_again_and_all_is_healthy(stack: RunningStack, program: str) -> None:
    stack.kill(program)
    stack.wait_until_healthy()
