"""The `marathon` package's calls on apps, on the sandbox or a real Marathon."""

from typing import Any

import pytest
from marathon import MarathonHttpError, NotFoundError
from marathon.exceptions import ConflictError
from marathon.models import MarathonApp, MarathonHealthCheck
from marathon.models.app import MarathonUpgradeStrategy
from marathon.models.constraint import MarathonConstraint

from tests.contract.marathon_package.calls import running, settle, sleeper


class TestApps:
    def test_create_app(self, client: Any, group: str) -> None:
        app = sleeper(
            instances=0,
            env={"A": "b"},
            labels={"team": "x"},
            constraints=[MarathonConstraint("hostname", "UNLIKE", "nohost.*")],
            health_checks=[MarathonHealthCheck(protocol="COMMAND", command="true", grace_period_seconds=5)],
            upgrade_strategy=MarathonUpgradeStrategy(maximum_over_capacity=0, minimum_health_capacity=0.5),
            backoff_factor=1.5,
            backoff_seconds=2,
        )

        created = client.create_app(f"{group}/all", app)

        assert (created.id, created.tasks_running, len(created.deployments)) == (f"{group}/all", 0, 1)
        settle(client)
        found = client.get_app(f"{group}/all")
        assert (found.env, found.labels) == ({"A": "b"}, {"team": "x"})
        assert [(c.field, c.operator, c.value) for c in found.constraints] == [
            ("hostname", "UNLIKE", "nohost.*")
        ]
        assert found.health_checks[0].command == {"value": "true"}
        assert found.upgrade_strategy.minimum_health_capacity == 0.5
        assert (found.backoff_factor, found.backoff_seconds) == (1.5, 2)

    def test_create_app_that_is_there_is_a_conflict(self, client: Any, web: str) -> None:
        with pytest.raises(ConflictError, match="already exists"):
            client.create_app(web, sleeper())

    def test_create_app_that_is_wrong_says_what(self, client: Any, group: str) -> None:
        with pytest.raises(MarathonHttpError) as caught:
            client.create_app(f"{group}/bad", sleeper(cmd=None))
        assert caught.value.status_code == 422
        assert caught.value.error_message == "Object is not valid"
        assert caught.value.error_details[0]["errors"]

    def test_get_app(self, client: Any, web: str) -> None:
        app = client.get_app(web, embed_tasks=True, embed_counts=True, embed_deployments=True)

        assert (app.id, app.instances, app.tasks_running, app.tasks_staged) == (web, 2, 2, 0)
        assert {task.state for task in app.tasks} == {"TASK_RUNNING"}
        assert all(task.host and len(task.ports) == 1 and task.started_at for task in app.tasks)
        with pytest.raises(NotFoundError):
            client.get_app(f"{web}-nosuch")

    @pytest.mark.parametrize(
        "embed",
        [
            "embed_readiness",
            "embed_last_task_failure",
            "embed_failures",
            "embed_tasks",
            "embed_counts",
            "embed_deployments",
            "embed_task_stats",
        ],
    )
    def test_each_embed_of_get_app_can_be_read(self, client: Any, web: str, embed: str) -> None:
        assert client.get_app(web, **{embed: True}).id == web

    def test_list_apps(self, client: Any, web: str) -> None:
        (by_id,) = client.list_apps(app_id=web.strip("/"))
        assert (by_id.id, by_id.tasks_running, by_id.tasks) == (web, 2, [])
        (embedded,) = client.list_apps(app_id=web.strip("/"), embed_tasks=True, embed_counts=True)
        assert len(embedded.tasks) == 2
        assert web in [app.id for app in client.list_apps(cmd="SLEEP 1000")]
        assert client.list_apps(app_id=web.strip("/"), label="nosuch==label") == []
        assert [app.id for app in client.list_apps(app_id=web.strip("/"), instances=2)] == [web]

    def test_update_app(self, client: Any, web: str) -> None:
        result = client.update_app(web, MarathonApp(env={"NEW": "1"}, instances=1))

        assert result.keys() >= {"deploymentId", "version"}
        settle(client)
        app = client.get_app(web)
        assert (app.env, app.instances, app.cmd) == ({"NEW": "1"}, 1, "exec sleep 1000")

    def test_update_apps(self, client: Any, web: str) -> None:
        second = f"{web}-2"
        client.update_apps([sleeper(id=web, instances=1), sleeper(id=second, instances=1)])

        settle(client)
        assert (running(client, web), running(client, second)) == (1, 1)

    def test_a_locked_app_refuses_until_forced(self, client: Any, group: str) -> None:
        app_id = f"{group}/stuck"
        client.create_app(app_id, sleeper(constraints=[MarathonConstraint("hostname", "LIKE", "nohost")]))

        with pytest.raises(ConflictError, match="locked"):
            client.update_app(app_id, MarathonApp(instances=2))
        assert client.update_app(app_id, MarathonApp(instances=0), force=True)["deploymentId"]
        settle(client)

    def test_restart_app(self, client: Any, web: str) -> None:
        before = {task.id for task in client.list_tasks(web)}

        client.restart_app(web)
        settle(client)
        assert not before & {task.id for task in client.list_tasks(web)}
        with pytest.raises(NotFoundError):
            client.restart_app(f"{web}-nosuch")

    def test_scale_app(self, client: Any, web: str) -> None:
        client.scale_app(web, instances=3)
        settle(client)
        assert running(client, web) == 3
        client.scale_app(web, delta=-2)
        settle(client)
        assert running(client, web) == 1
        assert client.scale_app(f"{web}-nosuch", instances=3) is None

    def test_versions_and_rollback_app(self, client: Any, web: str) -> None:
        first = client.get_app(web).version
        client.update_app(web, MarathonApp(env={"NEW": "1"}))
        settle(client)

        assert first in client.list_versions(web)
        assert len(client.list_versions(web)) == 2
        assert client.get_version(web, first).env == {}
        client.rollback_app(web, first)
        settle(client)
        assert client.get_app(web).env == {}

    def test_delete_app(self, client: Any, web: str) -> None:
        assert client.delete_app(web)["deploymentId"]
        settle(client)
        with pytest.raises(NotFoundError):
            client.delete_app(web)
