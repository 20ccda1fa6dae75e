"""Ending with the `make` that started us, however it is ended."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals

import psutil
import pytest

from embedded.stack import CHECKOUT
from embedded.waiting import wait_until

_END_WITH_PARENT = """
import sys
from embedded.parent import Parent
from embedded.waiting import wait_until
parent = Parent.now()
print("up", flush=True)
wait_until(parent.wants_end, what="the parent wants an end", timeout_s=60)
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`make` in a session of its own, with a recipe that watches it."""
    (tmp_path / "child.py").write_text(_END_WITH_PARENT)
    (tmp_path / "Makefile").write_text(f"run:\n\t@exec env PYTHONPATH={CHECKOUT} {sys.executable} child.py\n")
    # Not a part of the `make` that may be running these tests.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    with subprocess.Popen(
        ["make", "run"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


@pytest.mark.needs_program("make")
@pytest.mark.parametrize("number", [SIGINT, SIGKILL])
def test_a_signal_to_make_alone_ends_its_child_too(make: subprocess.Popen[str], number: Signals) -> None:
    (child,) = psutil.Process(make.pid).children()
    make.send_signal(number)
    wait_until(lambda: not child.is_running(), what="the child ends", timeout_s=20)
    make.wait(20)
