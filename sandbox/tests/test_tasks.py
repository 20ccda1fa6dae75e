"""Tasks are real processes: environment, files, ends, health, kills."""

from __future__ import annotations

import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sandbox.testing import SandboxProcess, running_sandbox
from sandbox.tests.api import HTTP_CHECK, SERVER, Json, Marathon

PRINT_ENVIRONMENT = """
import os, time
print(*(f"{name}={value}" for name, value in os.environ.items()), f"PWD={os.getcwd()}", "END=1", sep="\\n")
time.sleep(1000)
"""


def folder_of(sandbox: SandboxProcess, task: Json) -> Path:
    [folder] = sandbox.data.glob(f"*/slaves/*/frameworks/*/executors/{task['id']}/runs/latest")
    return folder


def environment_of(sandbox: SandboxProcess, marathon: Marathon, app_id: str) -> dict[str, str]:
    [task] = marathon.tasks(app_id)
    output = folder_of(sandbox, task) / "stdout"
    marathon.wait(lambda: "END=1" in output.read_text(), "the environment is printed")
    return dict(line.split("=", 1) for line in output.read_text().splitlines() if "=" in line)


def test_a_server_answers_on_its_port(marathon: Marathon) -> None:
    marathon.create("/web", cmd=SERVER, healthChecks=[HTTP_CHECK])
    [task] = marathon.tasks("/web")
    assert requests.get(f"http://127.0.0.1:{task['ports'][0]}/", timeout=5).status_code == 200
    [result] = task["healthCheckResults"]
    assert (result["alive"], result["consecutiveFailures"]) == (True, 0)
    assert marathon.app("/web")["tasksHealthy"] == 1


def test_the_environment_is_the_documented_one(shared_sandbox: SandboxProcess, marathon: Marathon) -> None:
    marathon.create(
        "/prod/web",
        # A shell would leave out PORT_ADMIN-API, which is no name for it.
        args=["python3", "-uc", PRINT_ENVIRONMENT],
        cmd=None,
        env={"COLOUR": "blue", "HOST": "mine"},
        labels={"team-name": "a b"},
        portDefinitions=[{"port": 0, "name": "http"}, {"port": 9000, "name": "admin-api"}],
    )
    env = environment_of(shared_sandbox, marathon, "/prod/web")
    app, [task] = marathon.app("/prod/web"), marathon.tasks("/prod/web")
    first, second = map(str, task["ports"])
    assert env["MARATHON_APP_ID"] == "/prod/web"
    assert env["MARATHON_APP_VERSION"] == app["version"]
    assert env["MARATHON_APP_RESOURCE_CPUS"] == "0.01"
    assert env["MARATHON_APP_RESOURCE_MEM"] == "8.0"
    assert (env["MARATHON_APP_LABELS"], env["MARATHON_APP_LABEL_TEAM_NAME"]) == ("TEAM_NAME", "a b")
    assert env["MESOS_TASK_ID"] == env["MESOS_EXECUTOR_ID"] == task["id"]
    assert env["MESOS_SLAVE_ID"] == task["slaveId"]
    assert env["MESOS_SANDBOX"] == env["MESOS_DIRECTORY"] == env["PWD"]
    assert (env["PORT"], env["PORT0"], env["PORT1"], env["PORTS"]) == (
        first,
        first,
        second,
        f"{first},{second}",
    )
    assert (env["PORT_HTTP"], env["PORT_ADMIN-API"], env["PORT_9000"]) == (first, second, second)
    assert (env["COLOUR"], env["HOST"]) == ("blue", "mine")


def test_nothing_of_the_sandboxs_own_environment_reaches_a_task(
    shared_sandbox: SandboxProcess, marathon: Marathon
) -> None:
    marathon.create("/web", cmd="env; echo END=1; exec sleep 1000", portDefinitions=[])
    env = environment_of(shared_sandbox, marathon, "/web")
    own = {name for name in env if not name.startswith(("MARATHON_", "MESOS_"))}
    assert own <= {"PATH", "LANG", "HOME", "HOST", "LIBPROCESS_PORT", "PWD", "END", "SHLVL", "_", "OLDPWD"}


