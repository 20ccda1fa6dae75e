"""The whole sandbox: all clusters, their ports, the store and the launcher."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from sandbox.chronos.api import chronos_app
from sandbox.config import SandboxConfig
from sandbox.faults.admin import make_admin_app
from sandbox.ids import TaskId
from sandbox.launcher.client import Launcher
from sandbox.listening import ClusterSockets, Listeners, port_of
from sandbox.marathon.server import make_app
from sandbox.mesos.agent import agents_app
from sandbox.mesos.feed import MasterFeed
from sandbox.mesos.master import master_app
from sandbox.monitoring.agents import MonitoringAgents, task_environment
from sandbox.runtime import ClusterRuntime, end_unknown
from sandbox.store import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

FLUSH_REST_FACTOR = 4


@dataclass(frozen=True, slots=True)
class ClusterAddresses:
    """Where one cluster listens; None: not opened."""

    marathon: str | None
    marathon_standbys: tuple[str, ...]
    mesos: str | None
    agent: str | None
    chronos: str | None


@dataclass(frozen=True, slots=True)
class SandboxAddresses:
    """Base URLs, without a trailing slash."""

    admin: str | None
    clusters: dict[str, ClusterAddresses]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


class AlreadyRunningError(Exception):
    """Another sandbox uses the same data folder."""


class Sandbox:
    def __init__(self, config: SandboxConfig, data: Path) -> None:
        self._config = config
        self._data = data
        self._listeners = Listeners(config.bind)
        self._runtimes: list[ClusterRuntime] = []
        self._running = False

    async def start(self) -> SandboxAddresses:
        """Open everything. Raises AlreadyRunningError, OSError (a port is taken); then nothing has been done."""
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock()
        sockets = [self._listeners.bind_cluster(cluster) for cluster in self._config.clusters]
        admin = self._listeners.bind(self._config.admin_port)
        self._store = Store(self._data / "state.sqlite")
        self._launcher = Launcher(
            self._data,
            self._task_ended,
            log_max_bytes=self._config.log_max_bytes,
            log_files=self._config.log_files,
        )
        processes = {process.task_id: process for process in await self._launcher.start()}
        self._runtimes = self._make_runtimes()
        for runtime in self._runtimes:
            await runtime.start(processes)
        end_unknown(self._launcher, processes)
        self._flushing = asyncio.create_task(self._flush_for_ever(), name="flush")
        self._measuring = self._measure()
        self._running = True
        clusters = {
            runtime.cluster.name: await self._serve(runtime, opened)
            for runtime, opened in zip(self._runtimes, sockets, strict=True)
        }
        await self._listeners.serve(make_admin_app(self._runtimes), admin)
        return SandboxAddresses(_first(self._listeners.urls(admin)), clusters)

    async def stop(self) -> None:
        """Answer no more, end all tasks, then everything else; nothing is left running."""
        for runtime in self._runtimes:
            runtime.bus.cut()
        await self._listeners.close()
        if self._running:
            await asyncio.gather(*(runtime.stop() for runtime in self._runtimes))
            self._flushing.cancel()
            if self._measuring is not None:
                self._measuring.cancel()
            self._store.close()
            await self._launcher.stop()
        self._lock_file.close()

    def _measure(self) -> asyncio.Task[None] | None:
        """The monitoring agents, where a Falcon is configured."""
        if self._config.falcon is None:
            return None
        clusters = [runtime.cluster for runtime in self._runtimes]
        agents = MonitoringAgents(clusters, self._config.falcon, self._data)
        return asyncio.create_task(agents.run(), name="monitoring agents")

    def _make_runtimes(self) -> list[ClusterRuntime]:
        claimed_ports: dict[int, TaskId] = {}
        falcon = self._config.falcon
        return [
            ClusterRuntime(
                cluster,
                store=self._store,
                launcher=self._launcher,
                timing=self._config.timing,
                launch_limits=self._config.launch_limits,
                data=self._data,
                claimed_ports=claimed_ports,
                bind=self._config.bind,
                http_credentials=self._config.http_credentials,
                task_environment=task_environment(falcon) if falcon is not None else {},
            )
            for cluster in self._config.clusters
        ]

    async def _serve(self, runtime: ClusterRuntime, sockets: ClusterSockets) -> ClusterAddresses:
        cluster, urls = runtime.cluster, self._listeners.urls
        for host in cluster.hosts.values():
            host.agent_port = _first([port_of(listener) for listener in sockets.agents])
        feed = MasterFeed(cluster)
        runtime.tracker.on_status = feed.status
        runtime.chronos.on_status = feed.status
        runtime.mesos_url = _first(urls(sockets.mesos))
        runtime.leadership.open([port_of(listener) for listener in sockets.marathon])
        for app, listeners in (
            (make_app(runtime), sockets.marathon),
            (agents_app(cluster, runtime.agents.work_dir, runtime.faults), sockets.agents),
            (master_app(cluster, runtime.hosts, self._store, feed), sockets.mesos),
            (chronos_app(runtime.chronos), sockets.chronos),
        ):
            await self._listeners.serve(app, listeners)
        return ClusterAddresses(
            marathon=_first(urls(sockets.marathon)),
            marathon_standbys=tuple(urls(sockets.marathon)[1:]),
            mesos=runtime.mesos_url,
            agent=_first(urls(sockets.agents)),
            chronos=_first(urls(sockets.chronos)),
        )

    def _lock(self) -> None:
        """One sandbox a folder. The lock goes with the process at the latest, however it ends."""
        self._lock_file = open(self._data / "lock", "w")  # noqa: SIM115 - held for life
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(
                f"another sandbox runs on {self._data}; stop it, or give this one another --data"
            ) from error
        self._lock_file.write(str(os.getpid()))
        self._lock_file.flush()

    def _task_ended(self, task_id: str, status: int | None) -> None:
        for runtime in self._runtimes:
            runtime.agents.ended(TaskId(task_id), status)

    async def _flush_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._config.timing.flush_interval_s
        while True:
            await asyncio.sleep(pause)
            began = loop.time()
            self._store.flush()
            # Under load less often: what changes several times between two flushes is written once.
            pause = max(self._config.timing.flush_interval_s, FLUSH_REST_FACTOR * (loop.time() - began))


def _first(items: Sequence[T]) -> T | None:
    return items[0] if items else None
