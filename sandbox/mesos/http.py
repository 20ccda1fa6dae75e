"""What the master's and the agents' handlers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):
    """An answer other than what was asked for, in Mesos' words (plain text)."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class HostAway(Exception):
    """The machine that is asked cannot be reached: the connection ends without an answer."""


async def read_json(request: web.Request) -> Any:
    """The body. Raises Refusal 400 when it is not JSON."""
    try:
        return await request.json()
    except ValueError as error:
        raise Refusal(400, f"Failed to parse body into JSON: {error}") from error


@web.middleware
async def answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return web.Response(status=refusal.status, text=refusal.message)
    except HostAway:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)
