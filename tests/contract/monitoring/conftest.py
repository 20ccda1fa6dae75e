"""A Falcon and a Prometheus as processes of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from clients.falcon import FalconPush
from sandbox.falcon.testing import FalconProcess, running_falcon


@pytest.fixture(scope="package")
def falcon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FalconProcess]:
    """One for all tests that do not break it."""
    with running_falcon(tmp_path_factory.mktemp("falcon")) as found:
        yield found


@pytest.fixture
def push(falcon: FalconProcess) -> FalconPush:
    return FalconPush(falcon.url)


@pytest.fixture
def now() -> int:
    """The last multiple of the step."""
    return int(time.time()) // 5 * 5
