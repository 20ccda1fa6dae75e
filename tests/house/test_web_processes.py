"""Web processes: what they load before the first request, and that none outlives the one that started it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys

import psutil

from embedded.stack import CHECKOUT
from embedded.waiting import wait_until
from ocean_portal.processes import end_with_parent

_PARENT = """
import multiprocessing
from tests.house.test_web_processes import stay
child = multiprocessing.get_context("spawn").Process(target=stay)
child.start()
print(child.pid, flush=True)
child.join()
"""


def stay() -> None:
    """What the child does."""
    end_with_parent()
    multiprocessing.Event().wait()


def test_a_web_process_ends_when_the_one_that_started_it_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], cwd=CHECKOUT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not child.is_running(), what="the child has ended", timeout_s=20)


def test_the_first_process_has_nobody_to_end_with() -> None:
    assert multiprocessing.parent_process() is None
    end_with_parent()  # and nothing ends


def test_what_is_loaded_at_the_start_is_never_walked_again() -> None:
    code = (
        "import gc, sys, ocean_portal.asgi; "
        "print(gc.get_freeze_count() > 100_000, 'apps.jobs.views.lists' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
