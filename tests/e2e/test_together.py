"""Several jobs as one, and a job that goes to another cluster: against a running Ocean, with real processes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embedded.waiting import wait_until
from tests.api_client import Api, JobHandle, create
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack

BREAKS = {"command": "echo no such option >&2; exit 2", "strategy": {"deadline_s": 15}}
"""What a version says that never gets healthy."""


@pytest.fixture
def dev(stack: RunningStack) -> Api:
    return Api.of(stack, "dev")


@pytest.fixture
def three(dev: Api) -> Iterator[list[JobHandle]]:
    """Three running jobs, each of which depends on the one before; gone afterwards."""
    made: list[JobHandle] = []
    for _ in range(3):
        depends_on = [made[-1].tag] if made else []
        handle = create(dev, instances=1, depends_on=depends_on)
        dev.done(f"{handle.path}/publish/")
        made.append(handle)
    yield made
    for handle in reversed(made):
        handle.remove()


@pytest.fixture
def job(dev: Api) -> Iterator[JobHandle]:
    """A web server with two healthy instances."""
    handle = create(dev, instances=2)
    dev.done(f"{handle.path}/publish/")
    yield handle
    handle.remove()


def versions(jobs: list[JobHandle]) -> list[Any]:
    return [handle.row()["running_version"] for handle in jobs]


def test_the_last_of_three_fails_and_all_go_back(three: list[JobHandle], dev: Api) -> None:
    for handle in three:
        last = handle is three[-1]
        patch = {"spec": BREAKS if last else {"env": {"LEVEL": "debug"}}}
        assert dev.call("PATCH", f"{handle.path}/", patch).status == 200
    body = {"action": "publish", "items": [{"job": handle.tag} for handle in three], "reason": "more to read"}

    plan = dev.post("releases/plan/", body).body
    assert [[one["job"] for one in stage] for stage in plan["stages"]] == [[one.tag] for one in three]
    operation = dev.ended(dev.operation("releases/", body), timeout_s=150)

    assert operation["state"] == "failed"
    assert operation["error"].endswith("Every job that was changed is back as before.")
    release = dev.get(f"releases/{operation['target'].removeprefix('release.')}/")
    assert [item["state"] for item in release["items"]] == ["undone", "undone", "failed"]
    assert release["state"] == "undone"
    wait_until(lambda: versions(three) == [1, 1, 1], what="all run version 1", timeout_s=30)
    assert all(handle.is_well(1) for handle in three)


def test_to_another_cluster_and_back_in_the_middle(job: JobHandle, dev: Api) -> None:
    there = JobHandle(dev, job.tag.replace("_cluster.staging_", "_cluster.production-c3_"))
    assert dev.post(f"{job.path}/migrate/plan/", {"cluster": "production-c3"}).body == {"differences": []}

    operation = dev.operation(f"{job.path}/migrate/", {"cluster": "production-c3", "reason": "try"})
    wait_until(
        lambda: dev.call("GET", f"{there.path}/").status == 200 and there.row()["state"] != "draft",
        what="the new one comes up",
        timeout_s=60,
    )
    dev.post(f"operations/{operation}/cancel/")
    called_off = dev.ended(operation)

    assert called_off["state"] == "cancelled"
    assert called_off["message"] == "Called off. The job serves on here as before."
    assert dev.call("GET", f"{there.path}/").status == 404
    wait_until(lambda: job.is_well(2), what="the old one serves", timeout_s=30)

    moved = dev.done(f"{job.path}/migrate/", {"cluster": "production-c3"}, timeout_s=120)

    assert moved["message"] == f"Migrated to {there.tag}."
    assert dev.call("GET", f"{job.path}/").status == 404
    assert there.is_well(2)
    back = dev.done(f"{there.path}/migrate/", {"cluster": "staging"}, timeout_s=120)
    assert back["state"] == "succeeded"
    assert job.is_well(2)


def test_a_clone_in_production(job: JobHandle, dev: Api) -> None:
    body = {"cluster": "production-c3", "name": f"{job.row()['name']}-copy", "publish": True}
    operation = dev.ended(dev.operation(f"{job.path}/clone/", body))
    clone = JobHandle(dev, operation["target"])
    try:
        assert operation["state"] == "succeeded"
        assert clone.is_well(2)
        assert (clone.row()["cluster"], clone.row()["cloned_from"]) == ("production-c3", job.tag)
        assert job.is_well(2)
    finally:
        clone.remove()
