"""The Mesos master's v0 API, as `mesos.md` of the reference has it."""

import re

import pytest

from sandbox.testing import SandboxProcess
from sandbox.tests.api import Marathon
from sandbox.tests.mesos import Mesos


@pytest.fixture
def mesos(shared_sandbox: SandboxProcess) -> Mesos:
    return Mesos(shared_sandbox)


@pytest.fixture
def web(marathon: Marathon) -> str:
    """A running task's id."""
    marathon.create("/prod/web", instances=1, labels={"team": "a"})
    return str(marathon.tasks("/prod/web")[0]["id"])


class TestState:
    def test_the_top_level(self, mesos: Mesos) -> None:
        state = mesos.get("/state")

        host_and_port = mesos.master_url.removeprefix("http://")
        assert state["version"].startswith("1.")
        assert (state["leader"], state["pid"]) == (f"master@{host_and_port}",) * 2
        assert f"{state['leader_info']['hostname']}:{state['leader_info']['port']}" == host_and_port
        assert (state["cluster"], state["activated_slaves"], state["unreachable_slaves"]) == (
            "test",
            3.0,
            0.0,
        )
        assert isinstance(state["start_time"], float)
        assert (state["orphan_tasks"], state["unregistered_frameworks"], state["completed_frameworks"]) == (
            [],
            [],
            [],
        )
        assert len(state["slaves"]) == 3

    @pytest.mark.parametrize(
        "path", ["state", "state-summary", "slaves", "frameworks", "tasks", "roles", "flags"]
    )
    def test_every_path_has_two_names(self, mesos: Mesos, path: str) -> None:
        assert mesos.get(f"/master/{path}").keys() == mesos.get(f"/{path}").keys()

    @pytest.mark.parametrize("path", ["/version", "/metrics/snapshot"])
    def test_but_for_those_that_never_take_the_prefix(self, mesos: Mesos, path: str) -> None:
        assert mesos.get(path)
        assert mesos.master(f"/master{path}").status_code == 404

    def test_an_agent(self, mesos: Mesos, web: str) -> None:
        task = mesos.get("/tasks", task_id=web)["tasks"][0]
        (agent,) = mesos.get("/slaves", slave_id=task["slave_id"])["slaves"]

        assert re.fullmatch(r"slave\(\d\)@127\.0\.0\.1:\d+", agent["pid"])
        assert agent["pid"].endswith(mesos.agent_url.rpartition(":")[2])
        assert agent["attributes"]["rack"] in ("r1", "r2")
        assert (agent["active"], agent["deactivated"]) == (True, False)
        assert (agent["resources"]["cpus"], agent["resources"]["gpus"]) == (4.0, 0.0)
        assert re.fullmatch(r"\[\d+-\d+\]", agent["resources"]["ports"])
        assert (agent["used_resources"]["cpus"], agent["used_resources"]["mem"]) == (0.01, 8.0)
        assert agent["used_resources"]["ports"] == task["resources"]["ports"]
        assert agent["unreserved_resources_full"][0] == {
            "name": "cpus", "type": "SCALAR", "scalar": {"value": 4.0}, "role": "*",
        }  # fmt: skip

    def test_an_idle_agent_uses_no_ports(self, mesos: Mesos, marathon: Marathon) -> None:
        assert all("ports" not in agent["used_resources"] for agent in mesos.get("/slaves")["slaves"])

    def test_a_task(self, mesos: Mesos, web: str) -> None:
        (task,) = mesos.get("/tasks", task_id=web)["tasks"]

        assert (task["name"], task["executor_id"], task["role"]) == ("web.prod", "", "*")
        assert (task["state"], task["statuses"][-1]["state"]) == ("TASK_RUNNING", "TASK_RUNNING")
        states = [status["state"] for status in task["statuses"]]
        assert len(states) == len(set(states))
        assert task["labels"] == [{"key": "team", "value": "a"}]
        container = task["statuses"][-1]["container_status"]
        assert container["container_id"]["value"]
        assert container["network_infos"][0]["ip_addresses"][0]["ip_address"] == "127.0.0.1"
        assert re.fullmatch(r"\[(\d+)-\1\]", task["resources"]["ports"])

    def test_frameworks(self, mesos: Mesos, web: str) -> None:
        (marathon,) = mesos.get("/frameworks")["frameworks"]

        assert (marathon["name"], marathon["active"], marathon["failover_timeout"]) == (
            "marathon",
            True,
            604800.0,
        )
        assert [task["id"] for task in marathon["tasks"]] == [web]
        assert marathon["used_resources"]["cpus"] == 0.01
        assert mesos.get("/frameworks", framework_id=marathon["id"])["frameworks"] == [marathon]
        assert mesos.get("/frameworks", framework_id="nobody")["frameworks"] == []

    def test_an_ended_task_is_kept_with_its_last_word(
        self, mesos: Mesos, marathon: Marathon, web: str
    ) -> None:
        marathon.done("DELETE", "/v2/apps/prod/web")

        (framework,) = mesos.get("/state")["frameworks"]
        assert framework["tasks"] == []
        (task,) = [task for task in framework["completed_tasks"] if task["id"] == web]
        assert task["state"] == "TASK_KILLED"

    def test_the_summary_counts(self, mesos: Mesos, marathon: Marathon, web: str) -> None:
        marathon.done("PUT", "/v2/apps/prod/web", {"instances": 3})

        summary = mesos.get("/state-summary")
        assert sum(agent["TASK_RUNNING"] for agent in summary["slaves"]) == 3
        (framework,) = summary["frameworks"]
        assert framework["TASK_RUNNING"] == 3
        assert "tasks" not in framework
        on = [agent["id"] for agent in summary["slaves"] if agent["TASK_RUNNING"]]
        assert framework["slave_ids"] == sorted(on)
        assert all(
            agent["framework_ids"] == [framework["id"]] for agent in summary["slaves"] if agent["id"] in on
        )


