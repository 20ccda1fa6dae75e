"""Hooks: their rules, and the shell around the command with real processes, signalled as executors do."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.core.errors import InvalidInput
from apps.jobs.spec import spec_validate
from apps.jobs.spec.hooks import hooked_command
from apps.jobs.tests.factories import make_spec
from embedded.waiting import wait_until

SERVER = 'trap "echo told >>order; exit 7" TERM; echo up >>order; while :; do sleep 0.05; done'
"""Says when it is up and when it is told to stop, and then ends with 7."""


class Task:
    """The command as an executor starts it: the leader of a session, with its output in files."""

    def __init__(self, folder: Path, command: str, *, grace_s: int = 10, **hooks: Any) -> None:
        self.folder = folder
        script = hooked_command(command, hooks=hooks, kill_grace_s=grace_s)
        with open(folder / "stderr", "wb") as stderr:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", script], cwd=folder, stderr=stderr, start_new_session=True
            )

    def said(self, file: str = "order") -> list[str]:
        path = self.folder / file
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def until_says(self, line: str, file: str = "order") -> None:
        wait_until(lambda: line in self.said(file), what=f"it says {line!r}", timeout_s=10)

    def ends_with(self) -> int:
        return self.process.wait(timeout=10)

    def signal_group(self, number: signal.Signals) -> None:
        """As the sandbox does."""
        os.killpg(self.process.pid, number)

    def signal_tree(self, number: signal.Signals) -> None:
        """As Mesos' command executor does (stout's `os::killtree`, with groups and sessions)."""
        for pid in tree_of(self.process.pid):
            os.kill(pid, number)


def processes() -> dict[int, tuple[int, int, int]]:
    """Parent, group and session of everything that lives, zombies left out."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, group, session = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if state not in "ZX":
            found[int(path.parent.name)] = (int(parent), int(group), int(session))
    return found


def tree_of(root: int) -> set[int]:
    known, tree, todo = processes(), set(), [root]
    while todo:
        pid = todo.pop()
        if pid in tree or pid not in known:
            continue
        tree.add(pid)
        _, group, session = known[pid]
        todo += [
            other for other, (parent, g, s) in known.items() if parent == pid or g == group or s == session
        ]
    return tree


def lives(pid: int) -> bool:
    return pid in processes()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Task]]:
    tasks = []

    def started(command: str, **options: Any) -> Task:
        tasks.append(Task(tmp_path, command, **options))
        return tasks[-1]

    yield started
    for task in tasks:
        if task.process.poll() is None:
            task.signal_group(signal.SIGKILL)
            task.process.wait()


PRE_STOP = {"command": "echo draining >>order; sleep 0.3; echo drained >>order", "timeout_s": 5}


@pytest.mark.parametrize("way", ["signal_group", "signal_tree"])
def test_pre_stop_is_over_before_the_command_is_told(start: Callable[..., Task], way: str) -> None:
    task = start(SERVER, pre_stop=PRE_STOP)
    task.until_says("up")
    getattr(task, way)(signal.SIGTERM)
    assert task.ends_with() == 7
    assert task.said() == ["up", "draining", "drained", "told"]


def test_pre_stop_that_fails_stops_nothing_and_is_logged(start: Callable[..., Task]) -> None:
    task = start(SERVER, pre_stop={"command": "exit 3", "timeout_s": 5})
    task.until_says("up")
    task.signal_tree(signal.SIGTERM)
    assert task.ends_with() == 7
    assert "ocean: pre_stop failed: exit status 3" in task.said("stderr")


def test_pre_stop_that_hangs_is_ended_in_time(start: Callable[..., Task]) -> None:
    task = start(SERVER, pre_stop={"command": "echo $$ >hook; sleep 600", "timeout_s": 1})
    task.until_says("up")
    task.signal_tree(signal.SIGTERM)
    assert task.ends_with() == 7
    assert "ocean: pre_stop took longer than 1 s and was ended" in task.said("stderr")
    assert not lives(int(task.said("hook")[0]))


