from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.ids import HostId, TaskId
from sandbox.model import Host, Task
from sandbox.monitoring.measuring import (
    MIB,
    Machine,
    Measured,
    Moment,
    Spent,
    differences,
    host_samples,
    pretended_samples,
    task_samples,
)
from sandbox.resources import UNRESERVED, Allocation, parse_resources

MOMENT = Moment(1_700_000_040, 5)
MACHINE = Machine((0.5, 1.0, 2.0), 1000, 250, 100, 40)


def task(labels: dict[str, str] | None = None, *, noop: bool = False) -> Task:
    allocation = Allocation({UNRESERVED: {"cpus": 0.5, "mem": 64.0}})
    return Task(
        id=TaskId("shop.1"), name="shop", framework_id="f", host_id=HostId("h"), role=UNRESERVED,
        allocation=allocation, container_id="c", directory="", app_id=None, instance_id=None,
        labels=labels or {}, noop=noop,
    )  # fmt: skip


def values(samples: Any) -> dict[str, float]:
    return {sample["metric"]: sample["value"] for sample in samples}


def test_use_is_the_difference_of_two_looks() -> None:
    before = {"a": Measured(100.0, 10.0, 1.0, 5), "gone": Measured(100.0, 1, 1, 1)}
    now = {"a": Measured(105.0, 11.0, 1.5, 7), "new": Measured(105.0, 3, 1, 1)}

    assert differences(before, now) == {"a": Spent(0.2, 0.1, 7)}


def test_a_container_is_measured_by_what_its_task_asked_for() -> None:
    samples = list(task_samples(task(), Spent(0.2, 0.05, 16 * MIB), MOMENT))

    assert values(samples) == {
        "cpu.user": 40.0,
        "cpu.system": 10.0,
        "cpu.busy": 50.0,
        "cpu.idle": 50.0,
        "mem.memtotal": 64 * MIB,
        "mem.memused": 16 * MIB,
        "mem.memused.percent": 25.0,
        "mem.memfree.percent": 75.0,
    }
    assert samples[0] == {
        "endpoint": "shop.1", "metric": "cpu.user", "value": 40.0, "timestamp": 1_700_000_040, "step": 5,
        "counterType": "GAUGE", "tags": "",
    }  # fmt: skip


def test_more_than_was_asked_for_is_above_100() -> None:
    found = values(task_samples(task(), Spent(0.9, 0.1, 128 * MIB), MOMENT))

    assert (found["cpu.busy"], found["cpu.idle"]) == (200.0, 0.0)
    assert (found["mem.memused.percent"], found["mem.memfree.percent"]) == (200.0, 0.0)


def test_a_virtual_host_uses_what_its_tasks_use() -> None:
    host = Host(HostId("h"), 1, "node1", {}, parse_resources("cpus:4;mem:1024"), datetime.now(UTC))
    samples = list(host_samples(host, [Spent(0.5, 0.5, 128 * MIB), Spent(1, 0, 128 * MIB)], MACHINE, MOMENT))

    found = values(samples)
    assert {sample["endpoint"] for sample in samples} == {"node1"}
    assert (found["cpu.busy"], found["cpu.idle"], found["mem.memused.percent"]) == (50.0, 50.0, 25.0)
    assert (found["load.1min"], found["load.15min"], found["agent.alive"]) == (0.5, 2.0, 1)
    assert (found["df.bytes.free.percent"], found["df.inodes.free.percent"]) == (25.0, 40.0)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, {}),
        ({"SANDBOX_METRICS": "cpu.busy=50, qps=100.5"}, {"cpu.busy": 50.0, "qps": 100.5}),
        ({"SANDBOX_METRICS": "cpu.busy=much, latency=nan, qps=7, rest"}, {"qps": 7.0}),
    ],
)
def test_a_task_without_a_process_says_what_it_is_told(
    labels: dict[str, str], expected: dict[str, float]
) -> None:
    assert values(pretended_samples(task(labels, noop=True), MOMENT)) == expected
