"""Real processes, measured and pushed by the sandbox' agents to a Falcon."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from embedded.waiting import wait_until
from sandbox.falcon.testing import FalconProcess, running_falcon
from sandbox.testing import running_sandbox
from sandbox.tests.api import Marathon

DEMO = Path(__file__).parents[2] / "demo" / "service.py"


@dataclass(frozen=True)
class Measured:
    marathon: Marathon
    falcon: FalconProcess

    def last(self, endpoint: str, counter: str) -> dict[str, Any]:
        body = [{"endpoint": endpoint, "counter": counter}]
        url = f"{self.falcon.url}/api/v1/graph/lastpoint"
        answer = requests.post(url, json=body, headers=self.falcon.headers, timeout=5)
        found: dict[str, Any] = answer.json()[0]["value"]
        return found


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    with ExitStack() as stack:
        falcon = stack.enter_context(running_falcon(tmp_path_factory.mktemp("falcon")))
        agents = {"push_url": f"{falcon.url}/v1/push", "step_s": 5}
        folder = tmp_path_factory.mktemp("sandbox")
        sandbox = stack.enter_context(running_sandbox(folder, falcon=agents))
        yield Measured(Marathon(sandbox.marathon), falcon)


def test_a_task_that_burns_and_one_that_serves_are_seen_as_they_are(measured: Measured) -> None:
    app = {"cpus": 0.5, "mem": 64, "instances": 1}
    burn = f"{sys.executable} -c 'import time\nwhile True:\n  end = time.process_time() + 0.02\n  " \
           "while time.process_time() < end: pass\n  time.sleep(0.08)'"  # fmt: skip
    serve = {"cmd": f"{sys.executable} {DEMO}", "portDefinitions": [{"name": "http", "port": 0}]}
    measured.marathon.done("POST", "/v2/apps", {"id": "/burn", "cmd": burn, **app})
    measured.marathon.done("POST", "/v2/apps", {"id": "/serve", **serve, **app})

    def tasks(app_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = measured.marathon.done("GET", f"/v2/apps{app_id}/tasks").json()["tasks"]
        return [task for task in found if task["state"] == "TASK_RUNNING"]

    wait_until(lambda: bool(tasks("/burn") and tasks("/serve")), what="both run", timeout_s=20)
    (burning,), (serving,) = tasks("/burn"), tasks("/serve")
    url = f"http://127.0.0.1:{serving['ports'][0]}"

    def has_answered() -> bool:
        try:
            return requests.get(f"{url}/health", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    wait_until(has_answered, what="the service answers", timeout_s=20)

    def all_are_known() -> bool:
        requests.get(url, timeout=5)
        wanted = ((burning["id"], "cpu.busy"), (serving["id"], "latency"))
        return all(measured.last(*counter)["timestamp"] > 0 for counter in wanted)

    wait_until(all_are_known, what="there are points of all", timeout_s=30)
    point = measured.last(burning["id"], "cpu.busy")
    assert point["timestamp"] % 5 == 0
    assert 5 < point["value"] < 60  # a fifth of a CPU, of the half that it asked for; less on a busy machine
    assert 0 < measured.last(burning["id"], "mem.memused.percent")["value"] < 100
    assert measured.last(serving["id"], "qps")["value"] > 0
    host = burning["host"]
    assert measured.last(host, "agent.alive")["value"] == 1
    assert 0 < measured.last(host, "cpu.busy")["value"] < 60
