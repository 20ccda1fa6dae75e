"""kill -9 loses nothing; an orderly stop leaves nothing running."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
import requests

from sandbox.testing import SandboxProcess
from sandbox.tests.api import HTTP_CHECK, SERVER, Json, Marathon


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().split()[3])


def answers(task: Json) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{task['ports'][0]}/", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def task_pid(sandbox: SandboxProcess, task: Json) -> int:
    """A task's command writes its pid into its folder."""
    [path] = sandbox.data.glob(f"*/slaves/*/frameworks/*/executors/{task['id']}/runs/latest/pid")
    return int(path.read_text())


WITH_PID = "echo $$ > pid; "


def test_running_tasks_are_adopted_with_their_health(
    own_sandbox: SandboxProcess, own_marathon: Marathon
) -> None:
    own_marathon.create("/web", cmd=SERVER, instances=2, healthChecks=[HTTP_CHECK], labels={"a": "b"})
    before = own_marathon.app("/web")
    own_sandbox.kill()
    assert all(answers(task) for task in before["tasks"])
    own_sandbox.start()
    after = own_marathon.app("/web")
    for key in ("version", "versionInfo", "labels", "portDefinitions", "tasksRunning", "tasksHealthy"):
        assert after[key] == before[key]

    def identity(app: Json) -> list[tuple[str, ...]]:
        keys = ("id", "host", "ports", "startedAt", "version")
        return sorted(tuple(str(task[key]) for key in keys) for task in app["tasks"])

    assert identity(after) == identity(before)
    own_marathon.done("DELETE", "/v2/apps/web")
    assert not any(answers(task) for task in before["tasks"])


def test_exit_codes_are_exact_whether_a_task_ends_before_or_after_the_restart(
    own_sandbox: SandboxProcess, own_marathon: Marathon
) -> None:
    waits_for_file = WITH_PID + "while ! test -e go; do sleep 0.02; done; exit 41"
    own_marathon.create("/before", cmd=waits_for_file, backoffSeconds=100)
    own_marathon.create("/after", cmd=WITH_PID + "exec sleep 1000", backoffSeconds=100)
    [before], [after] = own_marathon.tasks("/before"), own_marathon.tasks("/after")
    before_pid = task_pid(own_sandbox, before)
    own_sandbox.kill()
    Path(f"/proc/{before_pid}/cwd/go").touch()
    own_marathon.wait(lambda: not is_alive(before_pid), "the task has ended while nobody looked")
    own_sandbox.start()
    os.kill(task_pid(own_sandbox, after), signal.SIGUSR1)

    def message(app_id: str) -> str:
        return str(own_marathon.app(app_id).get("lastTaskFailure", {}).get("message"))

    own_marathon.wait(lambda: message("/after") != "None", "the second end is known")
    assert message("/before") == "Command exited with status 41"
    assert message("/after") == "Command terminated with signal User defined signal 1"


def test_a_deployment_goes_on_where_it_was(own_sandbox: SandboxProcess, own_marathon: Marathon) -> None:
    check = {**HTTP_CHECK, "intervalSeconds": 1}
    own_marathon.create("/web", cmd=SERVER, instances=3, healthChecks=[check])
    one_by_one = {"minimumHealthCapacity": 1, "maximumOverCapacity": 0}
    reply = own_marathon.call("PUT", "/v2/apps/web", {"env": {"A": "1"}, "upgradeStrategy": one_by_one})
    version = reply.json()["version"]
    own_marathon.wait(
        lambda: 0 < sum(task["version"] == version for task in own_marathon.tasks("/web")) < 3,
        "the rollout is in the middle",
    )
    own_sandbox.kill()
    own_sandbox.start()
    [deployment] = own_marathon.deployments()
    assert deployment["id"] == reply.json()["deploymentId"]
    own_marathon.wait_for_deployments()
    tasks = own_marathon.tasks("/web")
    assert [task["version"] for task in tasks] == [version] * 3
    assert all(answers(task) for task in tasks)


def test_an_orderly_stop_ends_all_tasks_and_the_next_start_brings_them_back(
    own_sandbox: SandboxProcess, own_marathon: Marathon
) -> None:
    own_marathon.create("/web", cmd=WITH_PID + "exec sleep 1000", instances=2)
    before = own_marathon.tasks("/web")
    pids = [task_pid(own_sandbox, task) for task in before]
    launcher = parent_of(pids[0])
    own_sandbox.stop()
    assert not any(is_alive(pid) for pid in [*pids, launcher])
    own_sandbox.start()
    own_marathon.wait(lambda: own_marathon.app("/web")["tasksRunning"] == 2, "both run again")
    after = own_marathon.tasks("/web")
    assert [task["id"] for task in after] == [task["id"].replace("_app.1", "_app.2") for task in before]
    assert "lastTaskFailure" not in own_marathon.app("/web")


def test_if_the_launcher_dies_its_tasks_are_replaced(
    own_sandbox: SandboxProcess, own_marathon: Marathon
) -> None:
    own_marathon.create("/web", cmd=WITH_PID + "exec sleep 1000", backoffSeconds=0)
    [task] = own_marathon.tasks("/web")
    pid = task_pid(own_sandbox, task)
    os.kill(parent_of(pid), signal.SIGKILL)
    own_marathon.wait(
        lambda: (
            [t["id"][-6:] for t in own_marathon.tasks("/web") if t["state"] == "TASK_RUNNING"] == ["_app.2"]
        ),
        "the task was replaced",
    )
    assert not is_alive(pid)
    assert own_marathon.app("/web")["lastTaskFailure"]["message"] == "Executor terminated"


@pytest.mark.parametrize("ending", ["kill", "stop"])
def test_history_survives(own_sandbox: SandboxProcess, own_marathon: Marathon, ending: str) -> None:
    own_marathon.create("/prod/web", instances=0)
    own_marathon.done("PUT", "/v2/apps/prod/web", {"mem": 16})
    versions = own_marathon.get("/v2/apps/prod/web/versions")
    group = own_marathon.get("/v2/groups/prod")
    framework = own_marathon.get("/v2/info")["frameworkId"]
    getattr(own_sandbox, ending)()
    own_sandbox.start()
    assert own_marathon.get("/v2/apps/prod/web/versions") == versions
    assert own_marathon.get("/v2/groups/prod") == group
    assert own_marathon.get("/v2/info")["frameworkId"] == framework
    assert len(own_marathon.get("/v2/groups/prod/versions")) == 2


def test_a_port_that_is_taken_stops_the_start_and_harms_nothing(
    own_sandbox: SandboxProcess, own_marathon: Marathon
) -> None:
    own_marathon.create("/web", cmd=WITH_PID + "exec sleep 1000")
    [task] = own_marathon.tasks("/web")
    own_sandbox.kill()
    port = int(own_marathon.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(RuntimeError, match=f"port {port} on 127.0.0.1 cannot be opened"):
            own_sandbox.start()
        assert is_alive(task_pid(own_sandbox, task))
    own_sandbox.start()
    assert own_marathon.tasks("/web")[0]["id"] == task["id"]


def test_two_sandboxes_do_not_share_a_folder(own_sandbox: SandboxProcess, tmp_path: Path) -> None:
    rival = SandboxProcess(tmp_path, {"clusters": [{"name": "test", "hosts": []}]})
    with pytest.raises(RuntimeError, match="another sandbox runs on"):
        rival.start()
    rival.kill()
