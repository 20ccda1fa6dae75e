"""What the master tells its subscribers: every status of every task, and agents that come and go."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from typing import Any

from sandbox.mesos import render, render_v1
from sandbox.model import Cluster, Host, Task, TaskState

WAITING_LIMIT = 10_000
"""A subscriber that is this far behind is cut."""

Json = dict[str, Any]


class Subscriber:
    """One open stream of the v1 API; its records wait here."""

    def __init__(self) -> None:
        self.closed = False
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def offer(self, record: bytes) -> None:
        if len(self._waiting) >= WAITING_LIMIT:
            self.closed = True
        else:
            self._waiting.append(record)
        self._wake.set()

    async def fetch(self, timeout_s: float) -> bytes:
        """All that waits; empty after `timeout_s` without anything."""
        try:
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        except TimeoutError:
            return b""
        self._wake.clear()
        records = b"".join(self._waiting)
        self._waiting.clear()
        return records


class MasterFeed:
    """Counts how tasks ended since this master began, and passes changes on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._subscribers: set[Subscriber] = set()
        self._agents: dict[str, Host] = {}
        self.ended: Counter[TaskState] = Counter()

    def status(self, task: Task) -> None:
        """A task has a new status (the scheduler tells)."""
        if task.state.terminal:
            self.ended[task.state] += 1
        if not self._subscribers:
            return
        if len(task.statuses) == 1:
            self._tell("TASK_ADDED", {"task": render_v1.task_json(task)})
        status = render_v1.status_json(task, task.statuses[-1])
        updated = {"framework_id": {"value": task.framework_id}, "status": status, "state": task.state.value}
        self._tell("TASK_UPDATED", updated)

    def look_at_agents(self) -> None:
        """Tell of the agents that were lost or came back since the last look."""
        reachable = self._reachable()
        for host_id in self._agents.keys() - reachable.keys():
            self._tell("AGENT_REMOVED", {"agent_id": {"value": host_id}})
        for host_id in reachable.keys() - self._agents.keys():
            self._tell("AGENT_ADDED", {"agent": render_v1.agent_json(reachable[host_id])})
        self._agents = reachable

    def subscribe(self) -> Subscriber:
        if not self._subscribers:
            self._agents = self._reachable()  # nobody looked meanwhile
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    def cut(self) -> None:
        """End all streams."""
        for subscriber in self._subscribers:
            subscriber.closed = True
            subscriber.offer(b"")

    def _tell(self, kind: str, content: Json) -> None:
        if not self._subscribers:
            return
        encoded = record({"type": kind, kind.lower(): content})
        for subscriber in self._subscribers:
            subscriber.offer(encoded)

    def _reachable(self) -> dict[str, Host]:
        return {str(host.id): host for host in render.registered(self._cluster)}


def record(event: Json) -> bytes:
    """RecordIO: the length in decimal, a line feed, the JSON, nothing after it."""
    body = json.dumps(event, separators=(",", ":")).encode()
    return b"%d\n%b" % (len(body), body)
