import json

import pytest

from clients.errors import (
    Conflict,
    NotFound,
    ProtocolError,
    Refused,
    RemoteError,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from clients.falcon import FalconGraph, FalconLogin, FalconPortal, FalconPush, FalconToken, FalconTransport
from clients.falcon.wire import HostGroup, LastPoint, Sample, Strategy, number_text
from clients.http import Timeouts
from clients.tests.server import Asked, Hang, LocalServer, Reply, closed_port_url

GROUPS = "/api/v1/hostgroup"
LOGIN = "/api/v1/user/login"


def transport(url: str, access: FalconToken | FalconLogin | None = None) -> FalconTransport:
    return FalconTransport(url, access or FalconToken("t"), timeouts=Timeouts(connect_s=1, read_s=0.2))


def token(asked: Asked) -> object:
    return json.loads(asked.headers["Apitoken"])


def test_the_servers_token_goes_out_under_an_admins_name(server: LocalServer) -> None:
    server.on("GET", GROUPS, Reply([{"id": 1, "grp_name": "ocean.a"}, {"id": 2, "grp_name": "other"}]))

    assert FalconPortal(transport(server.url)).groups(prefix="ocean.") == [HostGroup(1, "ocean.a")]
    (asked,) = server.asked
    assert token(asked) == {"name": "root", "sig": "t"}
    assert asked.query == {"q": [r"^ocean\."]}


def test_no_token_at_all_is_refused_in_falcons_words(server: LocalServer) -> None:
    server.on("GET", GROUPS, Reply({"error": "not found this session"}, status=401))
    with pytest.raises(Unauthorized, match="not found this session"):
        FalconPortal(FalconTransport(server.url, FalconToken(""))).groups()


def test_a_session_is_begun_when_needed_and_again_when_it_has_gone(server: LocalServer) -> None:
    server.on("POST", LOGIN, *(Reply({"sig": sig, "name": "ann", "admin": True}) for sig in ("one", "two")))
    server.on("GET", GROUPS, Reply([]), Reply({"error": "not found this session"}, status=401), Reply([]))
    portal = FalconPortal(transport(server.url, FalconLogin("ann", "pw")))

    assert portal.groups() == portal.groups() == []
    assert [token(asked) for asked in server.asked if asked.path == GROUPS] == [
        {"name": "ann", "sig": sig} for sig in ("one", "one", "two")
    ]
    assert server.calls("POST") == [f"POST {LOGIN}"] * 2


def test_a_wrong_password_is_said_so_and_never_shown(server: LocalServer) -> None:
    server.on("POST", LOGIN, Reply({"error": "password error"}, status=400))

    with pytest.raises(Unauthorized, match="password error") as caught:
        FalconPortal(transport(server.url, FalconLogin("ann", "s3cret"))).ping()
    assert "s3cret" not in f"{caught.value}{FalconLogin('ann', 's3cret')}{FalconToken('s3cret')}"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply({"error": "record not found"}, status=400), NotFound),
        (Reply({"error": "record not found"}, status=417), NotFound),
        (Reply({"error": "Error 1062: Duplicate entry 'g' for key"}, status=417), Conflict),
        (Reply({"error": "this binding already existing, reject!"}, status=400), Conflict),
        (Reply(b'{"error": "Key: required"}', status=400, content_type="text/plain"), Refused),
        (Reply({"error": "not found this session"}, status=401), Unauthorized),
        (Reply(b"404 page not found", status=404, content_type="text/plain"), ProtocolError),
        (Reply(b"", status=500), Unavailable),
        (Reply(b"<html>", content_type="text/html"), ProtocolError),
        (Reply({"hostgroup": {}}), ProtocolError),
        (Hang(), TimedOut),
    ],
    ids=[
        "missing", "missing in 417", "taken", "bound", "bad body", "no session", "no such call", "panic", "a page",
        "another shape", "silent",
    ],
)  # fmt: skip
def test_errors_are_told_apart(server: LocalServer, reply: Reply, error: type[RemoteError]) -> None:
    server.on("GET", f"{GROUPS}/1", reply)

    with pytest.raises(error):
        FalconPortal(transport(server.url)).group_hosts(1)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        FalconPortal(transport(closed_port_url())).ping()


@pytest.mark.parametrize(
    ("value", "text"),
    [(80, "80"), (80.0, "80"), (-1.5, "-1.5"), (1e7, "10000000"), (0.1 + 0.2, "0.3"), (-0.0, "0")],
)
def test_thresholds_are_texts_without_exponents(value: float, text: str) -> None:
    assert number_text(value) == text


def test_an_old_server_answers_a_creation_without_the_id(server: LocalServer) -> None:
    server.on("POST", "/api/v1/template", Reply({"message": "template created"}))
    rows = [{"template": {"id": 7, "tpl_name": "ocean.a"}}, {"template": {"id": 8, "tpl_name": "ocean.ab"}}]
    server.on("GET", "/api/v1/template", Reply({"templates": rows}))

    assert FalconPortal(transport(server.url)).create_template("ocean.a") == 7


def test_every_field_of_a_strategy_is_sent(server: LocalServer) -> None:
    server.on("PUT", "/api/v1/strategy", Reply({"message": "ok"}))
    strategy = Strategy("qps", "all(#1)", ">", 80, max_step=9999)

    FalconPortal(transport(server.url)).update_strategy(5, strategy)
    body = server.asked[0].json
    assert body == {
        "id": 5, "metric": "qps", "tags": "", "max_step": 9999, "priority": 0, "func": "all(#1)", "op": ">",
        "right_value": "80", "note": "", "run_begin": "", "run_end": "",
    }  # fmt: skip
    assert isinstance(body, dict)
    assert Strategy.parsed(body) == strategy


def test_last_points_leave_out_what_is_unknown_or_null(server: LocalServer) -> None:
    rows = [
        {"endpoint": "a", "counter": "qps", "value": {"timestamp": 5, "value": 1.5}},
        {"endpoint": "b", "counter": "qps", "value": {"timestamp": 0, "value": 0}},
        {"endpoint": "c", "counter": "qps", "value": {"timestamp": 5, "value": None}},
        None,
    ]
    server.on("POST", "/api/v1/graph/lastpoint", Reply(rows))

    found = FalconGraph(transport(server.url)).last_points([("a", "qps"), ("b", "qps")])
    assert found == [LastPoint("a", "qps", 5, 1.5)]
    assert server.asked[0].json == [{"endpoint": "a", "counter": "qps"}, {"endpoint": "b", "counter": "qps"}]


@pytest.mark.parametrize(
    ("reply", "invalid"),
    [
        (Reply(b"success", content_type="text/plain"), 0),
        (Reply({"msg": "success", "data": {"Message": "ok", "Total": 1, "Invalid": 1, "Latency": 0}}), 1),
    ],
    ids=["agent", "transfer"],
)
def test_a_push_says_how_many_were_invalid(server: LocalServer, reply: Reply, invalid: int) -> None:
    server.on("POST", "/api/push", reply)

    assert FalconPush(server.url).push([Sample("web", "qps", 1.5, time_s=10, step_s=5)]) == invalid
    assert server.asked[0].json == [
        {
            "endpoint": "web",
            "metric": "qps",
            "value": 1.5,
            "timestamp": 10,
            "step": 5,
            "counterType": "GAUGE",
            "tags": "",
        }
    ]


def test_a_push_that_could_not_be_read_is_refused(server: LocalServer) -> None:
    server.on("POST", "/api/push", Reply(b"decode error", status=400, content_type="text/plain"))

    with pytest.raises(Refused, match="decode error"):
        FalconPush(server.url).push([])
