"""The stream byte for byte, its filter and sizes, and what happens to who does not read."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sandbox.events import UNDELIVERED_LIMIT, EventBus, Subscriber
from sandbox.faults.state import EventFaults
from sandbox.testing import FAST, running_sandbox
from sandbox.tests.api import Marathon


def raw_stream(marathon: Marathon, query: str = "") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(marathon.url.rpartition(":")[2])), timeout=10)
    request = f"GET /v2/events{query} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n"
    connection.sendall(request.encode())
    return connection


def test_the_bytes_are_marathons(marathon: Marathon) -> None:
    with raw_stream(marathon) as connection:
        received = b""
        while b'"event_stream_attached"' not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
    headers = head.lower().split(b"\r\n")
    assert headers[0] == b"http/1.1 200 ok"
    assert b"content-type: text/event-stream;charset=utf-8" in headers
    assert b"connection: close" in headers
    assert not any(line.startswith((b"transfer-encoding", b"content-length")) for line in headers)
    assert body.startswith(b'event: event_stream_attached\r\ndata: {"remoteAddress":"127.0.0.1",')
    assert body.endswith(b"}\r\n\r\n")


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream, */*", "application/json"])
def test_the_accept_header_must_be_exact(marathon: Marathon, accept: str) -> None:
    reply = marathon.call("GET", "/v2/events", headers={"Accept": accept})
    assert reply.status_code == 405
    assert reply.headers["Content-Type"].startswith("text/html")


def test_only_the_kinds_asked_for_come(marathon: Marathon) -> None:
    query = "event_type=event_stream_attached&event_type=deployment_success"
    with marathon.events(query) as log:
        marathon.create("/web")
        log.wait_for("deployment_success")
    assert log.kinds() == ["event_stream_attached", "deployment_success"]


def test_plans_are_heavy_unless_light_ones_are_asked_for(marathon: Marathon) -> None:
    with marathon.events("plan-format=light") as light, marathon.events("") as heavy:
        marathon.create("/web")
        [small], [large] = light.wait_for("deployment_success"), heavy.wait_for("deployment_success")
    assert set(small["plan"]) == {"id", "version", "steps"}
    assert large["plan"]["original"]["apps"] == []
    assert [app["id"] for app in large["plan"]["target"]["apps"]] == ["/web"]
    assert large["plan"]["steps"] == small["plan"]["steps"]


def test_health_events_name_the_instance(marathon: Marathon) -> None:
    with marathon.events() as log:
        marathon.create(
            "/web",
            cmd="exec sleep 1000",
            healthChecks=[
                {"protocol": "COMMAND", "command": {"value": "true"}, "intervalSeconds": 1, "delaySeconds": 0}
            ],
        )
        [changed] = log.wait_for("health_status_changed_event")
        [added] = log.of("add_health_check_event")
        [healthy] = log.of("instance_health_changed_event")
    instance = marathon.tasks("/web")[0]["id"].removesuffix("._app.1")
    assert (changed["instanceId"], changed["alive"], healthy["healthy"]) == (instance, True, True)
    assert "taskId" not in changed
    assert added["healthCheck"]["command"] == {"value": "true"}


def test_a_silent_stream_gets_a_lone_line_end_now_and_then(tmp_path: Path) -> None:
    timing = {**FAST, "sse_keep_alive_s": 0.1}
    with (
        running_sandbox(tmp_path, timing=timing) as sandbox,
        raw_stream(Marathon(sandbox.marathon)) as connection,
    ):
        received = b""
        while not received.endswith(b"\r\n\r\n\r\n\r\n"):
            received += connection.recv(65536)


def test_who_has_too_many_undelivered_events_is_cut() -> None:
    bus = EventBus(EventFaults())
    slow = Subscriber(kinds=frozenset(), light=True, remote="slow")
    cut: list[bool] = []
    slow.on_close = lambda: cut.append(True)
    bus.attach(slow)
    for _ in range(UNDELIVERED_LIMIT - 1):
        bus.publish("app_terminated_event", {"appId": "/web"})
    assert cut == []
    bus.publish("app_terminated_event", {"appId": "/web"})
    assert cut == [True]
    assert slow.closed


def test_spoiled_events_are_dropped_doubled_or_late_but_never_invented() -> None:
    faults = EventFaults(drop=0.2, duplicate=0.2, reorder=0.2)
    bus = EventBus(faults)
    reader = Subscriber(kinds=frozenset({"app_terminated_event"}), light=True, remote="")
    bus.attach(reader)
    for n in range(500):
        bus.publish("app_terminated_event", {"appId": f"/a{n}"})
    numbers = [int(part.split(b'"')[0]) for part in reader.pending().split(b'"appId":"/a')[1:]]
    assert len(numbers) == 500 - faults.dropped + faults.duplicated - faults.holding
    assert len(set(numbers)) == 500 - faults.dropped - faults.holding
    assert numbers != sorted(numbers)
    assert min(faults.dropped, faults.duplicated, faults.reordered) > 50
