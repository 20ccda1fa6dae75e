"""What a killed run left is ended with all its children; other processes stay."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL

import psutil
import pytest

from embedded.leftovers import MARK, end_leftovers

# A shell that has a child with an empty environment, as a task's may be.
_PARENT_OF_A_STRANGER = 'env -i sleep 600 & echo "$!"; wait'


_STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
signal.pause()
"""


@contextmanager
def _family(mark: Path) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """A marked process and its unmarked child."""
    with subprocess.Popen(
        ["sh", "-c", _PARENT_OF_A_STRANGER],
        env={**os.environ, MARK: str(mark)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        yield psutil.Process(parent.pid), child
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, SIGKILL)


def test_marked_processes_and_their_children_end_and_others_stay(tmp_path: Path) -> None:
    with _family(tmp_path / "ours") as ours, _family(tmp_path / "other") as others:
        assert end_leftovers(tmp_path / "ours") == 2
        assert [process.is_running() for process in ours] == [False, False]
        assert [process.is_running() for process in others] == [True, True]


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.leftovers._GRACE_S", 0.2)
    stubborn = subprocess.Popen(
        [sys.executable, "-c", _STUBBORN],
        env={**os.environ, MARK: str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    found = psutil.Process(stubborn.pid)
    assert end_leftovers(tmp_path) == 1
    assert not found.is_running()
