"""Readiness checks: asked of new instances while a deployment waits for them, until they are ready.

Source: Marathon's core/readiness/. A connection failure counts as status 504 text/plain.
"""

from __future__ import annotations

import asyncio

from sandbox.definitions.app import App, ReadinessCheck
from sandbox.ids import TaskId
from sandbox.model import Instance, ReadinessResult
from sandbox.scheduler.probes import HttpProbe
from sandbox.scheduler.tracker import Tracker


class ReadinessChecks:
    def __init__(self, tracker: Tracker, http: HttpProbe) -> None:
        self._tracker = tracker
        self._http = http
        self._loops: dict[TaskId, asyncio.Task[None]] = {}

    def watch(self, instance: Instance, app: App) -> None:
        """Ask until ready; watching twice is harmless."""
        task, check = instance.task, app.readiness_check
        if task is None or check is None or task.noop or task.id in self._loops:
            return
        if instance.readiness is not None and instance.readiness.ready:
            return
        loop = asyncio.create_task(self._ask_until_ready(instance, app, check), name=f"readiness {task.id}")
        self._loops[task.id] = loop
        loop.add_done_callback(lambda _: self._loops.pop(task.id, None))

    def stop(self) -> None:
        for loop in list(self._loops.values()):
            loop.cancel()

    async def _ask_until_ready(self, instance: Instance, app: App, check: ReadinessCheck) -> None:
        task = instance.task
        names = [port.name for port in app.ports if port.host_port is not None]
        port = instance.ports[names.index(check.port_name)]
        while instance.task is task:
            answer = await self._http.get(
                port,
                check.path,
                https=check.https,
                timeout_s=check.timeout_s,
                with_body=check.preserve_last_response,
            )
            if instance.task is not task:
                return
            result = ReadinessResult(
                name=check.name,
                ready=answer.status in check.ready_statuses,
                status=answer.status or 504,
                content_type=answer.content_type or "text/plain",
                body=answer.body if answer.status else answer.cause,
            )
            self._tracker.readiness_changed(instance, result)
            if result.ready:
                return
            await asyncio.sleep(check.interval_s)


def is_ready(instance: Instance, app: App) -> bool:
    """Ready, as far as this app asks for it."""
    if app.readiness_check is None or app.noop:
        return True
    return instance.readiness is not None and instance.readiness.ready
