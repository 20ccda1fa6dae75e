"""A real Prometheus behind the port for metrics: it scrapes small exporters each second."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from apps.core.clusters import ClusterFields
from apps.core.models import Cluster
from apps.core.serializers import checked
from apps.elastic.sources import metrics_address
from clients.errors import RemoteError
from clients.prometheus import PrometheusApi
from clients.tests.server import LocalServer, Reply, local_server
from embedded.services import free_port
from embedded.waiting import wait_until
from engines.metrics.base import JobSeries, SourceAway
from engines.metrics.factory import make_source
from engines.metrics.prometheus import PrometheusSource

pytestmark = pytest.mark.needs_program("prometheus")

TASKS = ("shop.task-1", "shop.task-2")
JOB = JobSeries("shop", TASKS, ("cpu", "memory", "qps", "latency"))


class Exporter:
    """What cAdvisor, mesos_exporter and a service would show of two tasks; counters run with the clock, the second
    twice as fast.

    Source: mesos_exporter, slave_monitor.go: the labels `id`, `framework_id` and `source`.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()

    def text(self) -> bytes:
        passed = time.monotonic() - self.began
        lines = []
        for number, task in enumerate(TASKS, start=1):
            label = f'{{task_id="{task}"}}'
            lines += [
                f"container_cpu_usage_seconds_total{label} {0.25 * number * passed}",
                f"container_spec_cpu_shares{label} 512",
                f"container_memory_working_set_bytes{label} {number * 2**20}",
                f"container_spec_memory_limit_bytes{label} {4 * 2**20}",
                f"http_requests_total{label} {100 * number * passed}",
                f"http_request_duration_seconds_sum{label} {0.02 * 100 * number * passed}",
                f"http_request_duration_seconds_count{label} {100 * number * passed}",
            ]
            label = f'{{framework_id="f",id="{task}",source="{task}"}}'
            lines += [
                f"cpu_user_seconds_total{label} {0.2 * number * passed}",
                f"cpu_system_seconds_total{label} {0.05 * number * passed}",
                f"cpus_limit{label} 1",
                f"mem_rss_bytes{label} {number * 2**20}",
                f"mem_limit_bytes{label} {8 * 2**20}",
            ]
        return "\n".join([*lines, ""]).encode()


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[str]:
    """The base URL of a Prometheus that scrapes the target each second."""
    port = free_port()
    scrape = {"job_name": "tasks", "static_configs": [{"targets": [target]}]}
    configuration = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML
    url = f"http://127.0.0.1:{port}"
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--web.listen-address=127.0.0.1:{port}",
             f"--storage.tsdb.path={folder / 'data'}"],
            stdout=log,
            stderr=log,
        )  # fmt: skip
    try:
        wait_until(lambda: _answers(url), what="Prometheus answers", timeout_s=30)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        PrometheusApi(url).ping()
    except RemoteError:
        return False
    return True


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    exporter = Exporter()
    server: LocalServer
    with local_server() as server:
        server.on("GET", "/metrics", lambda _: Reply(exporter.text(), content_type="text/plain"))
        with prometheus(tmp_path_factory.mktemp("prometheus"), server.url.removeprefix("http://")) as found:
            wait_until(lambda: _rates(found) == 2, what="rates are known", timeout_s=30)
            yield found


def _rates(url: str) -> int:
    """Of how many tasks, two seconds ago."""
    return len(PrometheusApi(url).query("rate(http_requests_total[4s])", time_s=int(time.time()) - 2))


def test_all_metrics_of_a_job_by_what_cadvisor_and_http_servers_show(url: str) -> None:
    source = PrometheusSource(url, name="prometheus test", step_s=1)
    source.ping()

    found = source.latest([JOB], since_s=time.time() - 3, now_s=time.time())
    newest = {metric: points[-1] for (_, metric), points in found.items()}
    assert {metric: point.reporting for metric, point in newest.items()} == dict.fromkeys(JOB.metrics, 2)
    assert newest["cpu"].mean == pytest.approx(
        75, rel=0.2
    )  # 0.25 and 0.5 CPU seconds a second, of half a CPU
    assert newest["memory"].mean == pytest.approx(37.5)
    assert newest["qps"].total == pytest.approx(300, rel=0.2)
    assert newest["latency"].mean == pytest.approx(20, rel=0.01)


def test_a_cluster_says_by_which_label_and_expressions_its_exporters_are_asked(url: str) -> None:
    """By what docs/falcon.md says of mesos_exporter."""
    text = (Path(__file__).parents[3] / "docs" / "falcon.md").read_text()
    written = re.search(r"For mesos_exporter:\n\n```json\n(.*?)```", text, re.DOTALL)
    assert written is not None
    fields = checked(ClusterFields(data=json.loads(written[1]), partial=True))
    address = metrics_address(Cluster(name="test", metrics="prometheus", metrics_url=url, **fields))
    assert address is not None
    source = make_source(replace(address, step_s=1))

    now = int(time.time())
    cpu, memory, qps = (
        source.history(TASKS, metric, start_s=now - 1, end_s=now, step_s=1)
        for metric in ("cpu", "memory", "qps")
    )
    assert [points[-1].reporting for points in (cpu, memory)] == [2, 2]
    assert cpu[-1].mean == pytest.approx(37.5, rel=0.2)
    assert memory[-1].mean == pytest.approx(18.75)
    assert qps == []  # as usual, by a label that the services' targets do not have


def test_each_moment_is_handed_out_once(url: str) -> None:
    source = PrometheusSource(url, name="prometheus test", step_s=1)
    now = time.time()
    first = source.latest([JOB], since_s=now - 3, now_s=now)

    assert first
    assert source.latest([JOB], since_s=now - 3, now_s=now) == {}


def test_jobs_are_told_apart_by_the_label(url: str) -> None:
    source = PrometheusSource(url, name="prometheus test", step_s=1)
    jobs = [JobSeries(task, (task,), ("memory",)) for task in (*TASKS, "unknown")]
    now = time.time()

    found = source.latest(jobs, since_s=now - 2, now_s=now)
    assert {key: points[-1].mean for (key, _), points in found.items()} == {TASKS[0]: 25.0, TASKS[1]: 50.0}


def test_history_is_evaluated_at_each_step(url: str) -> None:
    source = PrometheusSource(url, name="prometheus test", step_s=1)
    end = int(time.time())

    found = source.history(TASKS, "memory", start_s=end - 1, end_s=end, step_s=1)
    assert [(point.time_s, point.mean, point.reporting) for point in found] == [
        (end - 1, 37.5, 2),
        (end, 37.5, 2),
    ]


def test_an_expression_that_prometheus_refuses_is_said_in_its_words(url: str) -> None:
    source = PrometheusSource(url, name="prometheus test", queries={"cpu": "sum by ({$match}"})

    with pytest.raises(SourceAway, match=r"prometheus test: .*parse error"):
        source.history(TASKS, "cpu", start_s=0, end_s=10, step_s=5)


@pytest.mark.parametrize(
    ("label", "query"), [("task id", "up{$match}"), ("task_id", "up{$matches}"), ("task_id", "up")]
)
def test_a_label_or_expression_that_is_none_is_refused_at_once(label: str, query: str) -> None:
    with pytest.raises(ValueError, match=r"label|unknown word|no \$match"):
        PrometheusSource("http://127.0.0.1:1", name="p", label=label, queries={"cpu": query})
