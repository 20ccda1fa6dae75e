import re
from urllib.parse import parse_qs

from clients.tests.server import Asked, Reply, local_server
from engines.metrics.base import JobSeries, Point
from engines.metrics.prometheus import PrometheusSource


def test_a_history_of_many_tasks_asks_for_no_others() -> None:
    """Those of a job that was scaled for days; the cluster has many more."""
    tasks = [f"task-{number}" for number in range(450)]
    selectors: list[str] = []

    def answer(asked: Asked) -> Reply:
        [expression] = parse_qs(asked.body.decode())["query"]
        selectors.append(expression)
        named = set(re.findall(r"task-+(\d+)", expression.replace("\\", "")))
        rows = [{"metric": {"task_id": f"task-{number}"}, "values": [[10, "2"]]} for number in named]
        return Reply({"status": "success", "data": {"resultType": "matrix", "result": rows}})

    with local_server() as server:
        server.on("POST", "/api/v1/query_range", answer)
        source = PrometheusSource(
            server.url, name="prometheus", queries={"qps": "x{$match}[$window] by $label"}
        )
        found = source.history(tasks, "qps", start_s=10, end_s=10, step_s=5)

    assert found == [Point(10, 2, 900, 450)]
    assert len(selectors) == 3


def test_a_job_without_samples_does_not_have_the_others_asked_for_far_back() -> None:
    def answer(asked: Asked) -> Reply:
        rows = [{"metric": {"task_id": "task-1"}, "values": [[parse_qs(asked.body.decode())["end"][0], "2"]]}]
        return Reply({"status": "success", "data": {"resultType": "matrix", "result": rows}})

    jobs = [JobSeries(f"job-{number}", (f"task-{number}",), ("qps",)) for number in (1, 2)]
    with local_server() as server:
        server.on("POST", "/api/v1/query_range", answer)
        source = PrometheusSource(server.url, name="prometheus", queries={"qps": "x{$match}[$window]"})
        for now_s in (1000, 1005):
            assert list(source.latest(jobs, since_s=now_s - 60, now_s=now_s)) == [("job-1", "qps")]
        assert source.latest([JobSeries("job-3", (), ("qps",))], since_s=940, now_s=1005) == {}
        begins = [int(parse_qs(asked.body.decode())["start"][0]) for asked in server.asked]

    assert begins == [945, 990]
