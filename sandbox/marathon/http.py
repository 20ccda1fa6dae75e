"""What all handlers share: bodies, flags, errors and replies as Marathon shapes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from sandbox.definitions.app import Json
from sandbox.model import Deployment
from sandbox.runtime import ClusterRuntime
from sandbox.timestamps import format_timestamp, parse_timestamp

CHUNK_BYTES = 64 * 1024

RUNTIME = web.AppKey("runtime", ClusterRuntime)


class ApiError(Exception):
    """An error reply: `message`, and whatever else the body carries."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, **more}


def not_found(message: str) -> ApiError:
    return ApiError(404, message)


def runtime_of(request: web.Request) -> ClusterRuntime:
    return request.app[RUNTIME]


def flag(request: web.Request, name: str, *, default: bool = False) -> bool:
    """Java's Boolean parsing: only `true`, in any case, is true."""
    value = request.query.get(name)
    return default if value is None else value.lower() == "true"


async def read_body(request: web.Request) -> Any:
    """The parsed JSON body. Raises ApiError 400 when it is empty or malformed."""
    text = await request.text()
    if not text.strip():
        raise ApiError(
            400, "Please specify data in JSON format", details="No content to map due to end-of-input"
        )
    try:
        return json.loads(text)
    except ValueError as error:
        raise ApiError(400, "Invalid JSON", details=str(error)) from error


def read_timestamp(text: str) -> datetime:
    try:
        return parse_timestamp(text)
    except ValueError:
        raise ApiError(
            422, f"Invalid timestamp provided '{text}'. Expecting ISO-8601 datetime string."
        ) from None


def reply(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=json.dumps(body, separators=(",", ":")).encode(),
        status=status,
        content_type="application/json",
        headers=headers,
    )


async def stream_list(request: web.Request, key: str, items: Iterable[Json]) -> web.StreamResponse:
    """`{key: [items…]}` in pieces: with 100,000 tasks it is tens of megabytes, and others want answers too."""
    response = web.StreamResponse()
    response.content_type = "application/json"
    await response.prepare(request)
    buffer = bytearray(f'{{"{key}":['.encode())
    for n, item in enumerate(items):
        if n:
            buffer += b","
        buffer += json.dumps(item, separators=(",", ":")).encode()
        if len(buffer) >= CHUNK_BYTES:
            await response.write(bytes(buffer))
            buffer.clear()
            await asyncio.sleep(0)
    await response.write(bytes(buffer) + b"]}")
    await response.write_eof()
    return response


def deployment_headers(deployment: Deployment) -> dict[str, str]:
    return {"Marathon-Deployment-Id": deployment.id}


def deployment_result(
    deployment: Deployment, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = {"version": format_timestamp(deployment.version), "deploymentId": deployment.id}
    return reply(body, status=status, headers={**deployment_headers(deployment), **(headers or {})})


def location(request: web.Request, path: str) -> dict[str, str]:
    """`Location` of a created app or group: below the server's root, not below /v2 (so upstream)."""
    return {"Location": f"{request.scheme}://{request.host}{path}"}


def abort_connection(request: web.Request) -> None:
    """Drop the connection at once; the client sees a reset, not an answer."""
    if request.transport is not None:
        request.transport.abort()