def test_a_task_leads_its_own_session_and_process_group(marathon: Marathon) -> None:
    marathon.create("/web", cmd=SERVER, healthChecks=[HTTP_CHECK])
    [task] = marathon.tasks("/web")
    pid = pid_of(task)
    assert os.getpgid(pid) == os.getsid(pid) == pid


def test_args_are_executed_without_a_shell(shared_sandbox: SandboxProcess, marathon: Marathon) -> None:
    marathon.create("/web", cmd=None, args=["/bin/sh", "-c", "echo $0 END=1; exec sleep 1000", "$HOME"])
    [task] = marathon.tasks("/web")
    output = folder_of(shared_sandbox, task) / "stdout"
    marathon.wait(lambda: output.read_text() == "$HOME END=1\n", "the argument came unexpanded")


@pytest.mark.parametrize(
    ("cmd", "state", "message"),
    [
        ("exit 3", "TASK_FAILED", "Command exited with status 3"),
        ("kill -9 $$", "TASK_FAILED", "Command terminated with signal Killed"),
        ("exec /does/not/exist", "TASK_FAILED", "Command exited with status 127"),
    ],
)
def test_a_failure_is_told_in_mesos_words_and_backs_off(
    marathon: Marathon, cmd: str, state: str, message: str
) -> None:
    marathon.call(
        "POST", "/v2/apps", {"id": "/web", "cmd": cmd, "cpus": 0.01, "mem": 8, "backoffSeconds": 60}
    )
    marathon.wait(lambda: "lastTaskFailure" in marathon.app("/web"), "the failure is known")
    failure = marathon.app("/web")["lastTaskFailure"]
    assert (failure["state"], failure["message"]) == (state, message)
    assert failure["taskId"].endswith("._app.1")
    [item] = marathon.get("/v2/queue")["queue"]
    assert item["delay"]["overdue"] is False
    assert 55 <= item["delay"]["timeLeftSeconds"] <= 60


def test_a_finished_task_is_relaunched_but_is_no_failure(marathon: Marathon) -> None:
    with marathon.events() as log:
        marathon.call("POST", "/v2/apps", {"id": "/web", "cmd": "exit 0", "cpus": 0.01, "backoffSeconds": 0})
        updates = log.wait_for("status_update_event", 8)
    finished = [event for event in updates if event["taskStatus"] == "TASK_FINISHED"]
    assert [event["taskId"][-6:] for event in finished[:2]] == ["_app.1", "_app.2"]
    assert "lastTaskFailure" not in marathon.app("/web")


def test_an_image_without_a_command_fails_and_says_why(marathon: Marathon) -> None:
    body = {"id": "/web", "container": {"docker": {"image": "nginx"}}, "cpus": 0.01, "backoffSeconds": 60}
    marathon.call("POST", "/v2/apps", body)
    marathon.wait(lambda: "lastTaskFailure" in marathon.app("/web"), "the failure is known")
    assert "has no container engine" in marathon.app("/web")["lastTaskFailure"]["message"]


