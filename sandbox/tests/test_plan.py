from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.definitions.app import App
from sandbox.ids import AppId
from sandbox.model import ActionKind, AppChange
from sandbox.scheduler.plan import CyclicDependenciesError, build_steps
from sandbox.tests.factories import NOW, make_app

LATER = NOW + timedelta(seconds=1)


def steps(
    *changes: tuple[App | None, App | None], restarted: Iterable[str] = (), **dependencies: list[str]
) -> list[list[tuple[str, str]]]:
    made = [AppChange((after or before).id, before, after) for before, after in changes if after or before]  # type: ignore[union-attr]
    plan = build_steps(
        made,
        restarted=frozenset(AppId(app_id) for app_id in restarted),
        dependencies=lambda app_id: [AppId(f"/{name}") for name in dependencies.get(app_id.strip("/"), ())],
    )
    return [[(action.kind.name, action.app_id) for action in step.actions] for step in plan]


def test_a_new_app_is_started_with_nothing_and_then_scaled() -> None:
    assert steps((None, make_app())) == [[("START", "/web")], [("SCALE", "/web")]]


def test_a_change_of_instances_only_scales() -> None:
    assert steps((make_app(), make_app(LATER, instances=5))) == [[("SCALE", "/web")]]


@pytest.mark.parametrize("change", [{"labels": {"a": "b"}}, {"mem": 64}, {"upgradeStrategy": {
    "minimumHealthCapacity": 0, "maximumOverCapacity": 0}}])  # fmt: skip
def test_any_other_change_restarts(change: dict[str, Any]) -> None:
    assert steps((make_app(), make_app(LATER, **change))) == [[("RESTART", "/web")]]


def test_a_change_of_configuration_to_no_instances_only_scales() -> None:
    assert steps((make_app(), make_app(LATER, instances=0, mem=64))) == [[("SCALE", "/web")]]


def test_nothing_changed_is_no_step() -> None:
    assert steps((make_app(), make_app(LATER))) == []


def test_an_explicit_restart_rolls_what_has_not_changed() -> None:
    assert steps((make_app(), make_app(LATER)), restarted=["/web"]) == [[("RESTART", "/web")]]


def test_executor_resources_alone_restart_nothing() -> None:
    assert steps((make_app(), make_app(LATER, executorResources={"cpus": 0.5, "mem": 64, "disk": 10}))) == []


def test_removed_apps_go_together_in_the_first_step() -> None:
    plan = steps((make_app(id="/a"), None), (make_app(id="/b"), None), (None, make_app(id="/c")))
    assert plan == [[("STOP", "/a"), ("STOP", "/b")], [("START", "/c")], [("SCALE", "/c")]]


def test_dependencies_make_a_step_for_each_depth_leaves_first() -> None:
    apps = [(None, make_app(id=f"/{name}")) for name in "abcd"]
    plan = steps(*apps, a=["b", "c"], b=["c"])
    assert plan[0] == [("START", f"/{name}") for name in "abcd"]
    assert plan[1:] == [[("SCALE", "/c"), ("SCALE", "/d")], [("SCALE", "/b")], [("SCALE", "/a")]]


def test_a_circle_is_refused() -> None:
    with pytest.raises(CyclicDependenciesError, match="cyclic"):
        steps((None, make_app(id="/a")), (None, make_app(id="/b")), a=["b"], b=["a"])


def test_a_chain_longer_than_pythons_stack_is_no_problem() -> None:
    chain = {f"a{n}": [f"a{n + 1}"] for n in range(3000)}
    plan = steps((None, make_app(id="/a0")), **chain)
    assert [step[0][0] for step in plan] == [ActionKind.START.name, ActionKind.SCALE.name]
