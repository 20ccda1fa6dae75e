"""The pretended apps and tasks, and the events of their changes."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.company import SEED, host, tag, workload_id

UNDER_WAY = 300
"""Instances that are being replaced at any moment of a storm."""
FAILED_OF = 20
"""One in so many ends badly."""


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass(slots=True)
class Task:
    """One task. `at` is when it last changed."""

    id: str
    host: str
    port: int
    state: str
    healthy: bool | None
    staged: str
    started: str | None = None


@dataclass(slots=True)
class App:
    """One app; every second one has a health check."""

    number: int
    id: str
    tag: str
    version: str
    checked: bool
    tasks: dict[str, Task] = field(default_factory=dict)

    def task_json(self, task: Task) -> str:
        health = ""
        if task.healthy is not None:
            health = f',"healthCheckResults":[{{"alive":{json.dumps(task.healthy)},"consecutiveFailures":0}}]'
        started = f',"startedAt":"{task.started}"' if task.started else ""
        return (
            f'{{"id":"{task.id}","appId":"{self.id}","host":"{task.host}","state":"TASK_{task.state}",'
            f'"ports":[{task.port}],"ipAddresses":[{{"ipAddress":"10.0.0.1","protocol":"IPv4"}}],'
            f'"stagedAt":"{task.staged}"{started},"version":"{self.version}","slaveId":"S0"{health}}}'
        )

    def json(self, *, wanted: int, tasks: bool) -> str:
        states = [task.state for task in self.tasks.values()]
        healthy = sum(task.healthy is True for task in self.tasks.values())
        checks = '[{"protocol":"COMMAND","command":{"value":"true"}}]' if self.checked else "[]"
        listed = f',"tasks":[{",".join(map(self.task_json, self.tasks.values()))}]' if tasks else ""
        return (
            f'{{"id":"{self.id}","instances":{wanted},"version":"{self.version}","cmd":"sleep 1000","cpus":0.1,'
            f'"versionInfo":{{"lastScalingAt":"{self.version}","lastConfigChangeAt":"{self.version}"}},'
            f'"labels":{{"OCEAN_TAG":"{self.tag}","OCEAN_VERSION":"1"}},"healthChecks":{checks},"deployments":[],'
            f'"tasksStaged":{states.count("STAGING") + states.count("STARTING")},'
            f'"tasksRunning":{states.count("RUNNING")},"tasksHealthy":{healthy},"tasksUnhealthy":0{listed}}}'
        )


@dataclass(frozen=True, slots=True)
class Event:
    """`frame` is what goes over the wire; a `probe` is a change that can be seen in the mirror."""

    kind: str
    frame: bytes
    probe: tuple[int, str, str] | None
    """The app's number, the task, and its state."""


class State:
    """All apps, each with `per_app` tasks. The same seed gives the same storm."""

    def __init__(self, *, apps: int, per_app: int, hosts: int) -> None:
        self.random = random.Random(SEED)
        self.per_app, self.hosts = per_app, hosts
        version = stamp(time.time() - 3600)
        self.apps = [App(n, workload_id(n), tag(n), version, checked=n % 2 == 0) for n in range(apps)]
        self.by_id = {app.id: app for app in self.apps}
        self.by_tag = {app.tag: app for app in self.apps}
        for app in self.apps:
            for _ in range(per_app):
                task = self._new(app)
                task.state, task.started, task.healthy = "RUNNING", version, True if app.checked else None
        self._lives: deque[Iterator[Event]] = deque()

    def events(self, count: int) -> Iterator[Event]:
        """The next events of a storm; the state changes as each is made."""
        for _ in range(count):
            while True:
                if len(self._lives) < UNDER_WAY:
                    self._lives.append(self._replacement(self.random.choice(self.apps)))
                life = self._lives.popleft()
                event = next(life, None)
                if event is not None:
                    self._lives.append(life)
                    yield event
                    break

    def settle(self) -> Iterator[Event]:
        """What is under way comes to its end."""
        while self._lives:
            yield from self._lives.popleft()

    def replace_one(self, number: int) -> Iterator[Event]:
        """One instance of one app is replaced."""
        yield from self._replacement(self.apps[number])

    def _new(self, app: App) -> Task:
        unit = uuid.UUID(int=self.random.getrandbits(128), version=4)
        name = app.id.strip("/").replace("/", "_")
        task = Task(
            id=f"{name}.instance-{unit}._app.1",
            host=host(self.random.randrange(self.hosts)),
            port=self.random.randrange(20000, 30000),
            state="STAGING",
            healthy=None,
            staged=stamp(time.time()),
        )
        app.tasks[task.id] = task
        return task

    def _replacement(self, app: App) -> Iterator[Event]:
        running = [task for task in app.tasks.values() if task.state == "RUNNING"]
        if running:
            old = self.random.choice(running)
            if self.random.randrange(FAILED_OF):
                old.state = "KILLING"
                yield self._status(app, old)
                old.state = "KILLED"
            else:
                old.state = "FAILED"
            app.tasks.pop(old.id, None)
            yield self._status(app, old)
        if len(app.tasks) >= self.per_app:
            return
        new = self._new(app)
        yield self._status(app, new)
        new.state = "STARTING"
        yield self._status(app, new)
        new.state, new.started = "RUNNING", stamp(time.time())
        yield self._status(app, new)
        if app.checked and new.id in app.tasks:
            new.healthy = True
            yield self._healthy(app, new)

    def _status(self, app: App, task: Task) -> Event:
        message = "out of memory" if task.state == "FAILED" else ""
        body = (
            f'{{"slaveId":"S0","taskId":"{task.id}","taskStatus":"TASK_{task.state}","message":"{message}",'
            f'"appId":"{app.id}","host":"{task.host}","ipAddresses":[{{"ipAddress":"10.0.0.1","protocol":"IPv4"}}],'
            f'"ports":[{task.port}],"version":"{app.version}","eventType":"status_update_event",'
            f'"timestamp":"{stamp(time.time())}"}}'
        )
        return Event(
            "status_update_event", _frame("status_update_event", body), (app.number, task.id, task.state)
        )

    def _healthy(self, app: App, task: Task) -> Event:
        kind = "instance_health_changed_event"
        instance = task.id.partition("._app")[0]
        body = (
            f'{{"instanceId":"{instance}","runSpecId":"{app.id}","healthy":true,"runSpecVersion":"{app.version}",'
            f'"eventType":"{kind}","timestamp":"{stamp(time.time())}"}}'
        )
        return Event(kind, _frame(kind, body), None)


def _frame(kind: str, body: str) -> bytes:
    return f"event: {kind}\r\ndata: {body}\r\n\r\n".encode()
