"""What holds for every test: no sleeping, no socket beyond this machine, no silent skip in CI."""

import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

_real_sleep = time.sleep
_real_connect = socket.socket.connect


@pytest.fixture(autouse=True)
def no_sleeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that sleeps is slow and still flaky: wait for a condition with `embedded.waiting.wait_until`."""

    def sleep(seconds: float) -> None:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.startswith("tests.") or ".tests." in caller:
            raise AssertionError(
                f"{caller} sleeps; wait for a condition instead (embedded.waiting.wait_until)"
            )
        _real_sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep)


@pytest.fixture(autouse=True)
def no_far_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite gives the same answer without a network."""

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_near(address[0]):
            raise AssertionError(f"a test connects to {address[0]}: only loopback is allowed")
        _real_connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """The language that a request asked for stays on in its thread: no test reads it as another one left it."""
    with translation.override("en"):
        yield


def pytest_configure() -> None:
    """Programs that a test starts hear Ctrl-C and a hang-up, also where the tests run in the background or under nohup.

    What is ignored here is inherited; a handler of our own, which does as little, is not.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def _is_near(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Apply `needs_program`: a skip is for a developer's machine, in CI it would hide that nothing is tested."""
    for marker in item.iter_markers("needs_program"):
        name = marker.args[0]
        if shutil.which(name) is None:
            reason = f"{name} is not installed (see scripts/system_programs.sh)"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