class TestTasks:
    def test_pages(self, mesos: Mesos, marathon: Marathon) -> None:
        marathon.create("/many", instances=5)

        newest_first = [task["id"] for task in mesos.get("/tasks", limit=1000)["tasks"]]
        assert len(newest_first) >= 5
        assert [task["id"] for task in mesos.get("/tasks", limit=2, offset=1)["tasks"]] == newest_first[1:3]
        oldest_first = [task["id"] for task in mesos.get("/tasks", limit=1000, order="asc")["tasks"]]
        assert set(oldest_first) == set(newest_first)
        assert oldest_first != newest_first

    def test_a_hundred_unless_asked(self, mesos: Mesos, marathon: Marathon) -> None:
        marathon.create(
            "/noop", instances=130, cpus=0.001, mem=0.1, labels={"SANDBOX_NOOP": "true"}, portDefinitions=[]
        )

        assert len(mesos.get("/tasks")["tasks"]) == 100

    def test_a_page_that_is_no_number(self, mesos: Mesos) -> None:
        assert mesos.master("/tasks", limit="many").status_code == 400


class TestTheRest:
    def test_health_redirect_version(self, mesos: Mesos) -> None:
        health, redirect = mesos.master("/health"), mesos.master("/master/redirect")

        assert (health.status_code, health.text) == (200, "")
        assert redirect.status_code == 307
        assert redirect.headers["Location"] == mesos.master_url.removeprefix("http:")
        assert mesos.get("/version")["version"].startswith("1.")

    def test_roles_quota_weights(self, mesos: Mesos, web: str) -> None:
        (role,) = mesos.get("/roles")["roles"]

        assert (role["name"], role["weight"], role["resources"]["cpus"]) == ("*", 1.0, 0.01)
        assert len(role["frameworks"]) == 1
        assert (mesos.get("/quota"), mesos.get("/weights")) == ({}, [])

    def test_metrics(self, mesos: Mesos, marathon: Marathon, web: str) -> None:
        before = mesos.get("/metrics/snapshot")
        marathon.done("DELETE", "/v2/apps/prod/web")
        after = mesos.get("/metrics/snapshot")

        assert (before["master/elected"], before["master/slaves_active"]) == (1.0, 3.0)
        assert (before["master/cpus_total"], before["master/cpus_used"]) == (12.0, 0.01)
        assert before["master/cpus_percent"] == pytest.approx(0.01 / 12)
        assert (before["master/tasks_running"], after["master/tasks_running"]) == (1.0, 0.0)
        assert after["master/tasks_killed"] == before["master/tasks_killed"] + 1
        assert after["system/mem_total_bytes"] > 1e8

    def test_what_is_not_there(self, mesos: Mesos) -> None:
        assert mesos.master("/nosuch").status_code == 404
        assert mesos.post("/state", {}).status_code == 405
