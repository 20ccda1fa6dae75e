"""Chronos' jobs as real processes: on hosts, in folders, in Mesos, over kills and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from embedded.waiting import wait_until
from sandbox.testing import SandboxProcess, running_sandbox

Json = dict[str, Any]
PREFIX = "/v1/scheduler"


class ChronosApi:
    """Chronos' API as tests speak it."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        cluster = next(iter(sandbox.addresses.clusters.values()))
        assert cluster.chronos is not None
        assert cluster.mesos is not None
        self.url, self.mesos, self.data = cluster.chronos + PREFIX, cluster.mesos, sandbox.data

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, self.url + path, json=body, timeout=20)

    def put(self, name: str, command: str, **fields: Any) -> None:
        """Create or replace a small job, due in years unless `schedule` says otherwise."""
        small = {"cpus": 0.01, "mem": 8, "disk": 1, "schedule": "R/2034-01-01T00:00:00Z/P1D"}
        assert self.call("POST", "/iso8601", {"name": name, "command": command, **small, **fields}).ok

    def job(self, name: str) -> Json:
        found: Json = self.call("GET", f"/job/{name}").json()
        return found

    def runs(self, name: str) -> list[Json]:
        found: list[Json] = self.call("GET", f"/job/stat/{name}").json()["taskStatHistory"]
        return found

    def ended(self, name: str, status: str, count: int = 1) -> list[Json]:
        """Wait until so many runs ended so."""

        def enough() -> bool:
            return [run["status"] for run in self.runs(name)].count(status) >= count

        wait_until(enough, what=f"{count} runs of {name} ended with {status}", timeout_s=15)
        return self.runs(name)

    def state(self, name: str) -> tuple[str, str]:
        [job] = [job for job in self.call("GET", "/jobs/summary").json()["jobs"] if job["name"] == name]
        return job["status"], job["state"]

    def output(self, task_id: str, file: str = "stdout") -> str:
        [path] = self.data.glob(f"*/slaves/*/frameworks/*-0001/executors/{task_id}/runs/latest/{file}")
        return Path(path).read_text()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One of this file's own: Mesos remembers what ran for ever."""
    with running_sandbox(tmp_path_factory.mktemp("chronos")) as found:
        yield found


@pytest.fixture
def chronos(sandbox: SandboxProcess) -> Iterator[ChronosApi]:
    """Its Chronos, left empty."""
    api = ChronosApi(sandbox)
    yield api
    for job in api.call("GET", "/jobs").json():
        api.call("DELETE", f"/job/{job['name']}")


def soon(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="milliseconds")


def test_a_schedule_runs_a_process_on_a_host_with_its_environment(chronos: ChronosApi) -> None:
    own = [{"name": "GREETING", "value": "hello"}, {"name": "CHRONOS_JOB_NAME", "value": "mine"}]
    chronos.put(
        "greet",
        'echo "$GREETING $CHRONOS_JOB_NAME $CHRONOS_JOB_RUN_ATTEMPT $HOST"; echo oh >&2',
        schedule=f"R1/{soon(milliseconds=300)}/PT1H",
        environmentVariables=own,
    )
    [run] = chronos.ended("greet", "Success")

    assert chronos.output(run["taskId"]).startswith("hello greet 0 node")
    assert chronos.output(run["taskId"], "stderr") == "oh\n"
    assert chronos.state("greet") == ("success", "idle")
    job = chronos.job("greet")
    assert (job["successCount"], job["disabled"], job["schedule"][:3]) == (1, True, "R0/")


def test_it_is_seen_in_mesos_as_a_task_of_chronos(chronos: ChronosApi) -> None:
    chronos.put("sleeper", "exec sleep 60", constraints=[["rack", "EQUALS", "r2"]])
    assert chronos.call("PUT", "/job/sleeper").status_code == 204
    wait_until(lambda: chronos.state("sleeper")[1] == "1 running", what="it runs", timeout_s=10)

    frameworks = requests.get(f"{chronos.mesos}/frameworks", timeout=10).json()["frameworks"]
    [framework] = [item for item in frameworks if item["name"] == "chronos"]
    [task] = framework["tasks"]
    assert (task["name"], task["resources"]["mem"]) == ("ChronosTask:sleeper", 8)
    assert task["id"].startswith("ct:")

    assert chronos.call("DELETE", "/task/kill/sleeper").status_code == 204
    wait_until(lambda: chronos.state("sleeper")[1] == "idle", what="it is gone", timeout_s=10)
    assert chronos.state("sleeper")[0] == "fresh"


