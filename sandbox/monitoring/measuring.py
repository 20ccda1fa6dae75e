"""Samples from measurements, in the names of falcon's agent. Pure.

Source: falcon-plus modules/agent/funcs; of its metrics those that can be measured here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sandbox.mesos.statistics import Usage
from sandbox.model import Host, Task

Json = dict[str, Any]

NOOP_LOAD_LABEL = "SANDBOX_METRICS"
"""`cpu.busy=50,qps=100`: what tasks without a process are to say of themselves."""
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """What a task used: CPU seconds since it began, and bytes now, at a moment (any clock, in seconds)."""

    at_s: float
    user_s: float
    system_s: float
    rss_bytes: int

    @classmethod
    def of(cls, usage: Usage, *, at_s: float) -> Measured:
        return cls(at_s, usage.user_s, usage.system_s, usage.rss_bytes)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used between two measurements: CPUs (1.0 is one whole core) and bytes."""

    user_cpus: float
    system_cpus: float
    rss_bytes: int

    @classmethod
    def between(cls, before: Measured, now: Measured) -> Spent:
        passed = now.at_s - before.at_s
        return cls(
            max(0.0, now.user_s - before.user_s) / passed,
            max(0.0, now.system_s - before.system_s) / passed,
            now.rss_bytes,
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """What all virtual hosts share: load averages and the disk's filling."""

    load: tuple[float, float, float]
    disk_total_bytes: int
    disk_free_bytes: int
    inodes_total: int
    inodes_free: int


@dataclass(frozen=True, slots=True)
class Moment:
    """When, and how often: what every sample of a push shares."""

    time_s: int
    step_s: int

    def sample(self, endpoint: str, metric: str, value: float, tags: str = "") -> Json:
        return {
            "endpoint": endpoint,
            "metric": metric,
            "value": round(value, 5),
            "timestamp": self.time_s,
            "step": self.step_s,
            "counterType": "GAUGE",
            "tags": tags,
        }


def task_samples(task: Task, spent: Spent, moment: Moment) -> Iterator[Json]:
    """A container's: percentages of what its task asked for, so a task that gets more than that is above 100."""
    granted = task.allocation.totals()
    yield from _load(
        task.id, moment, spent, cpus=granted.get("cpus", 0.0), mem_bytes=granted.get("mem", 0.0) * MIB
    )


def pretended_samples(task: Task, moment: Moment) -> Iterator[Json]:
    """A task without a process says what its label tells it to, nothing by default, and nothing that is no number."""
    for part in task.labels.get(NOOP_LOAD_LABEL, "").split(","):
        metric, _equals, value = part.strip().partition("=")
        with suppress(ValueError):
            if math.isfinite(number := float(value)):
                yield moment.sample(task.id, metric, number)


def host_samples(host: Host, spent: Iterable[Spent], machine: Machine, moment: Moment) -> Iterator[Json]:
    """A virtual host's, its own use being that of its tasks."""
    used = list(spent)
    total = Spent(
        sum(item.user_cpus for item in used),
        sum(item.system_cpus for item in used),
        sum(item.rss_bytes for item in used),
    )
    name = host.hostname
    yield moment.sample(name, "agent.alive", 1)
    yield from _load(
        name, moment, total, cpus=host.resources.total("cpus"), mem_bytes=host.resources.total("mem") * MIB
    )
    for minutes, load in zip((1, 5, 15), machine.load, strict=True):
        yield moment.sample(name, f"load.{minutes}min", load)
    yield from _disk(name, machine, moment)


def _load(endpoint: str, moment: Moment, spent: Spent, *, cpus: float, mem_bytes: float) -> Iterator[Json]:
    if cpus > 0:
        user, system = 100 * spent.user_cpus / cpus, 100 * spent.system_cpus / cpus
        shares = {
            "user": user,
            "system": system,
            "busy": user + system,
            "idle": max(0.0, 100 - user - system),
        }
        for name, share in shares.items():
            yield moment.sample(endpoint, f"cpu.{name}", share)
    if mem_bytes > 0:
        used = 100 * spent.rss_bytes / mem_bytes
        yield moment.sample(endpoint, "mem.memtotal", mem_bytes)
        yield moment.sample(endpoint, "mem.memused", spent.rss_bytes)
        yield moment.sample(endpoint, "mem.memused.percent", used)
        yield moment.sample(endpoint, "mem.memfree.percent", max(0.0, 100 - used))


def _disk(endpoint: str, machine: Machine, moment: Moment) -> Iterator[Json]:
    if machine.disk_total_bytes > 0:
        free = 100 * machine.disk_free_bytes / machine.disk_total_bytes
        yield moment.sample(endpoint, "df.bytes.free.percent", free, "mount=/")
        yield moment.sample(endpoint, "df.statistics.total", machine.disk_total_bytes)
        yield moment.sample(
            endpoint, "df.statistics.used", machine.disk_total_bytes - machine.disk_free_bytes
        )
    if machine.inodes_total > 0:
        free = 100 * machine.inodes_free / machine.inodes_total
        yield moment.sample(endpoint, "df.inodes.free.percent", free, "mount=/")


def differences(before: Mapping[str, Measured], now: Mapping[str, Measured]) -> dict[str, Spent]:
    """By task id, of those that were there before."""
    return {
        task_id: Spent.between(before[task_id], measured)
        for task_id, measured in now.items()
        if task_id in before and measured.at_s > before[task_id].at_s
    }
