"""The whole story by the API, against a running Ocean: real processes, from the first version to the end."""

from __future__ import annotations

import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedded.waiting import wait_until
from tests.api_client import Api, JobHandle, create
from tests.running_stack import RunningStack

pytestmark = pytest.mark.stack


@pytest.fixture
def dev(stack: RunningStack) -> Api:
    return Api.of(stack, "dev")


@pytest.fixture
def job(dev: Api) -> Iterator[JobHandle]:
    """A web server with three healthy instances; gone afterwards."""
    handle = create(dev)
    dev.done(f"{handle.path}/publish/")
    yield handle
    handle.remove()


def answers(instance: dict[str, Any]) -> bool:
    """Whether a real process answers at the instance's address."""
    url = f"http://{instance['ip']}:{instance['ports'][0]}/"
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def is_closed(instance: dict[str, Any]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((instance["ip"], instance["ports"][0])) != 0


def pid_listening_at(port: int) -> int:
    """The process that listens at a port of this machine, by /proc."""
    inodes = {
        fields[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[1].endswith(f":{port:04X}") and fields[3] == "0A"
    }
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            links = [os.readlink(link) for link in folder.iterdir()]
        except OSError:
            continue
        if any(link == f"socket:[{inode}]" for inode in inodes for link in links):
            return int(folder.parent.name)
    raise AssertionError(f"nobody listens at {port}")


def test_a_published_job_really_answers(job: JobHandle) -> None:
    assert job.is_well(3)
    instances = job.instances()
    assert len({(one["ip"], tuple(one["ports"])) for one in instances}) == 3
    assert all(answers(one) for one in instances)
    assert {one["version"] for one in instances} == {1}
    row = job.row()
    assert (row["state"], row["running_version"]) == ("running", 1)


def test_scaling_starts_real_processes_and_stopping_ends_them(job: JobHandle, dev: Api) -> None:
    dev.done(f"{job.path}/scale/", {"instances": 6})
    instances = job.instances()
    assert len(instances) == 6
    assert all(answers(one) for one in instances)
    dev.done(f"{job.path}/stop/")
    assert job.row()["state"] == "stopped"
    assert all(is_closed(one) for one in instances)
    dev.done(f"{job.path}/start/")
    assert job.is_well(6)


def test_a_killed_process_comes_back_and_the_history_says_so(job: JobHandle, dev: Api) -> None:
    victim = job.instances()[0]
    os.kill(pid_listening_at(victim["ports"][0]), signal.SIGKILL)

    def is_replaced() -> bool:
        return job.is_well(3) and victim["task_id"] not in {one["task_id"] for one in job.instances()}

    wait_until(is_replaced, what="the killed instance is replaced", timeout_s=30)
    lines = [event["text"] for event in dev.get(f"{job.path}/history/")["results"]]
    assert any(victim["host"] in line and "Killed" in line for line in lines), lines


def test_a_version_that_does_not_get_healthy_fails_at_its_deadline_and_the_old_one_serves(
    job: JobHandle, dev: Api
) -> None:
    before = job.instances()
    check = {
        "type": "http",
        "port": "http",
        "path": "/missing",
        "grace_s": 1,
        "interval_s": 1,
        "timeout_s": 1,
    }
    patch = {"spec": {"health_checks": [check], "strategy": {"deadline_s": 12}}}
    assert dev.call("PATCH", f"{job.path}/", patch).body["version"] == 2
    operation = dev.operation(f"{job.path}/publish/")
    while (row := dev.get(f"operations/{operation}/"))["state"] not in {"succeeded", "failed", "cancelled"}:
        if "Putting back" not in row["message"]:
            assert all(answers(one) for one in before), "the old version must serve while the new one fails"
        # Marathon's rollback starts the old version anew, one by one, so some of those listed have just ended.
        assert any(answers(one) for one in job.instances() if one["version"] == 1)
    assert row["state"] == "failed"
    assert "404" in row["error"], row["error"]
    assert "Version 1 goes on serving" in row["error"]
    job.wait(lambda found: found["state"] == "running", what="running again")
    assert {one["version"] for one in job.instances()} == {1}
    assert job.row()["running_version"] == 1
    assert job.is_well(3)


def test_rolling_back_brings_the_earlier_version_back(job: JobHandle, dev: Api) -> None:
    dev.call("PATCH", f"{job.path}/", {"spec": {"env": {"LEVEL": "debug"}}})
    dev.done(f"{job.path}/publish/")
    assert {one["version"] for one in job.instances()} == {2}
    dev.done(f"{job.path}/rollback/")
    assert {one["version"] for one in job.instances()} == {1}
    assert job.row()["running_version"] == 1


def test_restarting_replaces_every_instance_by_the_same_version(job: JobHandle, dev: Api) -> None:
    before = {one["task_id"] for one in job.instances()}
    dev.done(f"{job.path}/restart/")
    after = job.instances()
    assert before.isdisjoint(one["task_id"] for one in after)
    assert {one["version"] for one in after} == {1}
    assert job.is_well(3)


def test_ending_one_instance_with_and_without_shrinking(job: JobHandle, dev: Api) -> None:
    victim = job.instances()[0]["task_id"]
    dev.done(f"{job.path}/instances/{victim}/kill/")
    assert job.is_well(3)
    victim = job.instances()[0]["task_id"]
    dev.done(f"{job.path}/instances/{victim}/kill/", {"shrink": True})
    assert job.is_well(2)
    assert victim not in {one["task_id"] for one in job.instances()}


def test_a_deleted_job_is_gone_everywhere(dev: Api) -> None:
    job = create(dev)
    dev.done(f"{job.path}/publish/")
    instances = job.instances()
    answer = dev.call("DELETE", f"{job.path}/")
    assert answer.status == 202
    assert dev.ended(int(answer.body["id"]))["state"] == "succeeded"
    assert dev.call("GET", f"{job.path}/").status == 404
    assert all(is_closed(one) for one in instances)


def test_what_the_scheduler_refuses_is_said_in_its_words(dev: Api) -> None:
    """GPUs need a Marathon that was started with them: nothing that Ocean can know beforehand."""
    job = create(dev, gpus=1)
    row = dev.ended(dev.operation(f"{job.path}/publish/"))
    assert row["state"] == "failed"
    assert "gpu" in row["error"].lower()
    assert job.row()["state"] == "draft"


def test_what_does_not_fit_says_why_while_it_waits_and_when_it_fails(dev: Api) -> None:
    job = create(dev, cpus=64, instances=1, strategy={"deadline_s": 10})
    operation = dev.operation(f"{job.path}/publish/")
    reasons: list[str] = []

    def is_explained() -> bool:
        reasons[:] = [reason["what"] for reason in dev.get(f"{job.path}/explain/")]
        return any("64 CPUs" in what for what in reasons)

    wait_until(is_explained, what=f"the reason is shown (last: {reasons})", timeout_s=10)
    row = dev.ended(operation)
    assert row["state"] == "failed"
    assert "CPUs" in row["error"]
    assert job.row()["state"] == "draft"


def test_another_product_line_does_not_know_of_it(job: JobHandle, stack: RunningStack) -> None:
    stranger = Api.of(stack, "dev2")
    for path in ("", "instances/", "versions/", "history/", "explain/", "logs/"):
        assert stranger.call("GET", f"{job.path}/{path}").status == 404
    for action in ("publish", "scale", "restart", "stop", "rollback"):
        assert stranger.post(f"{job.path}/{action}/", {"instances": 1}).status == 404
    assert stranger.call("DELETE", f"{job.path}/").status == 404
    assert job.tag not in {row["tag"] for row in stranger.get("jobs/")["results"]}


def test_logs_are_read_from_the_host(dev: Api) -> None:
    job = create(
        dev,
        command="echo hello from $MARATHON_APP_ID; echo trouble >&2; sleep 600",
        instances=1,
        ports=[],
        health_checks=[],
    )
    dev.done(f"{job.path}/publish/")
    [instance] = job.instances()
    query = f"task={instance['task_id']}"
    wait_until(
        lambda: "hello from /xiaomi/" in dev.get(f"{job.path}/logs/?{query}&file=stdout")["text"],
        what="stdout is served",
        timeout_s=10,
    )
    assert "trouble" in dev.get(f"{job.path}/logs/?{query}&file=stderr")["text"]
    job.remove()
