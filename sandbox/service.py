"""The whole sandbox: all clusters, their ports, the store and the launcher."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from aiohttp import web

from sandbox.chronos.api import chronos_app
from sandbox.chronos.registry import Registry
from sandbox.config import ClusterConfig, SandboxConfig
from sandbox.faults.admin import make_admin_app
from sandbox.ids import TaskId
from sandbox.launcher.client import Launcher
from sandbox.marathon.server import make_app
from sandbox.mesos.agent import agents_app
from sandbox.mesos.feed import MasterFeed
from sandbox.mesos.master import master_app
from sandbox.runtime import ClusterRuntime, end_unknown
from sandbox.store import Store

log = logging.getLogger(__name__)

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
        self._runners: list[web.AppRunner] = []
        self._runtimes: list[ClusterRuntime] = []
        self._flushing: asyncio.Task[None] | None = None

    async def start(self) -> SandboxAddresses:
        """Open everything. Raises AlreadyRunningError, OSError (a port is taken)."""
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock()
        self._store = Store(self._data / "state.sqlite")
        self._launcher = Launcher(self._data, self._task_ended)
        processes = {process.task_id: process for process in await self._launcher.start()}
        claimed: dict[int, TaskId] = {}
        self._runtimes = [
            ClusterRuntime(
                cluster,
                store=self._store,
                launcher=self._launcher,
                timing=self._config.timing,
                data=self._data,
                claimed_ports=claimed,
                bind=self._config.bind,
                http_credentials=self._config.http_credentials,
            )
            for cluster in self._config.clusters
        ]
        for runtime in self._runtimes:
            await runtime.start(processes)
        end_unknown(self._launcher, processes)
        self._flushing = asyncio.create_task(self._flush_for_ever(), name="flush")
        clusters = {
            runtime.config.name: await self._open_cluster(runtime.config, runtime)
            for runtime in self._runtimes
        }
        admin = None
        if self._config.admin_port is not None:
            app = make_admin_app(self._runtimes)
            (port,) = await self._listen(app, [self._config.admin_port])
            admin = self._url(port)
        return SandboxAddresses(admin, clusters)

    async def stop(self) -> None:
        """End all tasks, then everything else; nothing is left running."""
        await asyncio.gather(*(runtime.stop() for runtime in self._runtimes))
        for runner in self._runners:
            await runner.cleanup()
        if self._flushing is not None:
            self._flushing.cancel()
        self._store.close()
        await self._launcher.stop()
        self._lock_file.close()

    async def _open_cluster(self, config: ClusterConfig, runtime: ClusterRuntime) -> ClusterAddresses:
        marathons: list[int] = []
        if config.marathon_port is not None:
            wanted = [config.marathon_port, *config.marathon_standby_ports]
            marathons = await self._listen(make_app(runtime), wanted)
            runtime.leadership.open(marathons)
        feed = MasterFeed(runtime.cluster)
        runtime.tracker.on_status = feed.status
        agent = await self._open(
            agents_app(runtime.cluster, runtime.agents.work_dir, runtime.faults), config.agent_port
        )
        for host in runtime.cluster.hosts.values():
            host.agent_port = agent
        mesos = await self._open(
            master_app(runtime.cluster, runtime.hosts, self._store, feed), config.mesos_port
        )
        chronos = await self._open(chronos_app(Registry(self._store, config.name)), config.chronos_port)
        return ClusterAddresses(
            marathon=self._url(marathons[0]) if marathons else None,
            marathon_standbys=tuple(self._url(port) for port in marathons[1:]),
            mesos=None if mesos is None else self._url(mesos),
            agent=None if agent is None else self._url(agent),
            chronos=None if chronos is None else self._url(chronos),
        )

    async def _open(self, app: web.Application, port: int | None) -> int | None:
        return None if port is None else (await self._listen(app, [port]))[0]

    async def _listen(self, app: web.Application, ports: list[int]) -> list[int]:
        """Serve an application on these ports; 0 is any free one. Returns the real ones."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._runners.append(runner)
        bound = []
        for port in ports:
            listener = socket.create_server((self._config.bind, port), backlog=1024)
            await web.SockSite(runner, listener).start()
            bound.append(listener.getsockname()[1])
        return bound

    def _url(self, port: int) -> str:
        host = "127.0.0.1" if self._config.bind == "0.0.0.0" else self._config.bind  # noqa: S104
        return f"http://{host}:{port}"

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
