"""The v1 operator API and maintenance: what an SRE's console does to hosts."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.testing import SandboxProcess, running_sandbox
from sandbox.tests.api import Marathon
from sandbox.tests.mesos import Json, Mesos

HOUR_NS = 3600 * 10**9


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def mesos(cluster: SandboxProcess) -> Mesos:
    return Mesos(cluster)


@pytest.fixture
def spread(cluster: SandboxProcess) -> Marathon:
    """Three instances, one on each host."""
    found = Marathon(cluster.marathon)
    found.create("/web", instances=3, constraints=[["hostname", "MAX_PER", "2"]])
    return found


def hosts_of(marathon: Marathon) -> list[str]:
    return sorted(task["host"] for task in marathon.tasks("/web") if task["state"] == "TASK_RUNNING")


def agent_id(mesos: Mesos, hostname: str) -> Json:
    return {"value": mesos.agent(hostname)["id"]}


class TestReads:
    def test_each_read_answers_under_its_name(self, mesos: Mesos) -> None:
        assert mesos.read("GET_HEALTH") == {"healthy": True}
        assert mesos.read("GET_VERSION")["version_info"]["version"].startswith("1.")
        assert mesos.read("GET_MASTER")["master_info"]["pid"] == mesos.get("/state")["pid"]
        assert mesos.read("GET_ROLES")["roles"] == [{"name": "*", "weight": 1.0}]
        assert {"name": "master/elected", "value": 1.0} in mesos.read("GET_METRICS")["metrics"]
        assert mesos.read("GET_EXECUTORS") == {"executors": [], "orphan_executors": []}
        assert mesos.read("GET_MAINTENANCE_SCHEDULE") == {"schedule": {}}
        assert mesos.read("GET_MAINTENANCE_STATUS") == {"status": {}}

    def test_ids_are_wrapped(self, mesos: Mesos, spread: Marathon) -> None:
        state = mesos.read("GET_STATE")
        agents = {agent["agent_info"]["hostname"]: agent for agent in mesos.read("GET_AGENTS")["agents"]}
        tasks = mesos.read("GET_TASKS")["tasks"]
        (framework,) = mesos.read("GET_FRAMEWORKS")["frameworks"]

        assert state.keys() == {"get_tasks", "get_executors", "get_frameworks", "get_agents"}
        assert agents.keys() == {"node1", "node2", "node3"}
        assert agents["node1"]["agent_info"]["id"] == agent_id(mesos, "node1")
        assert {"name": "rack", "type": "TEXT", "text": {"value": "r1"}} in agents["node1"]["agent_info"][
            "attributes"
        ]
        assert {task["task_id"]["value"] for task in tasks} == {task["id"] for task in spread.tasks("/web")}
        assert {task["framework_id"]["value"] for task in tasks} == {
            framework["framework_info"]["id"]["value"]
        }

    @pytest.mark.parametrize(
        ("headers", "body", "status"),
        [
            ({"Content-Type": "application/x-protobuf"}, b"", 415),
            ({"Content-Type": "application/json", "Accept": "application/x-protobuf"}, b"{}", 406),
            ({"Content-Type": "application/json"}, b"{", 400),
            ({"Content-Type": "application/json"}, b'{"type":"FLY"}', 400),
            ({}, b'{"type":"GET_HEALTH"}', 400),
        ],
    )
    def test_what_is_no_call(self, mesos: Mesos, headers: dict[str, str], body: bytes, status: int) -> None:
        response = requests.post(f"{mesos.master_url}/api/v1", data=body, headers=headers, timeout=5)

        assert response.status_code == status

    def test_only_posts(self, mesos: Mesos) -> None:
        assert mesos.master("/api/v1").status_code == 405


class TestDraining:
    def test_a_drained_agent_ends_its_tasks_and_takes_no_more(self, mesos: Mesos, spread: Marathon) -> None:
        node1 = agent_id(mesos, "node1")
        assert mesos.call("DRAIN_AGENT", agent_id=node1, max_grace_period={"seconds": 5}).status_code == 200

        spread.wait(lambda: len(found := hosts_of(spread)) == 3 and "node1" not in found, "tasks moved")
        spread.wait(lambda: mesos.agent("node1")["drain_info"]["state"] == "DRAINED", "it is drained")
        agent = mesos.agent("node1")
        assert (agent["active"], agent["deactivated"]) == (False, True)
        assert agent["drain_info"]["config"] == {
            "mark_gone": False,
            "max_grace_period": {"nanoseconds": 5 * 10**9},
        }
        assert mesos.get("/state")["deactivated_slaves"] == 1.0

        assert mesos.call("REACTIVATE_AGENT", agent_id=node1).status_code == 200
        agent = mesos.agent("node1")
        assert (agent["active"], agent["deactivated"], "drain_info" in agent) == (True, False, False)

    def test_a_drain_cannot_be_taken_back_before_its_end(self, mesos: Mesos, cluster: SandboxProcess) -> None:
        marathon = Marathon(cluster.marathon)
        stubborn = "trap '' TERM; while :; do sleep 1; done"
        marathon.create("/slow", cmd=stubborn, constraints=[["hostname", "CLUSTER", "node1"]])
        node1 = agent_id(mesos, "node1")
        mesos.call("DRAIN_AGENT", agent_id=node1)

        response = mesos.call("REACTIVATE_AGENT", agent_id=node1)
        assert (response.status_code, response.text) == (400, "Agent is still in the DRAINING state")

    def test_a_deactivated_agent_keeps_its_tasks(self, mesos: Mesos, spread: Marathon) -> None:
        before = hosts_of(spread)
        mesos.call("DEACTIVATE_AGENT", agent_id=agent_id(mesos, "node2"))

        assert mesos.agent("node2")["active"] is False
        assert hosts_of(spread) == before

    def test_an_agent_that_is_marked_gone_does_not_come_back(self, mesos: Mesos, spread: Marathon) -> None:
        gone = hosts_of(spread)[0]
        mesos.call("MARK_AGENT_GONE", agent_id=agent_id(mesos, gone))

        spread.wait(lambda: len(found := hosts_of(spread)) == 3 and gone not in found, "tasks moved")
        assert gone not in [agent["hostname"] for agent in mesos.get("/slaves")["slaves"]]

    def test_wrong_calls_are_refused(self, mesos: Mesos) -> None:
        unknown = mesos.call("DRAIN_AGENT", agent_id={"value": "nobody"})
        active = mesos.call("REACTIVATE_AGENT", agent_id=agent_id(mesos, "node1"))

        assert (unknown.status_code, unknown.text) == (400, "Unknown agent")
        assert (active.status_code, active.text) == (400, "Agent is not deactivated")


def window(*hostnames: str, **changes: Any) -> Json:
    machines = [{"hostname": hostname, "ip": "127.0.0.1"} for hostname in hostnames]
    unavailability = {"start": {"nanoseconds": 2_000_000_000 * 10**9}, "duration": {"nanoseconds": HOUR_NS}}
    return {"machine_ids": machines, "unavailability": unavailability, **changes}


class TestMaintenance:
    def test_from_the_schedule_down_and_up_again(self, mesos: Mesos, spread: Marathon) -> None:
        machine = [{"hostname": "node1", "ip": "127.0.0.1"}]
        assert mesos.get("/maintenance/schedule") == {}
        assert mesos.post("/maintenance/schedule", {"windows": [window("node1")]}).status_code == 200
        assert mesos.get("/maintenance/schedule") == {"windows": [window("node1")]}
        assert mesos.get("/maintenance/status") == {"draining_machines": [{"id": machine[0], "statuses": []}]}
        assert len(hosts_of(spread)) == 3  # scheduling alone ends nothing

        assert mesos.post("/machine/down", machine).status_code == 200
        assert mesos.get("/maintenance/status") == {"down_machines": machine}
        spread.wait(lambda: len(found := hosts_of(spread)) == 3 and "node1" not in found, "tasks moved")
        assert "node1" not in [agent["hostname"] for agent in mesos.get("/slaves")["slaves"]]

        assert mesos.post("/machine/up", machine).status_code == 200
        assert mesos.get("/maintenance/schedule") == {}
        assert mesos.agent("node1")["active"] is True

    def test_the_schedule_survives_a_restart(self, mesos: Mesos, cluster: SandboxProcess) -> None:
        mesos.post("/maintenance/schedule", {"windows": [window("node1")]})
        mesos.post("/machine/down", [{"hostname": "node1", "ip": "127.0.0.1"}])
        cluster.kill()
        cluster.start()

        assert mesos.get("/maintenance/schedule") == {"windows": [window("node1")]}
        assert mesos.get("/maintenance/status") == {
            "down_machines": [{"hostname": "node1", "ip": "127.0.0.1"}]
        }

    def test_a_new_schedule_replaces_the_old_one(self, mesos: Mesos) -> None:
        mesos.post("/maintenance/schedule", {"windows": [window("node1")]})
        mesos.post("/maintenance/schedule", {"windows": [window("node2")]})

        assert mesos.get("/maintenance/schedule") == {"windows": [window("node2")]}
        mesos.post("/maintenance/schedule", {"windows": []})
        assert mesos.get("/maintenance/status") == {}

    def test_marathon_places_nothing_on_a_machine_of_the_schedule(
        self, mesos: Mesos, cluster: SandboxProcess
    ) -> None:
        mesos.post("/maintenance/schedule", {"windows": [window("node1", "node2")]})
        marathon = Marathon(cluster.marathon)

        marathon.create("/web", instances=3)
        assert set(hosts_of(marathon)) == {"node3"}

    @pytest.mark.parametrize(
        ("windows", "words"),
        [
            ([window()], "List of machines in the maintenance window is empty"),
            ([window("node1"), window("node1")], "appears more than once in the schedule"),
            ([window(machine_ids=[{}])], "Both 'hostname' and 'ip' for a machine are empty"),
            (
                [
                    window(
                        "node1", unavailability={"start": {"nanoseconds": 1}, "duration": {"nanoseconds": -1}}
                    )
                ],
                "Unavailability 'duration' is negative",
            ),
        ],
    )
    def test_wrong_schedules(self, mesos: Mesos, windows: list[Json], words: str) -> None:
        response = mesos.post("/maintenance/schedule", {"windows": windows})

        assert response.status_code == 400
        assert words in response.text
        assert mesos.get("/maintenance/schedule") == {}

    def test_wrong_steps(self, mesos: Mesos) -> None:
        machine = [{"hostname": "node1", "ip": "127.0.0.1"}]
        unscheduled = mesos.post("/machine/down", machine)
        mesos.post("/maintenance/schedule", {"windows": [window("node1")]})
        not_down = mesos.post("/machine/up", machine)
        mesos.post("/machine/down", machine)
        twice = mesos.post("/machine/down", machine)
        dropped = mesos.post("/maintenance/schedule", {"windows": []})

        assert [response.status_code for response in (unscheduled, not_down, twice, dropped)] == [400] * 4
        assert "is not part of a maintenance schedule" in unscheduled.text
        assert "is not in DOWN mode and cannot be brought up" in not_down.text
        assert "is not in DRAINING mode and cannot be brought down" in twice.text
        assert "is deactivated and cannot be removed from the schedule" in dropped.text

    def test_a_machine_that_is_none_is_taken_without_a_word(self, mesos: Mesos) -> None:
        assert mesos.post("/maintenance/schedule", {"windows": [window("nobody")]}).status_code == 200
        assert mesos.get("/state")["activated_slaves"] == 3.0


class Records:
    """The events of a SUBSCRIBE stream, read by a thread: each is its length, a line feed, its JSON."""

    def __init__(self, mesos: Mesos) -> None:
        self._reply = requests.post(
            f"{mesos.master_url}/api/v1", json={"type": "SUBSCRIBE"}, stream=True, timeout=30
        )
        self.events: list[Json] = []
        threading.Thread(target=self._read, daemon=True).start()

    def of(self, kind: str) -> list[Json]:
        return [event[kind.lower()] for event in self.events if event["type"] == kind]

    def _read(self) -> None:
        pending = b""
        for piece in self._reply.iter_content(None):
            pending += piece
            while b"\n" in pending:
                length, _, rest = pending.partition(b"\n")
                if len(rest) < int(length):
                    break
                self.events.append(json.loads(rest[: int(length)]))
                pending = rest[int(length) :]


def test_a_subscriber_hears_of_tasks_and_agents(mesos: Mesos, cluster: SandboxProcess) -> None:
    marathon = Marathon(cluster.marathon)
    records = Records(mesos)
    marathon.wait(lambda: bool(records.of("SUBSCRIBED")), "the first event is there")
    (subscribed,) = records.of("SUBSCRIBED")
    assert len(subscribed["get_state"]["get_agents"]["agents"]) == 3
    assert subscribed["heartbeat_interval_seconds"] == 15.0

    marathon.create("/web", instances=1)
    task_id = marathon.tasks("/web")[0]["id"]
    marathon.wait(lambda: "TASK_RUNNING" in [e["state"] for e in records.of("TASK_UPDATED")], "it runs")
    assert [event["task"]["task_id"]["value"] for event in records.of("TASK_ADDED")] == [task_id]
    assert {event["status"]["task_id"]["value"] for event in records.of("TASK_UPDATED")} == {task_id}

    lost = agent_id(mesos, "node1")
    requests.post(f"{cluster.admin}/test/hosts/node1/partition", timeout=5).raise_for_status()
    marathon.wait(lambda: records.of("AGENT_REMOVED") == [{"agent_id": lost}], "the agent was lost")
    requests.post(f"{cluster.admin}/test/hosts/node1/restore", timeout=5).raise_for_status()
    marathon.wait(lambda: len(records.of("AGENT_ADDED")) == 1, "it is back")
