import collections
import collections.abc
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests
from marathon import MarathonClient, NotFoundError

from tests.contract.marathon_package.calls import happens, running, settle, sleeper
from tests.contract.target import Target

SILENCE_S = 30.0


@pytest.fixture(autouse=True)
def old_collections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's JSON encoder asks for `collections.Iterable`, which Python 3.10 took away."""
    monkeypatch.setattr(collections, "Iterable", collections.abc.Iterable, raising=False)


class _Impatient(requests.Session):
    """For the package's event stream, which has no time-out and shows nothing until 512 bytes have gathered:
    a test must neither hang, nor wait for the cluster to say more."""

    def get(self, url: str | bytes, **options: Any) -> requests.Response:
        response = super().get(url, timeout=SILENCE_S, **options)
        response.iter_lines = partial(response.iter_lines, chunk_size=1)  # type: ignore[method-assign]
        return response


@pytest.fixture
def client(target: Target) -> Any:
    return MarathonClient(
        list(target.marathon_urls),
        timeout=10,
        username=target.username,
        password=target.password,
        sse_session=_Impatient(),
    )


@pytest.fixture
def group(client: Any, target: Target) -> Iterator[str]:
    """The path of a group of this test's own; what is below it is removed afterwards."""
    path = target.new_path()
    yield path
    happens(lambda: _deleted(client, path), f"group {path} is gone")


def _deleted(client: Any, path: str) -> bool:
    try:
        client.delete_group(path, force=True)
    except NotFoundError:
        return True
    return False


@pytest.fixture
def web(client: Any, group: str) -> str:
    """A running app of two instances."""
    app_id = f"{group}/web"
    client.create_app(app_id, sleeper(instances=2))
    happens(lambda: running(client, app_id) == 2, "two tasks run")
    settle(client)
    return app_id
