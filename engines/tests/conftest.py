from collections.abc import Iterator

import pytest

from clients.tests.server import LocalServer, local_server


@pytest.fixture
def marathon() -> Iterator[LocalServer]:
    with local_server() as found:
        yield found


@pytest.fixture
def mesos() -> Iterator[LocalServer]:
    with local_server() as found:
        yield found
