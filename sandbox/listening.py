"""Ports of the sandbox: bound all together at first, served when everything is ready.

A port that is taken so stops the start before anything has happened to running tasks.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.config import ClusterConfig

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, never a default
LOOPBACK = "127.0.0.1"
SHUTDOWN_TIMEOUT_S = 0.5


@dataclass(frozen=True, slots=True)
class ClusterSockets:
    """Empty where a cluster does not open a port."""

    marathon: Sequence[socket.socket]  # the first one leads at first
    mesos: Sequence[socket.socket]
    agents: Sequence[socket.socket]
    chronos: Sequence[socket.socket]


class Listeners:
    def __init__(self, address: str) -> None:
        self._address = address
        self._sockets: list[socket.socket] = []
        self._runners: list[web.AppRunner] = []

    def bind(self, port: int | None) -> list[socket.socket]:
        """Raises OSError when the port is taken; None opens nothing, 0 any free one."""
        if port is None:
            return []
        try:
            listener = socket.create_server((self._address, port), backlog=1024)
        except OSError as error:
            raise OSError(f"port {port} on {self._address} cannot be opened: {error.strerror}") from error
        self._sockets.append(listener)
        return [listener]

    def bind_cluster(self, config: ClusterConfig) -> ClusterSockets:
        marathon = self.bind(config.marathon_port)
        if marathon:
            marathon += [listener for port in config.marathon_standby_ports for listener in self.bind(port)]
        return ClusterSockets(
            marathon=marathon,
            mesos=self.bind(config.mesos_port),
            agents=self.bind(config.agent_port),
            chronos=self.bind(config.chronos_port),
        )

    async def serve(self, app: web.Application, sockets: Sequence[socket.socket]) -> None:
        if not sockets:
            return
        app.middlewares.insert(0, refuse_web_pages)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        self._runners.append(runner)
        for listener in sockets:
            await web.SockSite(runner, listener).start()

    async def close(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        for listener in self._sockets:
            listener.close()

    def urls(self, sockets: Sequence[socket.socket]) -> list[str]:
        """Base URLs, without a trailing slash."""
        host = LOOPBACK if self._address == ANY_ADDRESS else self._address
        return [f"http://{host}:{port_of(listener)}" for listener in sockets]


@web.middleware
async def refuse_web_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No write from a browser: any site could otherwise have its visitors' sandboxes run commands.

    Browsers send Origin with every such request, other clients do not; upstream has no such guard."""
    if "Origin" in request.headers and request.method not in ("GET", "HEAD", "OPTIONS"):
        return web.json_response({"message": "The sandbox takes no writes from web pages"}, status=403)
    return await handler(request)


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port
