"""One look at a task: HTTP, TCP or a command. Health and readiness checks are made of these."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from sandbox.scheduler.views import TASK_ADDRESS

MAX_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; status 0 and a cause when nothing did."""

    status: int
    content_type: str = ""
    body: str = ""
    cause: str = ""


class HttpProbe:
    """HTTP(S) requests to tasks over one pool of connections. Certificates are not verified, as upstream."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self, port: int, path: str, *, https: bool, timeout_s: float, with_body: bool = False
    ) -> Answer:
        if self._session is None:
            # A connection for each probe: a kept one would hide that the task no longer accepts any.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True), auto_decompress=False
            )
        url = f"{'https' if https else 'http'}://{TASK_ADDRESS}:{port}/{path.lstrip('/')}"
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False, ssl=False) as reply:
                body = (await reply.content.read(MAX_BODY)).decode(errors="replace") if with_body else ""
                content_type = reply.headers.get("Content-Type", "text/plain")
                return Answer(
                    reply.status, content_type, body, f"{reply.status} {reply.reason or ''}".strip()
                )
        except TimeoutError:
            return Answer(0, cause=f"Timeout after {timeout_s:g} seconds: no answer from {url}")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, cause=str(error) or type(error).__name__)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def probe_tcp(port: int, *, timeout_s: float) -> str | None:
    """None when a connection is accepted, else the cause."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(TASK_ADDRESS, port)
    except TimeoutError:
        return f"Timeout after {timeout_s:g} seconds connecting to port {port}"
    except OSError as error:
        return str(error)
    writer.close()
    return None


async def probe_command(command: str, *, env: Mapping[str, str], folder: str, timeout_s: float) -> str | None:
    """None when the command ends with 0 in time, else the cause. It runs beside the task, in its folder."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        command,
        env=dict(env),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_s):
            status = await process.wait()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        return f"Command has not returned after {timeout_s:g} seconds"
    except asyncio.CancelledError:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return None if status == 0 else f"Command returned {status}"
