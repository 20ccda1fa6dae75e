"""The event stream: trap 5 (the package's has no time-out, and fails with AttributeError)."""

import json
import threading

import pytest

from clients.errors import ProtocolError, TimedOut, Unauthorized, Unavailable
from clients.http import Credentials, Timeouts
from clients.marathon import MarathonApi
from clients.tests.server import LocalServer, Reply, Stream, closed_port_url


def api(*urls: str) -> MarathonApi:
    return MarathonApi(urls, credentials=Credentials("u", "p"), timeouts=Timeouts(connect_s=1, read_s=0.2))


def frame(**event: object) -> bytes:
    kind = str(event["eventType"]).encode()
    return b"event: %b\r\ndata: %b\r\n\r\n" % (kind, json.dumps(event).encode())


def test_events_come_one_by_one_and_keep_alives_are_swallowed(server: LocalServer) -> None:
    first, second = {"eventType": "a", "n": 1}, {"eventType": "b", "text": "ü 海"}
    server.on("GET", "/v2/events", Stream(b"\r\n", frame(**first), b"\r\n\r\n", frame(**second)))
    found: list[object] = []

    with (
        pytest.raises(Unavailable, match="ended the stream"),
        api(server.url).events(idle_timeout_s=5) as events,
    ):
        found.extend(events)
    assert found == [first, second]
    assert server.asked[0].headers["Accept"] == "text/event-stream"
    assert server.asked[0].query == {"plan-format": ["light"]}


def test_a_lone_event_is_not_kept_back(server: LocalServer) -> None:
    go_on = threading.Event()
    server.on("GET", "/v2/events", Stream(frame(eventType="small"), go_on, frame(eventType="next")))

    with api(server.url).events(idle_timeout_s=5) as events:
        assert next(events) == {"eventType": "small"}  # 40 bytes, and nothing after them yet
        go_on.set()
        assert next(events) == {"eventType": "next"}


def test_an_event_may_come_in_pieces(server: LocalServer) -> None:
    whole = frame(eventType="split", text="x" * 200_000)
    server.on("GET", "/v2/events", Stream(whole[:5], whole[5:100_000], whole[100_000:]))

    with api(server.url).events(idle_timeout_s=5) as events:
        assert len(next(events)["text"]) == 200_000


def test_a_silent_stream_times_out(server: LocalServer) -> None:
    server.on("GET", "/v2/events", Stream(frame(eventType="a"), None))

    found: list[object] = []

    with pytest.raises(TimedOut), api(server.url).events(idle_timeout_s=0.2) as events:
        found.extend(events)
    assert found == [{"eventType": "a"}]


@pytest.mark.parametrize(
    "line", [b"data: {not json\r\n\r\n", b'data: {"no": "type"}\r\n\r\n', b"data: 3\r\n\r\n"]
)
def test_what_is_no_event_is_a_protocol_error(server: LocalServer, line: bytes) -> None:
    server.on("GET", "/v2/events", Stream(line))

    with pytest.raises(ProtocolError), api(server.url).events(idle_timeout_s=5) as events:
        next(events)


def test_a_standby_sends_to_the_leader_and_the_password_goes_along(
    server: LocalServer, other_server: LocalServer
) -> None:
    there = {"Location": f"{other_server.url}/v2/events?plan-format=light"}
    server.on("GET", "/v2/events", Reply(status=302, headers=there))
    other_server.on("GET", "/v2/events", Stream(frame(eventType="a")))

    with api(server.url).events(idle_timeout_s=5) as events:
        assert next(events) == {"eventType": "a"}
    assert other_server.asked[0].headers["Authorization"].startswith("Basic ")


def test_a_redirect_to_anywhere_else_is_not_followed(server: LocalServer, other_server: LocalServer) -> None:
    there = {"Location": f"{other_server.url}/login"}
    server.on("GET", "/v2/events", Reply(status=302, headers=there))

    with pytest.raises(ProtocolError, match="/login"), api(server.url).events(idle_timeout_s=5):
        pass
    assert other_server.asked == []


def test_the_next_server_is_asked_when_the_first_is_away(server: LocalServer) -> None:
    server.on("GET", "/v2/events", Stream(frame(eventType="a")))

    with api(closed_port_url(), server.url).events(idle_timeout_s=5) as events:
        assert next(events) == {"eventType": "a"}


def test_a_refusal_is_told_as_ever(server: LocalServer) -> None:
    server.on("GET", "/v2/events", Reply(b"<html>", status=401, content_type="text/html"))

    with pytest.raises(Unauthorized), api(server.url).events(idle_timeout_s=5):
        pass
