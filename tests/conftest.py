"""Fixtures of the tests that cross rooms."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running_stack import RunningStack


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """The whole Ocean, up and healthy, shared by all tests marked `stack`: leave it healthy."""
    # Not pytest's own temporary folder: that stays after the session, and this one is large.
    with tempfile.TemporaryDirectory(prefix="ocean-stack-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs under another account when the tests run as root
        running = RunningStack(Path(folder) / "var")
        running.up()
        yield running
        running.down()
