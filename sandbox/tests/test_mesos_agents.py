"""The Mesos agents' API: state, what tasks really use, and the sandbox folders' files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.testing import SandboxProcess, running_sandbox
from sandbox.tests.api import Marathon
from sandbox.tests.mesos import Mesos

BUSY = "python3 -c 'while True: pass' & head -c 30000000 /dev/zero | tail -c 1 > /dev/null; wait"


@pytest.fixture
def mesos(shared_sandbox: SandboxProcess) -> Mesos:
    return Mesos(shared_sandbox)


class Placed:
    """A task of the shared sandbox, with its host and folder."""

    def __init__(self, marathon: Marathon, mesos: Mesos, command: str, **definition: Any) -> None:
        marathon.create("/web", instances=1, cmd=command, cpus=0.5, mem=64, **definition)
        self.task = marathon.tasks("/web")[0]
        self.id: str = self.task["id"]
        self.host: str = self.task["host"]
        state = mesos.ask_agent(self.host, "/state").json()
        (self.framework,) = state["frameworks"]
        (self.executor,) = [item for item in self.framework["executors"] if item["id"] == self.id]
        self.folder: str = self.executor["directory"]


class TestState:
    def test_the_executor_of_a_task_is_named_like_the_task(self, marathon: Marathon, mesos: Mesos) -> None:
        placed = Placed(marathon, mesos, "exec sleep 1000")

        assert placed.executor["source"] == placed.id
        assert [task["id"] for task in placed.executor["tasks"]] == [placed.id]
        assert Path(placed.folder, "stdout").exists()

    def test_an_ended_one_is_remembered(self, marathon: Marathon, mesos: Mesos) -> None:
        placed = Placed(marathon, mesos, "exec sleep 1000")
        marathon.done("DELETE", "/v2/apps/web")

        (framework,) = mesos.ask_agent(placed.host, "/state").json()["frameworks"]
        assert placed.id not in [item["id"] for item in framework["executors"]]
        (ended,) = [item for item in framework["completed_executors"] if item["id"] == placed.id]
        assert ended["directory"] == placed.folder

    def test_each_agent_answers_for_itself(self, mesos: Mesos) -> None:
        states = [mesos.ask_agent(f"node{n}", "/state").json() for n in (1, 2, 3)]

        assert [state["hostname"] for state in states] == ["node1", "node2", "node3"]
        assert len({state["id"] for state in states}) == 3
        assert {state["pid"] for state in states} == {
            agent["pid"] for agent in mesos.get("/slaves")["slaves"]
        }

    def test_without_a_prefix_nobody_can_tell_which(self, mesos: Mesos) -> None:
        response = requests.get(f"{mesos.agent_url}/state", timeout=5)

        assert (response.status_code, "/slave(1)/state" in response.text) == (404, True)
        assert requests.get(f"{mesos.agent_url}/slave(99)/state", timeout=5).status_code == 404

    def test_a_host_that_is_away_does_not_answer(self, tmp_path: Path) -> None:
        with running_sandbox(tmp_path) as sandbox:
            marathon, mesos = Marathon(sandbox.marathon), Mesos(sandbox)
            placed = Placed(marathon, mesos, "echo here; exec sleep 1000")
            prefix = mesos.agent(placed.host)["pid"].partition("@")[0]
            requests.post(f"{sandbox.admin}/test/hosts/{placed.host}/lose", timeout=5).raise_for_status()

            for path in (f"/{prefix}/state", f"/files/read?path={placed.folder}/stdout"):
                with pytest.raises(requests.ConnectionError):
                    requests.get(mesos.agent_url + path, timeout=5)
            marathon.wait(lambda: len(mesos.get("/slaves")["slaves"]) == 2, "the master has noticed")


class TestStatistics:
    def test_cpu_and_memory_of_all_its_processes_are_measured(self, marathon: Marathon, mesos: Mesos) -> None:
        placed = Placed(marathon, mesos, BUSY)

        def statistics() -> dict[str, float]:
            found = mesos.ask_agent(placed.host, "/monitor/statistics").json()
            (mine,) = [item["statistics"] for item in found if item["executor_id"] == placed.id]
            return dict(mine)

        marathon.wait(lambda: statistics()["cpus_user_time_secs"] > 0.3, "its child has worked")
        first = statistics()
        marathon.wait(
            lambda: statistics()["cpus_user_time_secs"] > first["cpus_user_time_secs"] + 0.1, "it goes on"
        )
        second = statistics()
        assert second["timestamp"] > first["timestamp"]
        assert (second["cpus_limit"], second["mem_limit_bytes"]) == (0.6, 96 * 1024 * 1024)
        assert second["mem_rss_bytes"] > 1_000_000
        assert second["processes"] >= 2

    def test_a_container_can_be_asked_for(self, marathon: Marathon, mesos: Mesos) -> None:
        placed = Placed(marathon, mesos, "exec sleep 1000")

        (found,) = mesos.ask_agent(placed.host, "/containers", executor_id=placed.id).json()
        assert found["container_id"] == placed.executor["container"]
        assert found["status"]["executor_pid"] > 0
        assert found["statistics"]["cpus_limit"] == 0.6
        assert mesos.ask_agent(placed.host, "/containers", container_id="nobody").json() == []


class TestFiles:
    @pytest.fixture
    def placed(self, marathon: Marathon, mesos: Mesos) -> Placed:
        command = (
            "printf 'one\\ntwo 海\\n'; mkdir sub; echo x > sub/f; ln -s /etc/passwd link; exec sleep 1000"
        )
        found = Placed(marathon, mesos, command)
        marathon.wait(lambda: Path(found.folder, "link").is_symlink(), "it has written")
        return found

    def test_browse(self, mesos: Mesos, placed: Placed) -> None:
        entries = mesos.files("browse", path=placed.folder).json()

        assert [entry["path"] for entry in entries] == [
            f"{placed.folder}/{name}" for name in ("stderr", "stdout", "sub")
        ]
        stdout = entries[1]
        assert (stdout["size"], stdout["mode"][0], stdout["nlink"]) == (12, "-", 1)
        assert entries[2]["mode"].startswith("d")
        assert mesos.files("browse", path=f"{placed.folder}/stdout").json() == []
        assert mesos.files("browse", path=f"{placed.folder}/nosuch").status_code == 404

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, {"data": "", "offset": 12}),
            ({"offset": -1}, {"data": "", "offset": 12}),
            ({"offset": 0}, {"data": "one\ntwo 海\n", "offset": 0}),
            ({"offset": 4, "length": 3}, {"data": "two", "offset": 4}),
            ({"offset": 4, "length": 0}, {"data": "", "offset": 4}),
            ({"offset": 12}, {"data": "", "offset": 12}),
            ({"offset": 99}, {"data": "", "offset": 99}),
        ],
    )
    def test_read(
        self, mesos: Mesos, placed: Placed, query: dict[str, int], expected: dict[str, object]
    ) -> None:
        assert mesos.files("read", path=f"{placed.folder}/stdout", **query).json() == expected

    def test_a_read_counts_bytes_and_carries_them_as_they_are(self, mesos: Mesos, placed: Placed) -> None:
        response = mesos.files("read", path=f"{placed.folder}/stdout", offset=8, length=2)

        text = response.content.decode("utf-8", "surrogateescape")
        assert json.loads(text)["data"].encode("utf-8", "surrogateescape") == "海".encode()[:2]

    def test_one_read_gives_64_kib_at_most(self, mesos: Mesos, placed: Placed) -> None:
        Path(placed.folder, "big").write_bytes(b"x" * 100_000)

        found = mesos.files("read", path=f"{placed.folder}/big", offset=1, length=100_000).json()
        assert len(found["data"]) == 65_536

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"offset": -2}, 400),
            ({"offset": 0, "length": -2}, 400),
            ({"offset": "many"}, 400),
        ],
    )
    def test_wrong_numbers(self, mesos: Mesos, placed: Placed, query: dict[str, object], status: int) -> None:
        assert mesos.files("read", path=f"{placed.folder}/stdout", **query).status_code == status

    def test_download(self, mesos: Mesos, placed: Placed) -> None:
        response = mesos.files("download", path=f"{placed.folder}/stdout")

        assert response.content == "one\ntwo 海\n".encode()
        assert response.headers["Content-Disposition"] == "attachment; filename=stdout"
        assert response.headers["Content-Type"] == "application/octet-stream"

    def test_a_directory_is_neither_read_nor_downloaded(self, mesos: Mesos, placed: Placed) -> None:
        for call in ("read", "download"):
            assert mesos.files(call, path=placed.folder).status_code == 400

    def test_virtual_paths(self, mesos: Mesos, placed: Placed) -> None:
        virtual = f"/frameworks/{placed.framework['id']}/executors/{placed.id}/runs/latest"

        found = mesos.files("read", path=f"{virtual}/stdout", offset=0, length=3).json()
        assert found["data"] == "one"
        assert mesos.files("debug").json()[virtual] == placed.folder

    @pytest.mark.parametrize("call", ["browse", "read", "download"])
    def test_nothing_outside_the_folders_is_shown(self, mesos: Mesos, placed: Placed, call: str) -> None:
        data = Path(placed.folder).parents[8]
        outside = [
            "/etc/passwd",
            f"{placed.folder}/link",
            f"{placed.folder}/../../../../../../../../../../state.sqlite",
            str(data / "state.sqlite"),
            "/frameworks/../../../../../etc/passwd",
        ]
        for path in outside:
            response = mesos.files(call, path=path, offset=0)
            assert response.status_code in (400, 404), path
            assert b"root:" not in response.content

    def test_a_path_is_needed(self, mesos: Mesos) -> None:
        response = mesos.files("read")

        assert (response.status_code, response.text.strip()) == (400, "Expecting 'path=value' in query.")


@pytest.fixture
def reserved(tmp_path: Path) -> Iterator[Mesos]:
    """A host with a custom scalar and something reserved for a role."""
    host = {
        "hostname": "big",
        "attributes": {"rack": "a", "level": "3"},
        "resources": "cpus:2;mem:512;disk_io:200;cpus(web):1;ports:[21000-21010]",
    }
    with running_sandbox(tmp_path, hosts=[host]) as sandbox:
        yield Mesos(sandbox)


def test_custom_scalars_and_reservations_are_shown(reserved: Mesos) -> None:
    agent = reserved.agent("big")

    assert agent["attributes"] == {"rack": "a", "level": 3.0}
    assert agent["resources"] == {
        "cpus": 3.0, "gpus": 0.0, "mem": 512.0, "disk": 0.0, "disk_io": 200.0, "ports": "[21000-21010]",
    }  # fmt: skip
    assert agent["reserved_resources"] == {"web": {"cpus": 1.0, "gpus": 0.0, "mem": 0.0, "disk": 0.0}}
    assert agent["unreserved_resources"]["cpus"] == 2.0
    assert agent["reserved_resources_full"]["web"][0]["reservations"] == [{"type": "STATIC", "role": "web"}]
    # The only agent of its port needs no prefix.
    assert requests.get(f"{reserved.agent_url}/state", timeout=5).json()["hostname"] == "big"