class TestKilling:
    def test_a_killed_task_comes_back_as_the_next_incarnation(self, marathon: Marathon) -> None:
        marathon.create("/web")
        [task] = marathon.tasks("/web")
        reply = marathon.call("DELETE", f"/v2/apps/web/tasks/{task['id']}")
        assert reply.json()["task"]["id"] == task["id"]
        wanted = task["id"].replace("._app.1", "._app.2")
        marathon.wait(lambda: [t["id"] for t in running(marathon)] == [wanted], "the next incarnation runs")
        assert "lastTaskFailure" not in marathon.app("/web")

    def test_scale_lowers_the_number_of_instances(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=3)
        doomed = marathon.tasks("/web")[:2]
        body = {"ids": [task["id"] for task in doomed]}
        reply = marathon.done("POST", "/v2/tasks/delete?scale=true", body)
        assert set(reply.json()) == {"version", "deploymentId"}
        assert marathon.app("/web")["instances"] == 1
        left = {task["id"] for task in marathon.tasks("/web")}
        assert len(left) == 1
        assert not left & set(body["ids"])

    def test_wipe_gives_the_instance_up_and_another_takes_its_place(self, marathon: Marathon) -> None:
        marathon.create("/web")
        [task] = marathon.tasks("/web")
        marathon.call("DELETE", "/v2/apps/web/tasks?wipe=true")
        marathon.wait(
            lambda: (
                [t["id"].split("._app")[0] for t in running(marathon)]
                not in ([], [task["id"].split("._app")[0]])
            ),
            "a new instance runs",
        )

    def test_all_tasks_of_one_host(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=3, constraints=[["hostname", "UNIQUE"]])
        victim = marathon.tasks("/web")[0]
        killed = marathon.call("DELETE", f"/v2/apps/web/tasks?host={victim['host']}").json()["tasks"]
        assert [task["id"] for task in killed] == [victim["id"]]

    def test_what_cannot_be_killed(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=0)
        both = marathon.call("DELETE", "/v2/apps/web/tasks?wipe=true&scale=true")
        assert both.status_code == 404  # nothing to scale down
        garbage = marathon.call("POST", "/v2/tasks/delete", {"ids": ["x"]})
        assert (garbage.status_code, garbage.json()["message"][:19]) == (400, "Invalid task id 'x'")
        unknown = "web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.1"
        assert marathon.call("POST", "/v2/tasks/delete", {"ids": [unknown]}).json() == {"tasks": []}
        missing = marathon.call("DELETE", f"/v2/apps/web/tasks/{unknown}")
        assert missing.json() == {"message": f"Task '{unknown}' does not exist"}

    def test_who_ignores_sigterm_is_killed_after_the_grace(self, marathon: Marathon) -> None:
        marathon.create(
            "/web",
            cmd="trap '' TERM; while true; do sleep 0.1; done",
            taskKillGracePeriodSeconds=0,
        )
        with marathon.events() as log:
            marathon.call("DELETE", "/v2/apps/web/tasks")
            marathon.wait(lambda: any(is_killed(event) for event in log.events), "it was killed")
        [event] = [event for event in log.events if is_killed(event)]
        assert event["message"] == "Command terminated with signal Killed"

    def test_children_do_not_survive_their_task(
        self, shared_sandbox: SandboxProcess, marathon: Marathon
    ) -> None:
        marathon.create("/web", cmd="sleep 1000 & echo $!; exec sleep 1000")
        output = folder_of(shared_sandbox, marathon.tasks("/web")[0]) / "stdout"
        marathon.wait(lambda: output.read_text().endswith("\n"), "the child's number is printed")
        child = int(output.read_text())
        marathon.done("DELETE", "/v2/apps/web")
        marathon.wait(lambda: not Path(f"/proc/{child}").exists(), "the child is gone")


NUMBERS = "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo line $i; done; echo done >&2; "