def test_a_failure_is_tried_again(chronos: ChronosApi) -> None:
    chronos.put("fails", "exit 3", retries=1)
    chronos.call("PUT", "/job/fails")
    runs = chronos.ended("fails", "Fail", count=2)

    assert [run["taskId"].split(":")[2] for run in runs] == ["1", "0"]
    wait_until(lambda: chronos.job("fails")["errorCount"] == 1, what="it has failed", timeout_s=5)
    assert chronos.call("GET", "/graph/csv").text == "node,fails,failure,idle\n"


def test_arguments_are_added_to_the_command(chronos: ChronosApi) -> None:
    chronos.put("words", "echo first")
    chronos.call("PUT", "/job/words?arguments=second")
    [run] = chronos.ended("words", "Success")

    assert chronos.output(run["taskId"]) == "first second\n"


def test_a_dependent_follows_and_the_reports_tell(chronos: ChronosApi) -> None:
    chronos.put("parent", "true")
    child = {"name": "child", "command": "true", "parents": ["parent"], "cpus": 0.01, "mem": 8, "disk": 1}
    assert chronos.call("POST", "/dependency", child).status_code == 204
    chronos.call("PUT", "/job/parent")
    chronos.ended("child", "Success")

    assert "link,parent,child" in chronos.call("GET", "/graph/csv").text
    assert '"parent" -> "child"' in chronos.call("GET", "/graph/dot").text
    stat = chronos.call("GET", "/job/stat/child").json()
    assert stat["histogram"]["count"] == 1
    times = chronos.call("GET", "/stats/median").json()
    assert {item["jobNameLabel"] for item in times} == {"parent", "child"}
    assert chronos.call("GET", "/stats/mode").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/job/x"), ("DELETE", "/task/kill/x"), ("GET", "/job/stat/x")]
)
def test_an_unknown_job_is_a_400_here_too(chronos: ChronosApi, method: str, path: str) -> None:
    reply = chronos.call(method, path)

    assert reply.status_code == 400
    assert "Job 'x' not found" in reply.json()["message"]


def test_a_success_from_outside_is_said_in_words(chronos: ChronosApi) -> None:
    chronos.put("told", "true")

    assert chronos.call("PUT", "/job/success/told").text == "marked job told as successful: true"
    assert chronos.call("PUT", "/job/success/x").text == "marked job x as successful: false"
    assert chronos.job("told")["successCount"] == 1


def test_while_it_is_away_nothing_runs_and_3_makes_it_up_once(
    chronos: ChronosApi, sandbox: SandboxProcess
) -> None:
    door = f"{sandbox.admin}/test/chronos"
    chronos.put("late", "true", schedule=f"R/{soon(milliseconds=500)}/P1D")
    assert requests.put(door, json={"away": True}, timeout=5).json()["chronos_away"] is True
    assert chronos.call("GET", "/jobs").status_code == 503
    missed = datetime.now(UTC) + timedelta(seconds=1)
    wait_until(lambda: datetime.now(UTC) > missed, what="slots have passed", timeout_s=5)
    assert list(chronos.data.glob("*/slaves/*/frameworks/*-0001/executors/*:late:")) == []
    requests.put(door, json={"away": False}, timeout=5)
    chronos.ended("late", "Success")


def test_a_run_survives_a_kill_of_the_sandbox(own_sandbox: SandboxProcess) -> None:
    chronos = ChronosApi(own_sandbox)
    chronos.put("long", "touch up; until [ -e go ]; do sleep 0.05; done; echo done")
    chronos.call("PUT", "/job/long")
    ready = "*/slaves/*/frameworks/*-0001/executors/*/runs/latest/up"
    wait_until(lambda: any(own_sandbox.data.glob(ready)), what="it runs", timeout_s=10)
    [run] = chronos.runs("long")
    own_sandbox.kill()
    [folder] = own_sandbox.data.glob(f"*/slaves/*/frameworks/*/executors/{run['taskId']}/runs/latest")
    own_sandbox.start()
    (folder / "go").touch()

    [again] = chronos.ended("long", "Success")
    assert again["taskId"] == run["taskId"]
    assert chronos.output(run["taskId"]) == "done\n"
    assert chronos.job("long")["successCount"] == 1


def test_a_host_that_is_lost_fails_its_runs(own_sandbox: SandboxProcess) -> None:
    chronos = ChronosApi(own_sandbox)
    chronos.put("lost", "exec sleep 60", constraints=[["hostname", "LIKE", "node1"]], retries=0)
    chronos.call("PUT", "/job/lost")
    wait_until(lambda: chronos.state("lost")[1] == "1 running", what="it runs", timeout_s=10)
    requests.post(f"{own_sandbox.admin}/test/hosts/node1/lose", timeout=5)

    chronos.ended("lost", "Fail")
    wait_until(lambda: chronos.state("lost") == ("failure", "idle"), what="it has failed", timeout_s=5)
