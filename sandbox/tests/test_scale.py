"""Thousands of pretended tasks: in time, without a reader that keeps up being cut."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.testing import SandboxProcess, running_sandbox
from sandbox.tests.api import Json, Marathon

NOOP: Json = {
    "cmd": "never run",
    "cpus": 0.01,
    "mem": 1,
    "labels": {"SANDBOX_NOOP": "true"},
    "healthChecks": [{"protocol": "COMMAND", "command": {"value": "true"}}],
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    cluster = {"name": "test", "marathon_port": 0, "generate": {"count": 500, "racks": 10}}
    with running_sandbox(tmp_path_factory.mktemp("large"), clusters=[cluster]) as sandbox:
        yield sandbox


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_thousand_from_one_call_cost_less_than_two_seconds_and_every_event_is_seen(
    large: SandboxProcess,
) -> None:
    marathon = Marathon(large.marathon)
    marathon.create("/web", **NOOP, instances=0)
    with marathon.events() as log:
        before_s = cpu_seconds(large.pid)
        marathon.done("PUT", "/v2/apps/web", {"instances": 1000})
        took_s = cpu_seconds(large.pid) - before_s
        log.wait_for("deployment_success")
        running = [e for e in log.of("status_update_event") if e["taskStatus"] == "TASK_RUNNING"]
    assert len({event["taskId"] for event in running}) == 1000
    assert took_s < 2  # of one core, so that a busy machine does not matter
    app = marathon.app("/web")
    assert (app["tasksRunning"], app["tasksHealthy"]) == (1000, 1000)
    hosts = [task["host"] for task in app["tasks"]]
    assert max(hosts.count(host) for host in set(hosts)) == 2  # spread evenly over 500 hosts
    marathon.done("PUT", "/v2/apps/web?force=true", {"instances": 0})
    assert marathon.tasks("/web") == []


def test_who_does_not_read_is_cut_and_the_rest_goes_on(large: SandboxProcess) -> None:
    marathon = Marathon(large.marathon)
    marathon.create("/storm", **NOOP, instances=0)
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", int(marathon.url.rpartition(":")[2])))
        lazy.sendall(b"GET /v2/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        for instances in (1500, 0):
            marathon.done("PUT", "/v2/apps/storm", {"instances": instances})
        # What was under way is still to be had, then the connection ends.
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := lazy.recv(1 << 20):
                received += len(data)
    assert received < 8_000_000


def test_pretended_tasks_survive_a_kill_too(large: SandboxProcess) -> None:
    marathon = Marathon(large.marathon)
    marathon.create("/kept", **NOOP, instances=50, constraints=[["rack", "GROUP_BY"]])
    before = {task["id"]: task["host"] for task in marathon.tasks("/kept")}
    large.kill()
    large.start()
    assert {task["id"]: task["host"] for task in marathon.tasks("/kept")} == before
    marathon.wait(lambda: marathon.app("/kept")["tasksHealthy"] == 50, "all are healthy")
