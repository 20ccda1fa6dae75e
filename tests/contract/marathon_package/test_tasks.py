"""The `marathon` package's calls on tasks, on the sandbox or a real Marathon."""

from typing import Any

import pytest
from marathon import NotFoundError

from tests.contract.marathon_package.calls import happens, running, settle


class TestTasks:
    def test_list_tasks(self, client: Any, web: str) -> None:
        tasks = client.list_tasks(web)

        assert len(tasks) == 2
        assert {task.app_id for task in tasks} == {web}
        assert {task.id for task in tasks} <= {task.id for task in client.list_tasks()}
        assert client.list_tasks(web, host="nohost") == []

    def test_list_endpoints(self, client: Any, web: str) -> None:
        endpoints = [endpoint for endpoint in client.list_endpoints() if endpoint.app_id == web]

        assert len(endpoints) == 2
        assert len({(endpoint.host, endpoint.task_port) for endpoint in endpoints}) == 2
        assert len({endpoint.service_port for endpoint in endpoints}) == 1

    def test_kill_task(self, client: Any, web: str) -> None:
        victim = client.list_tasks(web)[0].id

        assert client.kill_task(web, victim).id == victim
        happens(lambda: _replaced(client, web, {victim}), "the task is replaced")

    def test_kill_task_and_scale(self, client: Any, web: str) -> None:
        victim = client.list_tasks(web)[0].id

        assert client.kill_task(web, victim, scale=True)["deploymentId"]
        settle(client)
        assert (client.get_app(web).instances, running(client, web)) == (1, 1)
        with pytest.raises(NotFoundError):
            client.kill_task(web, victim)

    def test_kill_tasks(self, client: Any, web: str) -> None:
        before = {task.id for task in client.list_tasks(web)}

        assert client.kill_tasks(web, host="nohost") == []
        assert {task.id for task in client.kill_tasks(web)} == before
        happens(lambda: _replaced(client, web, before), "all tasks are replaced")

    def test_kill_given_tasks(self, client: Any, web: str) -> None:
        before = {task.id for task in client.list_tasks(web)}

        assert client.kill_given_tasks(sorted(before)) is True
        happens(lambda: _replaced(client, web, before), "all tasks are replaced")

    def test_kill_given_tasks_and_scale(self, client: Any, web: str) -> None:
        victim = client.list_tasks(web)[0].id

        assert client.kill_given_tasks([victim], scale=True, force=True) is True
        settle(client)
        assert client.get_app(web).instances == 1


def _replaced(client: Any, app_id: str, gone: set[str]) -> bool:
    tasks = client.list_tasks(app_id)
    states = {task.state for task in tasks}
    return len(tasks) == 2 and states == {"TASK_RUNNING"} and not gone & {task.id for task in tasks}
