import pytest

from clients.chronos import ChronosApi, ChronosJob, JobState
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
        server.on("GET", f"{prefix}/jobs/search", Reply([]))
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
    server.on("GET", "/v1/scheduler/jobs/search", Reply([]))
    server.on("DELETE", "/v1/scheduler/job/x", reply)

    with pytest.raises(error, match=message) as caught:
        api(server.url).delete_job("x")
    assert "\n" not in str(caught.value)


def test_a_write_that_timed_out_is_not_sent_to_the_next_address(
    server: LocalServer, other_server: LocalServer
) -> None:
    for it in (server, other_server):
        it.on("GET", "/v1/scheduler/jobs/search", Reply([]))
        it.on("POST", "/v1/scheduler/iso8601", Hang())

    with pytest.raises(TimedOut):
        api(server.url, other_server.url).put_job(JOB)
    assert server.calls("POST") + other_server.calls("POST") == ["POST /v1/scheduler/iso8601"]


def test_ping_asks_every_address(server: LocalServer) -> None:
    server.on("GET", "/ping", Reply(b"pong", content_type="text/plain"))

    api(closed_port_url(), server.url).ping()
    with pytest.raises(Unavailable):
        api(closed_port_url()).ping()


class TestWhatAJobDoes:
    @pytest.mark.parametrize(
        ("prefix", "path", "body"),
        [("/v1/scheduler", "job/nightly", JOB), ("/scheduler", "jobs", [{"name": "other"}, JOB])],
        ids=["3.x", "2.x"],
    )
    def test_one_job_is_read(self, server: LocalServer, prefix: str, path: str, body: object) -> None:
        server.on("GET", f"{prefix}/jobs/search", Reply([]))
        server.on("GET", f"{prefix}/{path}", Reply(body))

        assert api(server.url).job("nightly") == JOB

    def test_one_that_2_does_not_list_is_not_found(self, server: LocalServer) -> None:
        server.on("GET", "/scheduler/jobs/search", Reply([]))
        server.on("GET", "/scheduler/jobs", Reply([]))

        with pytest.raises(NotFound, match="Job 'nightly' not found"):
            api(server.url).job("nightly")

    def test_a_search_says_what_it_asks_for(self, server: LocalServer) -> None:
        server.on("GET", "/v1/scheduler/jobs/search", Reply([JOB]))

        assert api(server.url).search(name="night", command="echo", limit=5) == [JOB]
        asked = {"name": ["night"], "command": ["echo"], "limit": ["5"], "offset": ["0"]}
        assert server.asked[-1].query == asked

    def test_the_summary_is_read_from_the_graph(self, server: LocalServer) -> None:
        text = "node,a,success,idle\nnode,b,fresh,2 running\nnode,c,failure,queued\nlink,a,b\n"
        server.on("GET", "/scheduler/graph/csv", Reply(text.encode(), content_type="text/plain"))

        assert api(server.url).summary() == [
            JobState("a", "success", 0, False),
            JobState("b", "fresh", 2, False),
            JobState("c", "failure", 0, True),
        ]

    def test_a_graph_of_another_shape_is_refused(self, server: LocalServer) -> None:
        server.on("GET", "/v1/scheduler/graph/csv", Reply(b"node,a\n", content_type="text/plain"))

        with pytest.raises(ProtocolError, match="four columns"):
            api(server.url).summary()

    def test_runs_and_times(self, server: LocalServer) -> None:
        stat = {"histogram": {"count": 1, "median": 1.5}, "taskStatHistory": []}
        server.on("GET", "/v1/scheduler/jobs/search", Reply([]))
        server.on("GET", "/v1/scheduler/job/stat/nightly", Reply(stat))

        found = api(server.url).stat("nightly")
        assert (found["histogram"], found["taskStatHistory"]) == ({"count": 1, "median": 1.5}, [])


class TestTellingAJob:
    @pytest.fixture
    def chronos(self, server: LocalServer) -> ChronosApi:
        server.on("GET", "/v1/scheduler/jobs/search", Reply([]))
        server.on("PUT", "/v1/scheduler/job/a%20b", Reply(b"", status=204))
        server.on("DELETE", "/v1/scheduler/task/kill/a%20b", Reply(b"", status=204))
        server.on("PUT", "/v1/scheduler/job/success/known", Reply(b"marked job known as successful: true"))
        server.on("PUT", "/v1/scheduler/job/success/x", Reply(b"marked job x as successful: false"))
        return api(server.url)

    def test_to_run_now(self, chronos: ChronosApi, server: LocalServer) -> None:
        chronos.run_job("a b")
        assert server.asked[-1].query == {}
        chronos.run_job("a b", arguments="x y")
        assert server.asked[-1].query == {"arguments": ["x y"]}

    def test_to_end_what_runs(self, chronos: ChronosApi, server: LocalServer) -> None:
        chronos.kill_tasks("a b")
        assert server.calls("DELETE") == ["DELETE /v1/scheduler/task/kill/a%20b"]

    def test_that_it_succeeded(self, chronos: ChronosApi) -> None:
        chronos.mark_success("known")
        with pytest.raises(NotFound):
            chronos.mark_success("x")
