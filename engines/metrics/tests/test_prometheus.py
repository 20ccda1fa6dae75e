import re
from urllib.parse import parse_qs

from clients.tests.server import Asked, Reply, local_server
from engines.metrics.base import Point
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
