"""Rolling, locking, forcing, rolling back, abandoning, readiness, dependencies."""

from __future__ import annotations

import pytest

from sandbox.tests.api import HTTP_CHECK, SERVER, Json, Marathon

NEVER_FITS = {"cpus": 400}
BLOCKED = {"id": "/web", "cmd": "exec sleep 1000", "mem": 8, **NEVER_FITS}


def versions_of(marathon: Marathon, app_id: str) -> list[str]:
    return [task["version"] for task in marathon.tasks(app_id)]


def test_a_new_app_is_a_plan_of_two_steps_told_by_events(marathon: Marathon) -> None:
    with marathon.events() as log:
        marathon.create("/web")
        log.wait_for("deployment_success")
    kinds = [
        kind
        for kind in log.kinds()
        if kind.startswith(("deployment", "group", "api", "app")) or kind == "status_update_event"
    ]
    assert kinds == [
        "group_change_success",
        "api_post_event",
        "deployment_info",
        "deployment_step_success",
        "deployment_info",
        "status_update_event",
        "status_update_event",
        "status_update_event",
        "deployment_step_success",
        "deployment_success",
    ]
    states = [event["taskStatus"] for event in log.of("status_update_event")]
    assert states == ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"]
    conditions = [event["condition"] for event in log.of("instance_changed_event")]
    assert conditions == ["Scheduled", "Provisioned", "Staging", "Starting", "Running"]


def test_a_running_deployment_is_listed_with_its_present_step(marathon: Marathon) -> None:
    result = marathon.call("POST", "/v2/apps", BLOCKED)
    marathon.wait(lambda: marathon.deployments()[0]["currentStep"] == 2, "it waits in its second step")
    [deployment] = marathon.deployments()
    assert deployment == {
        "id": result.headers["Marathon-Deployment-Id"],
        "version": result.json()["version"],
        "affectedApps": ["/web"],
        "affectedPods": [],
        "steps": [
            {"actions": [{"action": "StartApplication", "app": "/web"}]},
            {"actions": [{"action": "ScaleApplication", "app": "/web"}]},
        ],
        "currentActions": [{"action": "ScaleApplication", "app": "/web", "readinessCheckResults": []}],
        "currentStep": 2,
        "totalSteps": 2,
    }


