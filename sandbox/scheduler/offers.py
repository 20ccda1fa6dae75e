"""Matching waiting instances with the hosts' free resources.

New demand and freed resources are looked at as soon as the loop is free, what did not fit again every
`offer_interval_s` (Mesos' allocation interval). Hosts are offered in turn, so instances spread; a launch
costs the hosts that were tried, not all hosts times all instances. Marathon's own launch limits (tokens,
five instances an offer, revive intervals) and Mesos' cycle are imposed where the configuration says so (`limits`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sandbox.agent import Agents
from sandbox.config import LaunchLimits, Timing
from sandbox.definitions.app import App
from sandbox.model import Cluster, Condition, Goal, Host, Instance
from sandbox.resources import Allocation
from sandbox.scheduler.backoff import RateLimiter
from sandbox.scheduler.launching import Launching
from sandbox.scheduler.limits import Limiter
from sandbox.scheduler.matching import Decline, Demand, Placed, match
from sandbox.scheduler.queue import Entry, LaunchQueue
from sandbox.timestamps import now

SLICE = 64  # launches between two looks at everything else


class OfferMatcher:
    def __init__(
        self,
        cluster: Cluster,
        queue: LaunchQueue,
        limiter: RateLimiter,
        launching: Launching,
        agents: Agents,
        timing: Timing,
        limits: LaunchLimits,
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._limits = Limiter(limits, offer_interval_s=timing.offer_interval_s)
        self._limiter = limiter
        self._launching = launching
        self._timing = timing
        self._agents = agents
        self._turn = 0
        self._wake = asyncio.Event()
        self._launched = 0

    def waiting(self, instance: Instance) -> None:
        """The instance needs an offer."""
        self._queue.add(instance)
        self._wake.set()

    def look_again(self) -> None:
        """Resources came back, a delay was lifted or a host returned."""
        self._wake.set()

    def confirmed(self) -> None:
        """A task has come up."""
        self._limits.confirmed()

    async def run(self) -> None:
        """Match for ever."""
        loop = asyncio.get_running_loop()
        while True:
            wait_s = self._limits.wait_s(loop.time(), waiting=bool(self._queue.entries()))
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self._wake.clear()
            began = loop.time()
            self._limits.begin_round(began)
            pause = await self._match_all()
            spent = loop.time() - began
            if self._limits.has_cycle and self._queue.entries():
                continue
            if pause is not None:
                # Without this rest, a queue that nothing fits would eat the loop whenever any task ends.
                await asyncio.sleep(spent)
            try:
                await asyncio.wait_for(self._wake.wait(), pause)
            except TimeoutError:
                continue

    async def _match_all(self) -> float | None:
        """One round over the queue. Returns the seconds until the next one is due, None when only news can
        help."""
        pauses: list[float] = []
        for entry in self._queue.entries():
            state = self._cluster.apps.get(entry.app_id)
            if state is None:
                continue
            delay = self._limiter.waits(state.app, now())
            if delay > 0:
                pauses.append(delay)
            elif not await self._match_app(entry, state.app):
                pauses.append(self._timing.offer_interval_s)
        return min(pauses, default=None)

    async def _match_app(self, entry: Entry, app: App) -> bool:
        """Place what can be placed; whether nothing is left waiting."""
        placed = Placed(app.constraints, self._hosts_of(app))
        demand = Demand.of(app, self._cluster.marathon.role)
        usable: Callable[[int], bool] = _always if app.noop else self._agents.port_usable
        hosts = list(self._cluster.hosts.values())
        for instance in list(entry.waiting.values()):
            if instance.condition is not Condition.SCHEDULED or instance.goal is not Goal.RUNNING:
                self._queue.remove(instance)
                continue
            if self._limits.exhausted:
                return False
            found = self._find(entry, instance, hosts, demand, placed, usable)
            if found is None:
                return False
            host, allocation = found
            self._queue.remove(instance)
            placed.add(host)
            self._launching.launch(instance, app, host, allocation)
            self._limits.launched(host.id)
            self._launched += 1
            if self._launched % SLICE == 0:
                await asyncio.sleep(0)
                if self._changed(app):
                    return True
        return True

    def _changed(self, app: App) -> bool:
        """While others ran, the app may have got another definition, or gone."""
        state = self._cluster.apps.get(app.id)
        if state is None or state.app is not app:
            self._wake.set()
            return True
        return False

    def _find(
        self,
        entry: Entry,
        instance: Instance,
        hosts: list[Host],
        demand: Demand,
        placed: Placed,
        usable: Callable[[int], bool],
    ) -> tuple[Host, Allocation] | None:
        reserved_on = instance.host_id if instance.reserved is not None else None
        hosts = (
            list(self._cluster.hosts.values()) if reserved_on is None else [self._cluster.hosts[reserved_on]]
        )
        for step in range(len(hosts)):
            host = hosts[(self._turn + step) % len(hosts)]
            if not host.offering or self._limits.is_used_up(host.id):
                continue
            outcome = match(demand, host, placed, reserved_on=reserved_on, port_usable=usable)
            if isinstance(outcome, Decline):
                entry.declined(host.id, outcome)
                continue
            entry.used(host.id)
            self._turn += step + 1
            return host, outcome
        return None

    def _hosts_of(self, app: App) -> list[Host]:
        if not app.constraints:
            return []
        instances = self._cluster.apps[app.id].instances.values()
        return [
            self._cluster.hosts[instance.host_id]
            for instance in instances
            if instance.host_id is not None and instance.condition is not Condition.SCHEDULED
        ]


def _always(port: int) -> bool:
    return True
