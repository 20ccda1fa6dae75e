import pytest

from clients.chronos import ChronosApi, ChronosJob
from clients.errors import NotFound, ProtocolError, Refused, TimedOut, Unavailable
from clients.http import Timeouts
from clients.tests.server import Hang, LocalServer, Reply, closed_port_url

JOB: ChronosJob = {"name": "nightly", "command": "echo hi", "schedule": "R/2024-05-02T02:00:00.000Z/P1D"}
TRACE = (
    "java.lang.IllegalArgumentException: requirement failed: Job 'x' not found\n\tat scala.Predef$.require"
)


def api(*urls: str) -> ChronosApi:
    return ChronosApi(urls, name="chronos test", timeouts=Timeouts(connect_s=1, read_s=0.2))


@pytest.mark.parametrize("prefix", ["/v1/scheduler", "/scheduler"], ids=["3.x", "2.x"])
class TestPrefix:
    def test_the_prefix_is_found_once(self, server: LocalServer, prefix: str) -> None:
        server.on("GET", f"{prefix}/jobs", Reply([{**JOB, "epsilon": "PT60S"}]))
        chronos = api(server.url)

        assert [job["name"] for job in chronos.jobs() + chronos.jobs()] == ["nightly", "nightly"]
        assert server.calls()[-1] == f"GET {prefix}/jobs"
        assert len(server.calls()) == (2 if prefix == "/v1/scheduler" else 3)

    def test_writes_go_under_it(self, server: LocalServer, prefix: str) -> None:
        server.on("GET", f"{prefix}/jobs", Reply([]))
        server.on("POST", f"{prefix}/iso8601", Reply(b"", status=204))
        server.on("POST", f"{prefix}/dependency", Reply(b"", status=204))
        server.on("DELETE", f"{prefix}/job/with%20blank", Reply(b"", status=204))
        chronos = api(server.url)

        chronos.put_job(JOB)
        chronos.put_job({"name": "after", "parents": ["nightly"]})
        chronos.delete_job("with blank")
        assert server.calls("POST") == [f"POST {prefix}/iso8601", f"POST {prefix}/dependency"]
        assert server.calls("DELETE") == [f"DELETE {prefix}/job/with%20blank"]
        assert next(asked for asked in server.asked if asked.method == "POST").json == JOB


def test_what_is_no_chronos_is_said_so(server: LocalServer) -> None:
    with pytest.raises(ProtocolError, match="no Chronos"):
        api(server.url).jobs()


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (Reply({"status": "Bad Request", "message": TRACE}, status=400), NotFound, "Job 'x' not found"),
        (Reply(b"Job 'x' not found", status=400, content_type="text/plain"), NotFound, "Job 'x' not found"),
        (Reply({"message": "Cannot parse schedule 'x' (wtf bro)"}, status=400), Refused, "Cannot parse"),
        (Reply(b"", status=400), Refused, "HTTP 400 Bad Request"),
        (Reply({"message": "cycle"}, status=500), Unavailable, "cycle"),
    ],
    ids=["unknown in 3.x", "unknown in 2.x", "bad schedule", "empty", "server error"],
)
def test_errors_are_told_by_their_text(
    server: LocalServer, reply: Reply, error: type[Exception], message: str
) -> None:
    server.on("GET", "/v1/scheduler/jobs", Reply([]))
    server.on("DELETE", "/v1/scheduler/job/x", reply)

    with pytest.raises(error, match=message) as caught:
        api(server.url).delete_job("x")
    assert "\n" not in str(caught.value)


def test_a_write_that_timed_out_is_not_sent_to_the_next_address(
    server: LocalServer, other_server: LocalServer
) -> None:
    for it in (server, other_server):
        it.on("GET", "/v1/scheduler/jobs", Reply([]))
        it.on("POST", "/v1/scheduler/iso8601", Hang())

    with pytest.raises(TimedOut):
        api(server.url, other_server.url).put_job(JOB)
    assert server.calls("POST") + other_server.calls("POST") == ["POST /v1/scheduler/iso8601"]


def test_ping_asks_every_address(server: LocalServer) -> None:
    server.on("GET", "/ping", Reply(b"pong", content_type="text/plain"))

    api(closed_port_url(), server.url).ping()
    with pytest.raises(Unavailable):
        api(closed_port_url()).ping()