class TestRolling:
    def test_every_instance_is_replaced_and_the_old_ones_serve_until_then(self, marathon: Marathon) -> None:
        marathon.create("/web", cmd=SERVER, instances=3, healthChecks=[HTTP_CHECK])
        old = {task["id"] for task in marathon.tasks("/web")}
        with marathon.events() as log:
            version = marathon.done("PUT", "/v2/apps/web", {"env": {"A": "1"}}).json()["version"]
            log.wait_for("deployment_success")
        assert versions_of(marathon, "/web") == [version] * 3
        assert not old & {task["id"] for task in marathon.tasks("/web")}
        serving = 3
        for event in log.events:
            if event["eventType"] == "instance_health_changed_event" and event["healthy"]:
                serving += 1
            elif event["eventType"] == "instance_changed_event" and event["condition"] == "Killing":
                serving -= 1
                assert serving >= 3  # minimumHealthCapacity 1

    def test_the_capacity_bounds_are_kept(self, marathon: Marathon) -> None:
        half = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}
        marathon.create("/web", instances=4, upgradeStrategy=half)
        with marathon.events() as log:
            marathon.done("PUT", "/v2/apps/web", {"env": {"A": "1"}})
            log.wait_for("deployment_success")
        alive = running = 4
        for event in log.of("instance_changed_event"):
            match event["condition"]:
                case "Scheduled":
                    alive += 1
                case "Running":
                    running += 1
                case "Killing":
                    running -= 1
                case "Killed":
                    alive -= 1
            assert running >= 2
            assert alive <= 4
        assert len(marathon.tasks("/web")) == 4

    def test_a_version_that_never_gets_healthy_leaves_the_old_one_serving(self, marathon: Marathon) -> None:
        marathon.create("/web", cmd=SERVER, instances=2, healthChecks=[HTTP_CHECK])
        old = {task["id"] for task in marathon.tasks("/web")}
        sick = {**HTTP_CHECK, "path": "/none", "gracePeriodSeconds": 0, "maxConsecutiveFailures": 1}
        with marathon.events() as log:
            marathon.call("PUT", "/v2/apps/web", {"healthChecks": [sick]})
            log.wait_for("unhealthy_instance_kill_event", 2)
        assert marathon.deployments()
        assert old <= {task["id"] for task in marathon.tasks("/web") if task["state"] == "TASK_RUNNING"}

    def test_a_restart_rolls_and_moves_the_config_stamp(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=2)
        before = marathon.app("/web")["versionInfo"]
        version = marathon.done("POST", "/v2/apps/web/restart").json()["version"]
        assert versions_of(marathon, "/web") == [version] * 2
        assert marathon.app("/web")["versionInfo"] == {**before, "lastConfigChangeAt": version}

    def test_shrinking_kills_the_youngest_first_or_the_oldest(self, marathon: Marathon) -> None:
        marathon.create("/young")
        marathon.create("/old", killSelection="OLDEST_FIRST")
        first = {app: marathon.tasks(app)[0]["id"] for app in ("/young", "/old")}
        for app in first:
            marathon.done("PUT", f"/v2/apps{app}", {"instances": 2})
            marathon.done("PUT", f"/v2/apps{app}", {"instances": 1})
        assert marathon.tasks("/young")[0]["id"] == first["/young"]
        assert marathon.tasks("/old")[0]["id"] != first["/old"]

    def test_group_by_stays_even_when_shrinking(self, marathon: Marathon) -> None:
        marathon.create("/web", instances=6, constraints=[["rack", "GROUP_BY"]])
        marathon.done("PUT", "/v2/apps/web", {"instances": 2})
        racks = {"node1": "r1", "node2": "r2", "node3": "r1"}
        assert {racks[task["host"]] for task in marathon.tasks("/web")} == {"r1", "r2"}


class TestLocks:
    @pytest.fixture(autouse=True)
    def blocked(self, marathon: Marathon) -> str:
        reply = marathon.call("POST", "/v2/apps", BLOCKED)
        return str(reply.headers["Marathon-Deployment-Id"])

    def test_another_change_is_refused_and_changes_nothing(self, marathon: Marathon, blocked: str) -> None:
        reply = marathon.call("PUT", "/v2/apps/web", {"instances": 2})
        assert reply.status_code == 409
        assert reply.json() == {
            "message": "App is locked by one or more deployments. Override with the option '?force=true'."
            " View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
            "deployments": [{"id": blocked}],
        }
        assert marathon.app("/web")["instances"] == 1

    def test_force_cancels_what_is_in_the_way(self, marathon: Marathon, blocked: str) -> None:
        with marathon.events() as log:
            marathon.done("PUT", "/v2/apps/web?force=true", {"cpus": 0.01})
            [failed] = log.wait_for("deployment_failed")
        assert (failed["id"], failed["reason"]) == (blocked, "The upgrade has been cancelled")
        assert marathon.app("/web")["tasksRunning"] == 1

    def test_deleting_is_forced_by_default(self, marathon: Marathon) -> None:
        marathon.done("DELETE", "/v2/apps/web")
        assert marathon.get("/v2/apps")["apps"] == []

    def test_deleting_without_force_is_refused(self, marathon: Marathon) -> None:
        assert marathon.call("DELETE", "/v2/apps/web?force=false").status_code == 409
        assert marathon.call("DELETE", "/v2/groups").status_code == 409

    def test_an_app_that_was_new_is_removed_by_the_rollback(self, marathon: Marathon, blocked: str) -> None:
        reply = marathon.done("DELETE", f"/v2/deployments/{blocked}")
        assert reply.json()["deploymentId"] == reply.headers["Marathon-Deployment-Id"]
        assert marathon.call("GET", "/v2/apps/web").status_code == 404

    def test_an_abandoned_deployment_leaves_the_definition(self, marathon: Marathon, blocked: str) -> None:
        reply = marathon.call("DELETE", f"/v2/deployments/{blocked}?force=true")
        assert (reply.status_code, reply.content) == (202, b"")
        assert marathon.deployments() == []
        assert marathon.app("/web")["cpus"] == 400