class TestOutput:
    @pytest.fixture
    def rotating(self, tmp_path: Path) -> Iterator[SandboxProcess]:
        """A sandbox that keeps a file of 4,000 bytes and two older ones."""
        with running_sandbox(tmp_path, log_max_bytes=4000, log_files=2) as sandbox:
            yield sandbox

    def test_a_file_that_is_full_becomes_an_older_one_of_which_some_are_kept(
        self, rotating: SandboxProcess
    ) -> None:
        marathon = Marathon(rotating.marathon)
        marathon.create("/web", cmd=NUMBERS + "exec sleep 1000")
        folder = folder_of(rotating, marathon.tasks("/web")[0])
        marathon.wait(lambda: (folder / "stdout").read_text().endswith("line 1000\n"), "all is printed")

        files = [folder / "stdout.2", folder / "stdout.1", folder / "stdout"]
        assert [file.stat().st_size for file in files] == [4000, 4000, 893]
        assert not (folder / "stdout.3").exists()
        kept = "".join(file.read_text() for file in files)
        assert "".join(f"line {number}\n" for number in range(1, 1001)).endswith(kept)
        assert (folder / "stderr").read_text() == "done\n"

    def test_the_last_words_are_there_when_the_end_is_told(
        self, shared_sandbox: SandboxProcess, marathon: Marathon
    ) -> None:
        marathon.call(
            "POST", "/v2/apps", {"id": "/web", "cmd": NUMBERS + "exit 3", "cpus": 0.01, "backoffSeconds": 60}
        )
        marathon.wait(lambda: "lastTaskFailure" in marathon.app("/web"), "its end is told")
        task = marathon.app("/web")["lastTaskFailure"]["taskId"]
        assert (folder_of(shared_sandbox, {"id": task}) / "stdout").read_text().endswith("line 1000\n")


class TestHealth:
    def test_a_sick_task_is_killed_at_failure_number_max_plus_one(self, marathon: Marathon) -> None:
        check = {**HTTP_CHECK, "path": "/none", "gracePeriodSeconds": 0, "maxConsecutiveFailures": 2}
        with marathon.events() as log:
            marathon.call(
                "POST", "/v2/apps", {"id": "/web", "cmd": SERVER, "cpus": 0.01, "healthChecks": [check]}
            )
            [kill] = log.wait_for("unhealthy_instance_kill_event")
            marathon.wait(lambda: any(is_killed(event) for event in log.events), "it was killed")
        assert len([event for event in log.events if event["eventType"] == "failed_health_check_event"]) == 3
        failure = marathon.app("/web")["lastTaskFailure"]
        assert kill["taskId"] == failure["taskId"]
        assert failure["message"] == ("Task was killed since health check failed. Reason: 404 File not found")

    @pytest.mark.parametrize(
        "check",
        [
            {"protocol": "TCP", "intervalSeconds": 1},
            {"protocol": "MESOS_HTTP", "intervalSeconds": 1, "delaySeconds": 0},
            {
                "protocol": "COMMAND",
                "command": {"value": "test -n $PORT0"},
                "intervalSeconds": 1,
                "delaySeconds": 0,
            },
        ],
    )
    def test_other_kinds_of_checks(self, marathon: Marathon, check: Json) -> None:
        marathon.create("/web", cmd=SERVER, healthChecks=[{"gracePeriodSeconds": 20, **check}])
        assert marathon.app("/web")["tasksHealthy"] == 1

    def test_a_failing_command_check_kills_at_failure_number_max(self, marathon: Marathon) -> None:
        check = {
            "protocol": "COMMAND",
            "command": {"value": "exit 7"},
            "intervalSeconds": 0,
            "delaySeconds": 0,
            "gracePeriodSeconds": 0,
            "maxConsecutiveFailures": 2,
        }
        with marathon.events() as log:
            body = {"id": "/web", "cmd": "exec sleep 1000", "cpus": 0.01, "healthChecks": [check]}
            marathon.call("POST", "/v2/apps", body)
            [kill, *_] = log.wait_for("unhealthy_instance_kill_event")
        assert kill["reason"] == "Command returned 7"

    def test_failures_in_the_grace_period_do_not_count(self, marathon: Marathon) -> None:
        check = {**HTTP_CHECK, "path": "/none", "gracePeriodSeconds": 1000}
        marathon.call(
            "POST", "/v2/apps", {"id": "/web", "cmd": SERVER, "cpus": 0.01, "healthChecks": [check]}
        )
        marathon.wait(lambda: marathon.app("/web")["tasksRunning"] == 1, "it runs")
        app = marathon.app("/web")
        assert (app["tasksHealthy"], app["tasksUnhealthy"]) == (0, 0)
        assert app["deployments"]


