"""/v2/apps: shapes, updates, errors, versions."""

from __future__ import annotations

import pytest

from sandbox.tests.api import Marathon

CONFIG = {"cmd": "exec sleep 1000", "cpus": 0.01, "mem": 8}


def test_creating_answers_201_with_the_app_and_get_shows_it_running(marathon: Marathon) -> None:
    reply = marathon.call("POST", "/v2/apps", {"id": "prod/web", **CONFIG, "instances": 2})
    assert reply.status_code == 201
    body = reply.json()
    assert reply.headers["Location"] == f"{marathon.url}/prod/web"
    assert body["deployments"] == [{"id": reply.headers["Marathon-Deployment-Id"]}]
    assert body["portDefinitions"][0]["port"] == 0
    assert "versionInfo" not in body
    marathon.wait_for_deployments()
    app = marathon.app("prod/web")
    assert (app["tasksRunning"], app["tasksStaged"], app["tasksHealthy"]) == (2, 0, 0)
    assert 10000 <= app["portDefinitions"][0]["port"] <= 20000
    assert app["version"] == body["version"] == app["versionInfo"]["lastConfigChangeAt"]
    task = marathon.tasks("prod/web")[0]
    assert task["id"].startswith("prod_web.instance-")
    assert task["id"].endswith("._app.1")
    assert task["ipAddresses"] == [{"ipAddress": "127.0.0.1", "protocol": "IPv4"}]
    assert task["stagedAt"] <= task["startedAt"]


def test_every_reply_is_not_to_be_cached_and_names_the_leader(marathon: Marathon) -> None:
    headers = marathon.call("GET", "/v2/apps").headers
    assert headers["Cache-Control"] == "no-cache, no-store, must-revalidate"
    assert headers["X-Marathon-Leader"] == marathon.url


def test_doubled_slashes_are_tolerated(marathon: Marathon) -> None:
    marathon.create("/a/b", instances=0)
    assert marathon.app("/a/b")["id"] == "/a/b"


def test_an_app_that_exists_cannot_be_created(marathon: Marathon) -> None:
    marathon.create("/web", instances=0)
    reply = marathon.call("POST", "/v2/apps", {"id": "/web", **CONFIG})
    assert (reply.status_code, reply.json()) == (409, {"message": "An app with id [/web] already exists."})


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v2/apps/none", 404, "App '/none' does not exist"),
        ("DELETE", "/v2/apps/none", 404, "App '/none' does not exist"),
        ("PATCH", "/v2/apps/none", 404, "App '/none' does not exist"),
        ("POST", "/v2/apps/none/restart", 404, "App '/none' does not exist"),
        ("GET", "/v2/groups/none", 404, "Group '/none' does not exist"),
        ("DELETE", "/v2/deployments/x", 404, "DeploymentPlan x does not exist"),
        ("DELETE", "/v2/queue/none/delay", 404, "Application /none not found in tasks queue."),
        ("GET", "/v2/nothing", 404, "URI not found: /v2/nothing"),
    ],
)
def test_what_does_not_exist(marathon: Marathon, method: str, path: str, status: int, message: str) -> None:
    reply = marathon.call(method, path, {} if method == "PATCH" else None)
    assert (reply.status_code, reply.json()) == (status, {"message": message})


def test_bodies_that_are_no_json_are_told_from_those_that_are_the_wrong_json(marathon: Marathon) -> None:
    broken = marathon.call("POST", "/v2/apps", data="{")
    assert broken.status_code == 400
    assert broken.json()["message"] == "Invalid JSON"
    assert isinstance(broken.json()["details"], str)
    empty = marathon.call("POST", "/v2/apps", data="")
    assert (empty.status_code, empty.json()["message"]) == (400, "Please specify data in JSON format")
    wrong = marathon.call("POST", "/v2/apps", {"id": "/web", "cmd": "sleep 1", "instances": "2"})
    assert wrong.status_code == 422
    assert wrong.json() == {
        "message": "Invalid JSON",
        "details": [{"path": "/instances", "errors": ["error.expected.jsnumber"]}],
    }
    assert marathon.get("/v2/apps")["apps"] == []


