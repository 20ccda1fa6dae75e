from collections.abc import Iterator

import pytest

from clients.tests.server import LocalServer, local_server


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as found:
        yield found


@pytest.fixture
def other_server() -> Iterator[LocalServer]:
    with local_server() as found:
        yield found
