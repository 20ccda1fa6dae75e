"""A thousand no-op instances from one scale call, until all are shown running; beside the same by Marathon alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import requests

from embedded.waiting import wait_until
from tests.api_client import LINE, Api, JobHandle
from tests.running_stack import RunningStack

COUNT = 1000
ROUNDS = 5
NOOP = {
    "command": "sleep 1000000",
    "labels": {"SANDBOX_NOOP": "true"},
    "cpus": 0.001,
    "memory_mib": 4,
    "instances": 1,
}


def run(stack: RunningStack) -> Iterator[str]:
    """From the call to the last instance shown: by Ocean's API, and by Marathon's own."""
    api = Api.of(stack, "dev")
    body = {"product_line": LINE, "service": "bench", "cluster": "staging", "name": "thousand", "spec": NOOP}
    job = JobHandle(api, api.post("jobs/", body).body["tag"])
    api.done(f"{job.path}/publish/")
    marathon = Marathon(f"http://127.0.0.1:{stack.ports.marathon['staging']}")
    by_ocean, by_marathon, rows = [], [], []
    for _ in range(ROUNDS):
        start = time.monotonic()
        api.operation(f"{job.path}/scale/", {"instances": COUNT})
        wait_until(lambda: _shown(job), what=f"{COUNT} instances are shown running", timeout_s=120)
        by_ocean.append(time.monotonic() - start)
        wait_until(lambda: _listed(job), what=f"{COUNT} instances are listed running", timeout_s=120)
        rows.append(time.monotonic() - start)
        _settle(api, job)
        start = time.monotonic()
        marathon.scale(COUNT)
        wait_until(lambda: marathon.running() == COUNT, what=f"{COUNT} tasks run", timeout_s=120)
        by_marathon.append(time.monotonic() - start)
        marathon.wait_idle()
        marathon.scale(1)
        wait_until(lambda: marathon.running() == 1, what="scaled back", timeout_s=60)
        marathon.wait_idle()
    ocean, direct = statistics.median(by_ocean), statistics.median(by_marathon)
    yield (
        f"thousand: {COUNT} instances shown running after {ocean:.2f} s by Ocean, {direct:.2f} s by Marathon alone: "
        f"ratio {ocean / direct:.2f} (goal 1.25); each with its row after {statistics.median(rows):.2f} s"
    )


def _shown(job: JobHandle) -> bool:
    return bool(job.row()["instances"]["running"] == COUNT)


def _listed(job: JobHandle) -> bool:
    """Whether each of them has its row."""
    return bool(job.api.get(f"{job.path}/instances/?state=running&page_size=1")["count"] == COUNT)


def _settle(api: Api, job: JobHandle) -> None:
    """Back to one instance, with nothing under way."""

    def is_free() -> bool:
        return job.row()["operation"] is None

    wait_until(is_free, what="the operation has ended", timeout_s=60)
    api.done(f"{job.path}/scale/", {"instances": 1})


class Marathon:
    """The same app, by Marathon's own API."""

    def __init__(self, url: str) -> None:
        self._app = f"{url}/v2/apps//xiaomi/inf/ocean/staging/bench/thousand"
        self._session = requests.Session()

    def scale(self, instances: int) -> None:
        self._session.put(self._app, json={"instances": instances}, timeout=10).raise_for_status()

    def running(self) -> int:
        # As light as the question that Ocean is asked: the list's counts, not the thousand tasks.
        app_id = "/xiaomi/inf/ocean/staging/bench/thousand"
        apps = self._session.get(
            self._app.partition("/v2/")[0] + "/v2/apps", params={"id": app_id}, timeout=10
        )
        return int(apps.json()["apps"][0]["tasksRunning"])

    def wait_idle(self) -> None:
        deployments = self._app.partition("/v2/")[0] + "/v2/deployments"
        wait_until(
            lambda: self._session.get(deployments, timeout=10).json() == [],
            what="no deployment",
            timeout_s=60,
        )