def test_a_rollback_brings_back_what_was_there_before(marathon: Marathon) -> None:
    marathon.create("/web", instances=2, env={"A": "1"})
    before = marathon.app("/web")
    reply = marathon.call("PUT", "/v2/apps/web", {"env": {"A": "2"}, **NEVER_FITS})
    marathon.done("DELETE", f"/v2/deployments/{reply.json()['deploymentId']}")
    after = marathon.app("/web")
    same = ("env", "cpus", "instances", "portDefinitions")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert after["tasksRunning"] == 2


def test_readiness_holds_a_deployment_up_and_its_answers_are_shown(marathon: Marathon) -> None:
    marathon.call(
        "POST",
        "/v2/apps",
        {
            "id": "/web",
            "cmd": SERVER,
            "cpus": 0.01,
            "mem": 8,
            "portDefinitions": [{"port": 0, "name": "http-api"}],
            "readinessChecks": [
                {"path": "/ready", "intervalSeconds": 2, "timeoutSeconds": 1, "preserveLastResponse": True}
            ],
        },
    )

    def answers() -> list[Json]:
        found: list[Json] = [
            result
            for deployment in marathon.deployments()
            for action in deployment["currentActions"]
            for result in action["readinessCheckResults"]
        ]
        return [result for result in found if result["lastResponse"]["status"] == 404]

    marathon.wait(lambda: bool(answers()), "the check's answer is shown")
    [answer] = answers()
    assert (answer["name"], answer["ready"]) == ("readinessCheck", False)
    assert answer["taskId"] == marathon.tasks("/web")[0]["id"]
    assert "File not found" in answer["lastResponse"]["body"]
    folder_listing_is_ready = {"path": "/", "intervalSeconds": 2, "timeoutSeconds": 1}
    marathon.done("PUT", "/v2/apps/web?force=true", {"readinessChecks": [folder_listing_is_ready]})
    assert marathon.app("/web")["tasksRunning"] == 1


def test_dependencies_are_started_first(marathon: Marathon) -> None:
    small = {"cmd": "exec sleep 1000", "cpus": 0.01, "mem": 8}
    with marathon.events() as log:
        marathon.done(
            "POST",
            "/v2/groups",
            {"id": "/shop", "apps": [{"id": "web", "dependencies": ["db"], **small}, {"id": "db", **small}]},
        )
        log.wait_for("deployment_success")
    running = [e["appId"] for e in log.of("status_update_event") if e["taskStatus"] == "TASK_RUNNING"]
    assert running == ["/shop/db", "/shop/web"]


def test_a_circle_of_dependencies_is_refused(marathon: Marathon) -> None:
    marathon.create("/a", instances=0)
    marathon.create("/b", instances=0, dependencies=["/a"])
    reply = marathon.call("PUT", "/v2/apps/a", {"dependencies": ["/b"]})
    assert reply.status_code == 422
    assert reply.json()["details"][0]["errors"] == ["Dependency graph has cyclic dependencies."]
    assert "dependencies" not in marathon.app("/a")


def test_persistent_volumes_keep_an_instance_on_its_host_with_its_files(marathon: Marathon) -> None:
    marathon.create(
        "/db",
        cmd="date +%N >> data/starts; exec sleep 1000",
        container={"type": "MESOS", "volumes": [{"containerPath": "data", "persistent": {"size": 10}}]},
    )
    [before] = marathon.tasks("/db")
    [volume] = before["localVolumes"]
    assert volume["containerPath"] == "data"
    assert volume["persistenceId"] == f"db#data#{volume['uuid']}"
    marathon.done("PUT", "/v2/apps/db", {"env": {"A": "1"}})
    [after] = marathon.tasks("/db")
    assert after["id"] == before["id"].replace("._app.1", "._app.2")
    assert (after["host"], after["localVolumes"]) == (before["host"], before["localVolumes"])
    assert after["version"] > before["version"]