def running(marathon: Marathon) -> list[Json]:
    return [task for task in marathon.tasks("/web") if task["state"] == "TASK_RUNNING"]


def is_killed(event: Json) -> bool:
    return bool(event["eventType"] == "status_update_event" and event["taskStatus"] == "TASK_KILLED")


def pid_of(task: Json) -> int:
    """The process that listens on the task's first port is the task's own (its command is exec'd)."""
    port = str(task["ports"][0])
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if port.encode() in arguments and b"http.server" in arguments:
            return int(path.parent.name)
    raise AssertionError(f"nothing runs for port {port}")


def test_kill_9_of_a_process_is_noticed_at_once(marathon: Marathon) -> None:
    marathon.create("/web", cmd=SERVER, healthChecks=[HTTP_CHECK], backoffSeconds=0)
    [task] = marathon.tasks("/web")
    os.kill(pid_of(task), signal.SIGKILL)
    wanted = task["id"].replace("._app.1", "._app.2")
    marathon.wait(lambda: [t["id"] for t in running(marathon)] == [wanted], "the next incarnation runs")
    assert marathon.app("/web")["lastTaskFailure"]["message"] == "Command terminated with signal Killed"


class TestFetching:
    @pytest.fixture
    def artifact(self, tmp_path: Path) -> Path:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "index.html").write_text("hello")
        with tarfile.open(tmp_path / "site.tgz", "w:gz") as archive:
            archive.add(tmp_path / "site", "site")
        return tmp_path / "site.tgz"

    def test_archives_are_unpacked_and_files_are_renamed(
        self, shared_sandbox: SandboxProcess, marathon: Marathon, artifact: Path
    ) -> None:
        fetch = [
            {"uri": f"file://{artifact}"},
            {"uri": str(artifact), "extract": False, "destPath": "kept/copy.tgz"},
        ]
        marathon.create("/web", fetch=fetch)
        folder = folder_of(shared_sandbox, marathon.tasks("/web")[0])
        assert (folder / "site" / "index.html").read_text() == "hello"
        assert (folder / "kept" / "copy.tgz").read_bytes() == artifact.read_bytes()

    def test_over_http(self, shared_sandbox: SandboxProcess, marathon: Marathon, artifact: Path) -> None:
        marathon.create("/files", cmd=f"cd {artifact.parent} && {SERVER}", healthChecks=[HTTP_CHECK])
        port = marathon.tasks("/files")[0]["ports"][0]
        fetch = [{"uri": f"http://127.0.0.1:{port}/site/index.html", "executable": True}]
        marathon.create("/web", fetch=fetch)
        page = folder_of(shared_sandbox, marathon.tasks("/web")[0]) / "index.html"
        assert page.read_text() == "hello"
        assert os.access(page, os.X_OK)

    @pytest.mark.parametrize(
        ("fetch", "reason"),
        [
            ({"uri": "file:///does/not/exist"}, "No such file or directory"),
            ({"uri": "hdfs://a/b"}, "the sandbox fetches http, https and file, not 'hdfs'"),
            ({"uri": "file:///etc/hostname", "destPath": "../up"}, "lies outside the sandbox folder"),
        ],
    )
    def test_what_cannot_be_had_fails_the_task(self, marathon: Marathon, fetch: Json, reason: str) -> None:
        body = {"id": "/web", "cmd": "exec sleep 1000", "cpus": 0.01, "backoffSeconds": 60, "fetch": [fetch]}
        marathon.call("POST", "/v2/apps", body)
        marathon.wait(lambda: "lastTaskFailure" in marathon.app("/web"), "the failure is known")
        message = marathon.app("/web")["lastTaskFailure"]["message"]
        assert message.startswith("Failed to launch container: Failed to fetch all URIs")
        assert reason in message