class TestUpdating:
    def test_a_partial_update_keeps_what_it_does_not_name(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=0, env={"A": "1"}, labels={"x": "y"})
        marathon.done("PUT", "/v2/apps/web", {"labels": {"z": "1"}})
        app = marathon.app("/web")
        assert (app["env"], app["labels"]) == ({"A": "1"}, {"z": "1"})

    def test_a_full_update_starts_from_the_defaults(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=0, env={"A": "1"})
        marathon.done("PUT", "/v2/apps/web?partialUpdate=false", {"cmd": "sleep 5", "instances": 0})
        app = marathon.app("/web")
        assert "env" not in app
        assert (app["cmd"], app["mem"]) == ("sleep 5", 128)

    def test_service_ports_are_kept_over_updates(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=0)
        before = marathon.app("/web")["portDefinitions"]
        marathon.done("PUT", "/v2/apps/web?partialUpdate=false", {"cmd": "sleep 5", "instances": 0})
        assert marathon.app("/web")["portDefinitions"] == before

    def test_putting_an_absent_app_creates_it(self, marathon: Marathon) -> None:
        reply = marathon.done("PUT", "/v2/apps/web", {**CONFIG, "instances": 0})
        assert reply.status_code == 201
        assert set(reply.json()) == {"version", "deploymentId"}

    def test_scaling_moves_only_the_scaling_stamp(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=0)
        before = marathon.app("/web")["versionInfo"]
        version = marathon.done("PUT", "/v2/apps/web", {"instances": 1}).json()["version"]
        app = marathon.app("/web")
        assert app["version"] == version
        assert app["versionInfo"] == {**before, "lastScalingAt": version}

    def test_an_update_that_changes_nothing_leaves_the_version(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=0)
        before = marathon.app("/web")["version"]
        with marathon.events() as log:
            reply = marathon.done("PUT", "/v2/apps/web", {"mem": 8})
            [success] = log.wait_for("deployment_success")
        assert success["id"] == reply.json()["deploymentId"]
        assert success["plan"]["steps"] == []
        assert marathon.app("/web")["version"] == before

    def test_several_apps_are_one_deployment(self, marathon: Marathon) -> None:
        marathon.create("/a", instances=0)
        body = [{"id": "/a", "instances": 1}, {"id": "/b", **CONFIG}]
        assert marathon.call("PATCH", "/v2/apps", body).status_code == 404
        assert marathon.app("/a")["instances"] == 0
        marathon.done("PUT", "/v2/apps", body)
        assert {app["id"]: app["tasksRunning"] for app in marathon.get("/v2/apps")["apps"]} == {
            "/a": 1,
            "/b": 1,
        }

    def test_bulk_updates_need_ids(self, marathon: Marathon) -> None:
        reply = marathon.call("PUT", "/v2/apps", [{"instances": 1}])
        assert reply.status_code == 422
        assert reply.json()["details"][0]["errors"] == ["App Update must have app id set"]

    def test_versions_are_listed_shown_and_restored(self, marathon: Marathon) -> None:
        first = marathon.create("/web", instances=0)["version"]
        second = marathon.done("PUT", "/v2/apps/web", {"mem": 16}).json()["version"]
        assert set(marathon.get("/v2/apps/web/versions")["versions"]) == {first, second}
        assert marathon.get(f"/v2/apps/web/versions/{first}")["mem"] == 8
        marathon.done("PUT", "/v2/apps/web", {"version": first})
        assert marathon.app("/web")["mem"] == 8
        unknown = marathon.call("GET", "/v2/apps/web/versions/2001-01-01T00:00:00.000Z")
        assert unknown.json()["message"] == "App '/web' does not exist in version 2001-01-01T00:00:00.000Z"
        garbage = marathon.call("GET", "/v2/apps/web/versions/yesterday")
        assert garbage.status_code == 422
        assert garbage.json()["message"].startswith("Invalid timestamp provided 'yesterday'.")


class TestListing:
    @pytest.fixture(autouse=True)
    def apps(self, marathon: Marathon) -> None:
        marathon.create("/prod/web", instances=0, labels={"tier": "web", "team": "a"})
        marathon.create("/prod/db", instances=0, labels={"tier": "db"}, cmd="exec sleep 2000")

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", {"/prod/web", "/prod/db"}),
            ("id=WEB", {"/prod/web"}),
            ("cmd=2000", {"/prod/db"}),
            ("label=tier", {"/prod/web", "/prod/db"}),
            ("label=tier==db", {"/prod/db"}),
            ("label=tier!=db", {"/prod/web"}),
            ("label=team!=b", {"/prod/web"}),
            ("label=tier in (db,cache)", {"/prod/db"}),
            ("label=tier notin (db),team", {"/prod/web"}),
        ],
    )
    def test_filters(self, marathon: Marathon, query: str, found: set[str]) -> None:
        assert {app["id"] for app in marathon.get(f"/v2/apps?{query}")["apps"]} == found

    def test_a_broken_selector_is_refused(self, marathon: Marathon) -> None:
        reply = marathon.call("GET", "/v2/apps?label=tier%3D%3D%3Ddb,")
        assert reply.status_code == 422
        assert reply.json()["message"].startswith("Can not parse label selector")

    def test_a_group_with_a_star_lists_its_apps(self, marathon: Marathon) -> None:
        assert {app["id"] for app in marathon.get("/v2/apps/prod/*")["*"]} == {"/prod/web", "/prod/db"}

    def test_tasks_come_only_when_they_are_asked_for(self, marathon: Marathon) -> None:
        assert "tasks" not in marathon.get("/v2/apps")["apps"][0]
        for name in ("tasks", "apps.tasks", "app.tasks"):
            assert marathon.get(f"/v2/apps?embed={name}")["apps"][0]["tasks"] == []
