import pytest

from clients.errors import ProtocolError, Refused, RemoteError, Unauthorized, Unavailable
from clients.http import Timeouts
from clients.prometheus import PrometheusApi, PromSeries
from clients.tests.server import LocalServer, Reply


def api(url: str, token: str | None = None) -> PrometheusApi:
    return PrometheusApi(url, token=token, timeouts=Timeouts(connect_s=1, read_s=0.5))


def success(kind: str, result: object) -> Reply:
    return Reply({"status": "success", "data": {"resultType": kind, "result": result}})


def test_a_range_is_asked_in_the_body_and_read_without_nan(server: LocalServer) -> None:
    values = [[10, "1.5"], [15.0, "NaN"], [20, "+Inf"], [25, "2"]]
    server.on(
        "POST", "/api/v1/query_range", success("matrix", [{"metric": {"task_id": "a"}, "values": values}])
    )

    found = api(server.url, "bearer").query_range("up > 0", start_s=10, end_s=25, step_s=5)
    assert found == [PromSeries({"task_id": "a"}, ((10.0, 1.5), (25.0, 2.0)))]
    (asked,) = server.asked
    assert asked.body == b"query=up+%3E+0&start=10&end=25&step=5"
    assert asked.headers["Authorization"] == "Bearer bearer"


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply({"status": "error", "error": "parse error"}, status=400), Refused, "parse error"),
        (Reply({"status": "error", "error": "query timed out"}, status=503), Unavailable, "timed out"),
        (Reply(b"", status=401), Unauthorized, "401"),
        (Reply(b"no", status=404), ProtocolError, "is this Prometheus"),
        (Reply(b"<html>"), ProtocolError, "not Prometheus' JSON"),
        (success("scalar", [0, "1"]), Refused, "a scalar, where a vector is needed"),
    ],
)
def test_errors_are_told_apart(
    server: LocalServer, reply: Reply, error: type[RemoteError], words: str
) -> None:
    server.on("POST", "/api/v1/query", reply)

    with pytest.raises(error, match=words):
        api(server.url).query("x", time_s=0)
