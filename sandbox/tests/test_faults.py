"""What the admin door breaks, breaks; and it can be mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.testing import SandboxProcess, running_sandbox
from sandbox.tests.api import HTTP_CHECK, SERVER, Json, Marathon


class Admin:
    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, method: str, path: str, body: Any = None) -> Json:
        reply = requests.request(method, self._url + path, json=body, timeout=5)
        assert reply.status_code in (200, 201), reply.text
        answer: Json = reply.json()
        return answer

    def active(self) -> Json:
        faults: Json = self.call("GET", "/")["test"]
        return faults


@pytest.fixture
def admin(shared_sandbox: SandboxProcess) -> Iterator[Admin]:
    door = Admin(shared_sandbox.admin)
    yield door
    door.call("DELETE", "/")


class TestApi:
    def test_a_number_of_calls_fails(self, marathon: Marathon, admin: Admin) -> None:
        admin.call("POST", "/test/api", {"kind": "error", "status": 503, "calls": 2})
        statuses = [marathon.call("GET", "/v2/apps").status_code for _ in range(3)]
        assert statuses == [503, 503, 200]
        assert admin.active()["api"] == []

    def test_only_the_calls_meant_fail(self, marathon: Marathon, admin: Admin) -> None:
        admin.call("POST", "/test/api", {"kind": "error", "method": "put", "path": "^/v2/apps/web"})
        marathon.create("/web", instances=0)
        assert marathon.call("GET", "/v2/apps/web").status_code == 200
        assert marathon.call("PUT", "/v2/apps/web", {"instances": 1}).status_code == 503
        assert marathon.app("/web")["instances"] == 0

    def test_an_answer_is_lost_though_the_write_happened(self, marathon: Marathon, admin: Admin) -> None:
        marathon.create("/web", instances=0)
        admin.call("POST", "/test/api", {"kind": "lose_answer", "method": "PUT", "calls": 1})
        with pytest.raises(requests.ConnectionError):
            marathon.call("PUT", "/v2/apps/web", {"instances": 1})
        assert marathon.app("/web")["instances"] == 1

    def test_a_hanging_api_lets_go_when_it_is_mended(self, marathon: Marathon, admin: Admin) -> None:
        admin.call("POST", "/test/api", {"kind": "hang"})
        with pytest.raises(requests.ReadTimeout):
            marathon.call("GET", "/v2/apps", timeout=0.2)
        admin.call("DELETE", "/test/api")
        assert marathon.call("GET", "/v2/apps").status_code == 200

    def test_a_slow_api(self, marathon: Marathon, admin: Admin) -> None:
        admin.call("POST", "/test/api", {"kind": "delay", "delay_s": 0.3, "calls": 1})
        with pytest.raises(requests.ReadTimeout):
            marathon.call("GET", "/v2/apps", timeout=0.1)
        assert marathon.call("GET", "/v2/apps", timeout=0.1).status_code == 200


class TestEvents:
    def test_cut_streams_end(self, marathon: Marathon, admin: Admin) -> None:
        with marathon.events() as log:
            assert admin.call("POST", "/test/events/cut") == {"cut": 1}
            assert log.ended.wait(5)

    def test_a_silent_stream_stays_open_and_says_nothing(self, marathon: Marathon, admin: Admin) -> None:
        with marathon.events() as log:
            admin.call("PUT", "/test/events", {"silent": True})
            marathon.create("/web")
            assert log.kinds() == ["event_stream_attached"]
            assert not log.ended.is_set()

    def test_dropped_events_are_counted(self, marathon: Marathon, admin: Admin) -> None:
        with marathon.events() as log:
            admin.call("PUT", "/test/events", {"drop": 1})
            marathon.create("/web")
            assert log.kinds() == ["event_stream_attached"]
        assert admin.active()["events"]["dropped"] > 5


class TestHosts:
    @pytest.fixture
    def web(self, marathon: Marathon, admin: Admin) -> Json:
        marathon.create("/web", cmd=SERVER, healthChecks=[HTTP_CHECK])
        return marathon.tasks("/web")[0]

    def answers(self, task: Json) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{task['ports'][0]}/", timeout=1).ok
        except requests.ConnectionError:
            return False

    def test_a_lost_hosts_tasks_die_and_are_replaced_elsewhere(
        self, marathon: Marathon, admin: Admin, web: Json
    ) -> None:
        with marathon.events() as log:
            admin.call("POST", f"/test/hosts/{web['host']}/lose")
            marathon.wait(
                lambda: [task["host"] != web["host"] for task in marathon.tasks("/web")] == [True],
                "a replacement is elsewhere",
            )
            marathon.wait(lambda: marathon.app("/web")["tasksHealthy"] == 1, "it is healthy")
            updates = log.wait_for("status_update_event", 4)
        states = [event["taskStatus"] for event in updates if event["taskId"] == web["id"]]
        assert states == ["TASK_UNREACHABLE"]
        assert not self.answers(web)
        assert admin.active()["lost_hosts"] == [web["host"]]

    def test_a_task_behind_a_partition_lives_on_and_is_killed_when_it_is_seen_again(
        self, marathon: Marathon, admin: Admin, web: Json
    ) -> None:
        admin.call("POST", f"/test/hosts/{web['host']}/partition")
        marathon.wait(
            lambda: [t["host"] != web["host"] for t in marathon.tasks("/web")] == [True], "it was replaced"
        )
        assert self.answers(web)
        with marathon.events() as log:
            admin.call("POST", f"/test/hosts/{web['host']}/restore")
            [gone] = log.wait_for("unknown_instance_terminated_event")
        assert gone["instanceId"] == web["id"].split("._app")[0]
        marathon.wait(lambda: not self.answers(web), "the left-over was killed")

    def test_an_unreachable_instance_is_waited_for_if_the_app_says_so(
        self, marathon: Marathon, admin: Admin
    ) -> None:
        marathon.create("/web", unreachableStrategy="disabled")
        [task] = marathon.tasks("/web")
        admin.call("POST", f"/test/hosts/{task['host']}/partition")
        marathon.wait(lambda: marathon.tasks("/web")[0]["state"] == "TASK_UNREACHABLE", "it is unreachable")
        admin.call("POST", f"/test/hosts/{task['host']}/restore")
        marathon.wait(lambda: marathon.tasks("/web")[0]["state"] == "TASK_RUNNING", "it is back")
        assert marathon.tasks("/web")[0]["id"] == task["id"]

    def test_an_inactive_instance_is_kept_beside_its_replacement(
        self, marathon: Marathon, admin: Admin
    ) -> None:
        marathon.create("/web", unreachableStrategy={"inactiveAfterSeconds": 0, "expungeAfterSeconds": 1000})
        [task] = marathon.tasks("/web")
        admin.call("POST", f"/test/hosts/{task['host']}/partition")

        def states() -> list[str]:
            return sorted(t["state"] for t in marathon.tasks("/web"))

        marathon.wait(lambda: states() == ["TASK_RUNNING", "TASK_UNREACHABLE"], "a replacement runs")
        admin.call("POST", f"/test/hosts/{task['host']}/restore")
        marathon.wait(lambda: states() == ["TASK_RUNNING", "TASK_RUNNING"], "both run, as upstream")


def test_slow_launches(marathon: Marathon, admin: Admin) -> None:
    admin.call("PUT", "/test/launches", {"delay_s": 1000})
    marathon.call("POST", "/v2/apps", {"id": "/web", "cmd": "exec sleep 1000", "cpus": 0.01})
    marathon.wait(lambda: marathon.app("/web")["tasksStaged"] == 1, "it is staged")
    assert marathon.deployments()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/nowhere/api", {"kind": "error"}, 404),
        ("POST", "/test/hosts/none/lose", None, 404),
        ("POST", "/test/api", {"kind": "explode"}, 422),
        ("PUT", "/test/events", {"drop": 2}, 422),
    ],
)
def test_the_door_refuses_what_it_does_not_know(
    shared_sandbox: SandboxProcess, method: str, path: str, body: Json | None, status: int
) -> None:
    reply = requests.request(method, shared_sandbox.admin + path, json=body, timeout=5)
    assert reply.status_code == status
    assert reply.json()["message"]


@pytest.mark.parametrize("door", ["marathon", "admin"])
def test_a_web_page_cannot_make_the_sandbox_do_anything(shared_sandbox: SandboxProcess, door: str) -> None:
    url = getattr(shared_sandbox, door)
    page = {"Origin": "https://example.com"}
    for path in ("/v2/apps", "/test/events/cut"):
        assert requests.post(url + path, data="{}", headers=page, timeout=5).status_code == 403
    assert requests.get(url + "/", headers=page, allow_redirects=False, timeout=5).status_code < 400


class TestLeadership:
    @pytest.fixture
    def sandbox(self, tmp_path: Path) -> Iterator[SandboxProcess]:
        with running_sandbox(tmp_path, standbys=1, http_credentials="ocean:secret") as sandbox:
            yield sandbox

    def test_a_standby_proxies_and_redirects_streams_and_takes_over(self, sandbox: SandboxProcess) -> None:
        auth = ("ocean", "secret")
        first = Marathon(sandbox.marathon, auth)
        [standby_url] = sandbox.addresses.clusters["test"].marathon_standbys
        standby = Marathon(standby_url, auth)
        first_address = sandbox.marathon.removeprefix("http://")
        assert standby.get("/v2/leader") == {"leader": first_address}
        assert standby.call("GET", "/v2/apps").headers["X-Marathon-Via"].startswith("1.1 ")
        headers = {"Accept": "text/event-stream"}
        redirect = standby.call("GET", "/v2/events?a=b", headers=headers, allow_redirects=False)
        assert redirect.status_code == 302
        assert redirect.headers["Location"] == f"{sandbox.marathon}/v2/events?a=b"
        first.create("/web")
        with first.events() as log:
            assert first.call("DELETE", "/v2/leader").json() == {"message": "Leadership abdicated"}
            assert log.ended.wait(5)
        first.wait(
            lambda: first.call("GET", "/v2/leader").json() == {"leader": standby_url.removeprefix("http://")},
            "the standby leads",
        )
        assert standby.app("/web")["tasksRunning"] == 1

    def test_who_does_not_know_the_password_gets_html(self, sandbox: SandboxProcess) -> None:
        for auth in (None, ("ocean", "wrong")):
            reply = Marathon(sandbox.marathon, auth).call("GET", "/v2/apps")
            assert reply.status_code == 401
            assert reply.headers["WWW-Authenticate"] == 'Basic realm="Mesosphere"'
            assert reply.headers["Content-Type"].startswith("text/html")
