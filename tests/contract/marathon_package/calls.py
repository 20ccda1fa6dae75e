"""What the tests of the `marathon` package share."""

from collections.abc import Callable
from typing import Any

from marathon.models import MarathonApp

from embedded.waiting import wait_until
from tests.contract.target import PREFIX

SETTLE_S = 60.0


def sleeper(**changes: Any) -> MarathonApp:
    return MarathonApp(**{"cmd": "exec sleep 1000", "cpus": 0.02, "mem": 16, "instances": 1, **changes})


def running(client: Any, app_id: str) -> int:
    return int(client.get_app(app_id).tasks_running)


def settle(client: Any) -> None:
    """Wait until no deployment of these tests runs: one of another's app may lock a whole group."""
    happens(lambda: not any(map(_ours, client.list_deployments())), "no deployment runs")


def _ours(deployment: Any) -> bool:
    return not deployment.affected_apps or any(app.startswith(PREFIX) for app in deployment.affected_apps)


def happens(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what=what, timeout_s=SETTLE_S)
