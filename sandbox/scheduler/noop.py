"""Pretended tasks: apps labelled SANDBOX_NOOP=true go through all states on a timer and run no process.

100,000 of them fit. Changes due at the same time are taken in slices, with the loop free in between: event
streams get written and requests answered while a thousand tasks start.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from sandbox.definitions.app import App
from sandbox.model import Condition, HealthResult, Instance, TaskState
from sandbox.scheduler.tracker import Tracker
from sandbox.timestamps import now

SLICE = 64


class NoopTasks:
    def __init__(self, tracker: Tracker, step_s: float) -> None:
        self._tracker = tracker
        self._step_s = step_s
        self._due: deque[tuple[float, Callable[[], None]]] = deque()
        self._runner: asyncio.Task[None] | None = None

    def start(self, instance: Instance, app: App) -> None:
        """Begin, or go on, with the instance's task."""
        self._later(lambda: self._advance(instance, app, instance.incarnation))

    def kill(self, instance: Instance) -> None:
        incarnation = instance.incarnation
        self._later(lambda: self._end(instance, incarnation))

    def _advance(self, instance: Instance, app: App, incarnation: int) -> None:
        if instance.incarnation != incarnation:
            return
        match instance.condition:
            case Condition.PROVISIONED:
                self._tracker.update(instance, TaskState.STAGING)
            case Condition.STAGING:
                self._tracker.update(instance, TaskState.STARTING)
            case Condition.STARTING:
                self._tracker.update(instance, TaskState.RUNNING)
            case Condition.RUNNING if instance.healthy is None:
                for index in range(len(app.health_checks)):
                    moment = now()
                    result = HealthResult(first_success=moment, last_success=moment)
                    self._tracker.health_changed(instance, index, result, was_alive=None)
                return
            case _:
                return
        self._later(lambda: self._advance(instance, app, incarnation))

    def _end(self, instance: Instance, incarnation: int) -> None:
        if instance.incarnation == incarnation and instance.condition is Condition.KILLING:
            self._tracker.update(instance, TaskState.KILLED, "Command terminated with signal Terminated")

    def _later(self, change: Callable[[], None]) -> None:
        # All delays are equal, so the queue is in the order of their times.
        self._due.append((asyncio.get_running_loop().time() + self._step_s, change))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run(), name="no-op tasks")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due:
            await asyncio.sleep(max(0.0, self._due[0][0] - loop.time()))
            for _ in range(SLICE):
                if not self._due or self._due[0][0] > loop.time():
                    break
                self._due.popleft()[1]()