def test_a_kill_in_the_middle_leaves_no_process(start: Callable[..., Task]) -> None:
    task = start(
        "echo $$ >main; exec sleep 600", pre_stop={"command": "echo $$ >hook; sleep 600", "timeout_s": 500}
    )
    wait_until(lambda: bool(task.said("main")), what="the command runs", timeout_s=10)
    task.signal_group(signal.SIGTERM)
    wait_until(lambda: bool(task.said("hook")), what="pre_stop runs", timeout_s=10)
    task.signal_group(signal.SIGKILL)
    assert task.ends_with() == -signal.SIGKILL
    for file in ("main", "hook"):
        [pid] = map(int, task.said(file))
        wait_until(lambda pid=pid: not lives(pid), what=f"{file} is gone", timeout_s=5)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("command", "status"), [("true", 0), ("exit 5", 5), ("kill -9 $$", 137), ("nonesuch", 127)]
)
def test_the_command_s_exit_status_is_the_instance_s(
    start: Callable[..., Task], command: str, status: int
) -> None:
    task = start(
        command, pre_stop=PRE_STOP, post_start={"command": "sleep 600", "timeout_s": 500, "required": True}
    )
    assert task.ends_with() == status


def test_a_signal_that_is_no_stop_reaches_the_command(start: Callable[..., Task]) -> None:
    command = 'trap "echo again >>order" HUP; echo up >>order; while :; do sleep 0.05; done'
    task = start(command, pre_stop=PRE_STOP)
    task.until_says("up")
    task.process.send_signal(signal.SIGHUP)
    task.until_says("again")


def test_post_start_runs_beside_the_command_and_its_failure_is_logged(start: Callable[..., Task]) -> None:
    task = start(
        SERVER, post_start={"command": "echo warm >>order; exit 4", "timeout_s": 5, "required": False}
    )
    task.until_says("up")
    task.until_says("ocean: post_start failed: exit status 4", "stderr")
    assert "warm" in task.said()
    task.signal_group(signal.SIGTERM)
    assert task.ends_with() == 7


def test_a_post_start_that_has_to_succeed_ends_the_instance(start: Callable[..., Task]) -> None:
    task = start(SERVER, post_start={"command": "sleep 0.3; exit 4", "timeout_s": 5, "required": True})
    assert task.ends_with() == 4
    assert task.said() == ["up", "told"]


def test_a_command_that_does_not_hear_a_failed_post_start_is_ended_after_the_grace(
    start: Callable[..., Task],
) -> None:
    deaf = 'trap "" TERM; sleep 600'
    task = start(deaf, grace_s=1, post_start={"command": "sleep 600", "timeout_s": 1, "required": True})
    assert task.ends_with() == 124


def test_an_image_without_what_hooks_need_says_so(tmp_path: Path) -> None:
    script = hooked_command("echo never", hooks={"pre_stop": PRE_STOP}, kill_grace_s=10)
    ran = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, env={"PATH": "/nowhere"}, capture_output=True
    )
    assert (ran.returncode, ran.stdout) == (127, b"")
    assert b"hooks need the program 'mkfifo'" in ran.stderr


def errors_of(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        spec_validate(data)
    return {error.field: error.code for error in caught.value.errors}


@pytest.mark.parametrize(
    ("data", "field", "code"),
    [
        ({"pre_stop": {"command": "x y", "timeout_s": 10}}, "pre_stop.timeout_s", "max_value"),
        ({"pre_stop": {}}, "pre_stop.command", "required"),
        ({"pre_stop": {"command": "x y", "required": True}}, "pre_stop.required", "unknown_field"),
        ({"post_start": {"command": "x y", "timeout_s": 0}}, "post_start.timeout_s", "min_value"),
    ],
)
def test_a_bad_hook_is_named_by_its_path(data: Any, field: str, code: str) -> None:
    assert errors_of({"command": "x y", "hooks": data}) == {f"spec.hooks.{field}": code}


def test_an_image_s_own_entry_point_has_no_hooks() -> None:
    data = {"image": "nginx", "hooks": {"pre_stop": {"command": "x y"}}}
    assert errors_of(data) == {"spec.hooks.pre_stop.command": "invalid"}


def test_hooks_are_kept_as_they_were_written() -> None:
    hooks = {"pre_stop": {"command": "nginx -s quit", "timeout_s": 8}}
    assert make_spec(hooks=hooks)["hooks"] == hooks
    assert make_spec()["hooks"] == {}
