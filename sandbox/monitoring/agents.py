"""The agents' loop: at each multiple of the step all hosts are measured at once, and each pushes what is its own."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from sandbox.config import FalconConfig
from sandbox.mesos.statistics import usage_by_session
from sandbox.model import Cluster, Host, TaskState
from sandbox.monitoring.measuring import (
    Json,
    Machine,
    Measured,
    Moment,
    Spent,
    differences,
    host_samples,
    pretended_samples,
    task_samples,
)

log = logging.getLogger(__name__)

HEARTBEAT_S = 60.0
_PUSHES_AT_ONCE = 8
_TIMEOUT_S = 3.0
_RUNNING = frozenset({TaskState.RUNNING, TaskState.KILLING})


def task_environment(config: FalconConfig) -> dict[str, str]:
    """What a task needs to push metrics of its own: its endpoint is $MESOS_TASK_ID."""
    return {"FALCON_AGENT_URL": config.push_url, "FALCON_STEP_S": str(config.step_s)}


class MonitoringAgents:
    """The agents of all hosts of all clusters. A Falcon that is away loses samples, as upstream's agents do."""

    def __init__(self, clusters: Sequence[Cluster], config: FalconConfig, data: Path) -> None:
        self._clusters = clusters
        self._config = config
        self._data = data
        self._before: dict[str, Measured] = {}
        self._beat_at = 0.0
        self._away = False

    async def run(self) -> None:
        step = self._config.step_s
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=_PUSHES_AT_ONCE)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            while True:
                now = time.time()
                await asyncio.sleep(step - now % step)
                moment = Moment(round(time.time()) // step * step, step)
                pushes = await self._measure(moment)
                await self._beat(session)
                await asyncio.gather(*(self._push(session, samples) for samples in pushes))

    async def _measure(self, moment: Moment) -> list[list[Json]]:
        """One list of samples for each host whose agent can be heard."""
        # Walking through /proc takes a while with many processes; the APIs answer meanwhile.
        usage, machine = await asyncio.to_thread(lambda: (usage_by_session(), _machine(self._data)))
        at_s = time.monotonic()
        hosts = [host for cluster in self._clusters for host in cluster.hosts.values() if host.connected]
        now: dict[str, Measured] = {
            task.id: Measured.of(usage[task.pid], at_s=at_s)
            for host in hosts
            for task in host.tasks.values()
            if task.pid is not None and task.pid in usage
        }
        spent = differences(self._before, now)
        self._before = now
        return [_samples(host, spent, machine, moment) for host in hosts]

    async def _beat(self, session: aiohttp.ClientSession) -> None:
        """Tell that each host is there: only then can strategies be bound to it."""
        if time.monotonic() - self._beat_at < HEARTBEAT_S:
            return
        base = self._config.push_url.removesuffix("/v1/push")
        names = [host.hostname for cluster in self._clusters for host in cluster.hosts.values()]
        try:
            for name in names:
                async with session.get(f"{base}/v1/heartbeat/{name}"):
                    pass
            self._beat_at = time.monotonic()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return  # the push that follows says so

    async def _push(self, session: aiohttp.ClientSession, samples: list[Json]) -> None:
        try:
            async with session.post(self._config.push_url, data=json.dumps(samples)) as reply:
                if reply.status != 200:
                    raise aiohttp.ClientError(f"HTTP {reply.status}: {await reply.text()}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not self._away:
                log.warning("falcon_away", extra={"url": self._config.push_url, "reason": str(error)})
            self._away = True
        else:
            self._away = False


def _samples(host: Host, spent: dict[str, Spent], machine: Machine, moment: Moment) -> list[Json]:
    known = [spent[task_id] for task_id in host.tasks if task_id in spent]
    samples = list(host_samples(host, known, machine, moment))
    for task in host.tasks.values():
        if task.id in spent:
            samples.extend(task_samples(task, spent[task.id], moment))
        elif task.noop and task.state in _RUNNING:
            samples.extend(pretended_samples(task, moment))
    return samples


def _machine(data: Path) -> Machine:
    disk, files = shutil.disk_usage(data), os.statvfs(data)
    return Machine(os.getloadavg(), disk.total, disk.free, files.f_files, files.f_ffree)
