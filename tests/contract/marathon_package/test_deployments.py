"""The `marathon` package's calls on deployments and the queue, on the sandbox or a real Marathon."""

from typing import Any

import pytest
from marathon import NotFoundError
from marathon.models.constraint import MarathonConstraint

from tests.contract.marathon_package.calls import happens, settle, sleeper


class TestDeploymentsAndQueue:
    @pytest.fixture
    def stuck(self, client: Any, group: str) -> str:
        """An app that no host takes, so that its deployment goes on for ever."""
        app_id = f"{group}/stuck"
        client.create_app(app_id, sleeper(constraints=[MarathonConstraint("hostname", "LIKE", "nohost")]))
        return app_id

    def test_list_deployments(self, client: Any, stuck: str) -> None:
        happens(lambda: bool(self._of(client, stuck).current_actions), "the deployment has begun")
        deployment = self._of(client, stuck)

        assert (deployment.current_step, deployment.total_steps) in [(1, 2), (2, 2)]
        actions = [action.action for step in deployment.steps for action in step.actions]
        assert actions == ["StartApplication", "ScaleApplication"]

    def test_delete_deployment_rolls_back(self, client: Any, stuck: str) -> None:
        result = client.delete_deployment(self._of(client, stuck).id)

        assert result.keys() >= {"deploymentId", "version"}
        settle(client)
        with pytest.raises(NotFoundError):
            client.get_app(stuck)

    def test_delete_deployment_by_force_leaves_things_as_they_are(self, client: Any, stuck: str) -> None:
        assert client.delete_deployment(self._of(client, stuck).id, force=True) == {}
        settle(client)
        assert client.get_app(stuck).instances == 1

    def test_list_queue_and_reset_delay(self, client: Any, stuck: str) -> None:
        happens(lambda: bool(self._queued(client, stuck)), "the app waits")
        (item,) = self._queued(client, stuck)

        assert item.count == 1
        assert isinstance(item.delay.time_left_seconds, int)
        (item,) = self._queued(client, stuck, embed_last_unused_offers=True)
        assert isinstance(item.last_unused_offers, list)
        client.reset_delay(stuck.strip("/"))
        with pytest.raises(NotFoundError):
            client.reset_delay(f"{stuck.strip('/')}-nosuch")

    def _of(self, client: Any, app_id: str) -> Any:
        (found,) = [item for item in client.list_deployments() if app_id in item.affected_apps]
        return found

    def _queued(self, client: Any, app_id: str, **options: bool) -> list[Any]:
        return [item for item in client.list_queue(**options) if item.app.id == app_id]
