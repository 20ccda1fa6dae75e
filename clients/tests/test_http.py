import base64
import logging
from collections.abc import Callable

import pytest

from clients.errors import ProtocolError, RemoteError, TimedOut, Unavailable
from clients.http import Credentials, HttpClient, Timeouts
from clients.tests.server import Hang, LocalServer, Reply, Reset, closed_port_url

QUICK = Timeouts(connect_s=1, read_s=0.2, total_s=5)


def client(**changes: object) -> HttpClient:
    return HttpClient("thing", timeouts=QUICK, **changes)  # type: ignore[arg-type]


def test_an_answer_of_any_status_is_handed_out(server: LocalServer) -> None:
    server.on("GET", "/a", Reply({"message": "no"}, status=422))

    response = client().send("GET", f"{server.url}/a", operation="get a", params={"force": True, "n": 3})

    assert (response.status_code, response.json()) == (422, {"message": "no"})
    assert server.asked[0].query == {"force": ["true"], "n": ["3"]}
    assert server.asked[0].headers["User-Agent"] == "ocean-portal/0.1"


def test_credentials_are_sent_and_never_logged(server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    server.on("GET", "/a", Reply({}))
    caplog.set_level(logging.DEBUG)
    credentials = Credentials("ocean", "geheimnis-海")

    client(credentials=credentials).send("GET", f"{server.url}/a", operation="get a")

    sent = base64.b64decode(server.asked[0].headers["Authorization"].removeprefix("Basic ")).decode()
    assert sent == "ocean:geheimnis-海"
    logged = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "geheimnis" not in logged + repr(credentials)


def test_each_call_is_logged_with_remote_operation_status_and_time(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.on("GET", "/a", Reply({}, status=404))
    caplog.set_level(logging.INFO, logger="clients.http")

    client().send("GET", f"{server.url}/a", operation="get a")

    (record,) = caplog.records
    said = {key: record.__dict__[key] for key in ("remote", "op", "status")}
    assert (record.getMessage(), said) == ("remote_call", {"remote": "thing", "op": "get a", "status": 404})
    assert record.__dict__["ms"] >= 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_listening_is_unavailable(method: str) -> None:
    with pytest.raises(Unavailable, match=r"^thing: ask: the connection failed: Connection refused$"):
        client().send(method, f"{closed_port_url()}/a", operation="ask")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_answer_in_time_is_timed_out_after_one_attempt(server: LocalServer, method: str) -> None:
    server.on(method, "/a", Hang())

    with pytest.raises(TimedOut):
        client().send(method, f"{server.url}/a", operation="ask")
    assert server.calls() == [f"{method} /a"]


def test_a_read_whose_connection_breaks_is_asked_once_more(server: LocalServer) -> None:
    server.on("GET", "/a", Reset(), Reply({"ok": True}))

    assert client().send("GET", f"{server.url}/a", operation="ask").json() == {"ok": True}
    assert server.calls() == ["GET /a", "GET /a"]


def test_a_read_that_breaks_twice_is_unavailable(server: LocalServer) -> None:
    server.on("GET", "/a", Reset())

    with pytest.raises(Unavailable):
        client().send("GET", f"{server.url}/a", operation="ask")
    assert len(server.calls()) == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_whose_connection_breaks_is_unknown_and_not_repeated(
    server: LocalServer, method: str
) -> None:
    server.on(method, "/a", Reset())

    with pytest.raises(TimedOut, match="broke before the answer came"):
        client().send(method, f"{server.url}/a", operation="ask")
    assert server.calls() == [f"{method} /a"]


def test_an_answer_that_breaks_off_is_an_error_not_a_short_answer(server: LocalServer) -> None:
    server.on("GET", "/a", Reset(b'{"half": '))

    with pytest.raises(Unavailable):
        client().send("GET", f"{server.url}/a", operation="ask")


def test_a_body_over_the_cap_is_refused(server: LocalServer) -> None:
    server.on("GET", "/a", Reply(b"x" * 200_000))

    with pytest.raises(ProtocolError, match="longer than 100000 bytes"):
        client(max_body_bytes=100_000).send("GET", f"{server.url}/a", operation="ask")


def test_a_redirect_is_not_followed(server: LocalServer) -> None:
    server.on("GET", "/a", Reply(status=302, headers={"Location": "/b"}))
    server.on("GET", "/b", Reply({}))

    with pytest.raises(ProtocolError, match=rf"HTTP 302 sends to {server.url},"):
        client().send("GET", f"{server.url}/a", operation="ask")
    assert server.calls() == ["GET /a"]


def test_cookies_are_not_kept(server: LocalServer) -> None:
    server.on("GET", "/a", Reply({}, headers={"Set-Cookie": "session=1; Path=/"}))
    http = client()

    for _ in range(2):
        http.send("GET", f"{server.url}/a", operation="ask")
    assert "Cookie" not in server.asked[1].headers


def test_the_environment_says_nothing(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", closed_port_url())
    server.on("GET", "/a", Reply({}))

    client().send("GET", f"{server.url}/a", operation="ask")
    assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("reply", "error"), [(Hang(), TimedOut), (Reset(b"some"), Unavailable)], ids=["silent", "broken"]
)
def test_a_stream_that_fails_while_it_is_read_raises_our_errors(
    server: LocalServer, reply: Reply, error: type[RemoteError]
) -> None:
    server.on("GET", "/a", reply)

    def read_all(read: Callable[[int], bytes]) -> None:
        while read(1024):
            pass

    with (
        pytest.raises(error),
        client().stream(f"{server.url}/a", operation="ask", idle_timeout_s=0.2) as response,
    ):
        read_all(response.raw.read1)
