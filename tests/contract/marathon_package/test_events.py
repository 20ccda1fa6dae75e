"""The `marathon` package's calls on the event stream, on the sandbox or a real Marathon."""

import json
from collections.abc import Iterator
from typing import Any

from marathon.models.events import (
    MarathonDeploymentInfo,
    MarathonDeploymentSuccess,
    MarathonEventStreamAttached,
    MarathonStatusUpdateEvent,
)

from tests.contract.marathon_package.calls import sleeper


class TestEvents:
    def test_event_stream(self, client: Any, group: str) -> None:
        events = client.event_stream()
        assert isinstance(next(events), MarathonEventStreamAttached)

        client.create_app(f"{group}/web", sleeper())
        seen = list(_until_success(events))
        assert any(isinstance(event, MarathonDeploymentInfo) for event in seen)
        states = [event.task_status for event in seen if isinstance(event, MarathonStatusUpdateEvent)]
        assert states.count("TASK_RUNNING") == 1

    def test_event_stream_of_some_kinds_and_raw(self, client: Any, group: str) -> None:
        kinds = [MarathonEventStreamAttached, MarathonDeploymentSuccess]
        events = client.event_stream(raw=True, event_types=kinds)
        assert json.loads(next(events))["eventType"] == "event_stream_attached"

        client.create_app(f"{group}/web", sleeper())
        assert json.loads(next(events))["eventType"] == "deployment_success"


def _until_success(events: Iterator[Any]) -> Iterator[Any]:
    for event in events:
        yield event
        if isinstance(event, MarathonDeploymentSuccess):
            return
