from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sandbox.codec import decode, encode
from sandbox.ids import AppId, DeploymentId, HostId, InstanceId, TaskId
from sandbox.model import (
    Action,
    ActionKind,
    AppChange,
    Condition,
    Deployment,
    HealthResult,
    Instance,
    Step,
    Task,
    TaskState,
    TaskStatus,
)
from sandbox.resources import Allocation
from sandbox.store import Store
from sandbox.tests.factories import NOW, make_app


def make_instance() -> Instance:
    task = Task(
        id=TaskId("web.instance-1._app.2"),
        name="web",
        framework_id="f",
        host_id=HostId("m-S0"),
        role="*",
        allocation=Allocation({"*": {"cpus": 0.5}}, (21000,)),
        container_id="c",
        directory="/d",
        app_id=AppId("/web"),
        instance_id=InstanceId("web.instance-1"),
        labels={"a": "b"},
        statuses=[TaskStatus(TaskState.RUNNING, NOW, healthy=True)],
        pid=4711,
    )
    return Instance(
        InstanceId("web.instance-1"),
        AppId("/web"),
        NOW,
        condition=Condition.RUNNING,
        incarnation=2,
        host_id=HostId("m-S0"),
        task=task,
        ports=(21000,),
        started_at=NOW,
        health=[None, HealthResult(first_success=NOW, last_success=NOW + timedelta(seconds=1))],
    )


def test_an_instance_survives_the_round_trip() -> None:
    instance = make_instance()
    assert decode(Instance, encode(instance)) == instance


def test_a_deployment_survives_with_the_apps_before_and_after() -> None:
    before, after = make_app(), make_app(NOW + timedelta(seconds=1), env={"A": "1"})
    deployment = Deployment(
        DeploymentId("d"),
        after.version,
        (Step((Action(ActionKind.RESTART, before.id),)),),
        (AppChange(before.id, before, after), AppChange(AppId("/new"), None, after)),
        current_step=1,
    )
    assert decode(Deployment, encode(deployment)) == deployment


def test_only_what_is_not_a_default_is_written() -> None:
    assert encode(HealthResult(consecutive_failures=2)) == {"consecutive_failures": 2}


def test_marked_records_are_written_once_in_their_last_state(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    body = {"n": 1}
    store.mark("a", "thing", "x", lambda: body)
    body["n"] = 2
    store.mark("a", "thing", "x", lambda: body)
    store.mark("b", "thing", "x", lambda: {"n": 3})
    assert list(store.load("a", "thing")) == []
    store.flush()
    other = Store(tmp_path / "state")
    assert list(other.load("a", "thing")) == [("x", {"n": 2})]
    store.mark("a", "thing", "x", lambda: None)
    store.close()
    assert list(other.load("a", "thing")) == []
    other.close()
