"""The `marathon` package's calls on the server itself, on the sandbox or a real Marathon."""

from typing import Any

import pytest
from marathon import MarathonHttpError

from tests.contract.marathon_package.calls import happens


class TestServer:
    def test_ping(self, client: Any) -> None:
        assert client.ping().strip().strip(b'"') == b"pong"

    def test_info(self, client: Any) -> None:
        info = client.get_info()

        assert info.name
        assert info.version.startswith("1.")
        assert info.framework_id
        assert info.leader == client.get_leader()["leader"]

    def test_metrics(self, client: Any) -> None:
        assert {"gauges", "counters"} <= client.get_metrics().keys()

    def test_event_subscriptions_are_gone_since_1_5(self, client: Any) -> None:
        for call in (
            client.list_event_subscriptions,
            lambda: client.create_event_subscription("http://127.0.0.1:1/"),
            lambda: client.delete_event_subscription("http://127.0.0.1:1/"),
        ):
            with pytest.raises(MarathonHttpError):
                call()

    @pytest.mark.usefixtures("faults")  # not on a Marathon that others use
    def test_delete_leader(self, client: Any) -> None:
        assert client.delete_leader()["message"] == "Leadership abdicated"
        happens(lambda: _answers(client), "a leader answers again")


def _answers(client: Any) -> bool:
    try:
        return bool(client.get_leader()["leader"])
    except MarathonHttpError:
        return False
