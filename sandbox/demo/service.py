"""An HTTP service of known capacity, to be scaled: WORKERS requests at a time, each SERVICE_MS long on average.

By default 8 of 80 ms: 100 requests a second, as the instances of the autoscaler's simulator. CPU_MS of each request are
spent in earnest. An answer's `Server-Timing: wait` says how long it waited for a worker (ms). Every step it pushes
`qps` (requests that arrived) and `latency` (ms, of those answered) of itself.

    PORT0=9000 FALCON_AGENT_URL=http://127.0.0.1:1988/v1/push MESOS_TASK_ID=me python3 service.py
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

WORKERS, SERVICE_MS = int(os.environ.get("WORKERS", "8")), float(os.environ.get("SERVICE_MS", "80"))
CPU_MS, PATIENCE_S = float(os.environ.get("CPU_MS", "0")), float(os.environ.get("PATIENCE_S", "10"))
PUSH_URL, STEP_S = os.environ.get("FALCON_AGENT_URL"), int(os.environ.get("FALCON_STEP_S", "5"))
TASK = os.environ.get("MESOS_TASK_ID", "demo")
arrived: list[float] = []
answered_ms: list[float] = []
workers = asyncio.Semaphore(WORKERS)


async def work(request: web.Request) -> web.Response:
    """Wait for a worker, work, answer. 503 for those whose turn did not come in time."""
    began = time.monotonic()
    arrived.append(began)
    try:
        await asyncio.wait_for(workers.acquire(), PATIENCE_S)
    except TimeoutError:
        return web.Response(status=503, text="too busy\n")
    waited_ms = (time.monotonic() - began) * 1000
    try:
        busy_until = time.process_time() + CPU_MS / 1000
        while time.process_time() < busy_until:
            pass
        await asyncio.sleep(random.expovariate(1000 / SERVICE_MS))
    finally:
        workers.release()
    answered_ms.append((time.monotonic() - began) * 1000)
    return web.Response(text=f"{TASK}\n", headers={"Server-Timing": f"wait;dur={waited_ms:.1f}"})


async def health(request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def push(url: str) -> None:
    """At each multiple of the step, what happened since the last one."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        while True:
            await asyncio.sleep(STEP_S - time.time() % STEP_S)
            values = {"qps": len(arrived) / STEP_S}
            if answered_ms:
                values["latency"] = sum(answered_ms) / len(answered_ms)
            arrived.clear()
            answered_ms.clear()
            shared = {
                "endpoint": TASK,
                "timestamp": round(time.time()),
                "step": STEP_S,
                "counterType": "GAUGE",
            }
            samples = [
                {**shared, "metric": name, "value": value, "tags": ""} for name, value in values.items()
            ]
            try:
                async with session.post(url, json=samples):
                    pass
            except (aiohttp.ClientError, TimeoutError):
                pass  # Falcon is away: what is measured is lost, the service goes on


async def pushing(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(push(PUSH_URL)) if PUSH_URL else None
    yield
    if task:
        task.cancel()


if __name__ == "__main__":
    application = web.Application()
    application.cleanup_ctx.append(pushing)
    application.router.add_get("/health", health)
    application.router.add_route("*", "/{path:.*}", work)
    web.run_app(application, host="127.0.0.1", port=int(os.environ["PORT0"]), access_log=None)
