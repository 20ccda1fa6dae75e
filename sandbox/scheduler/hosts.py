"""Hosts that go and come back: lost, cut off, drained, under maintenance.

What Marathon does about unreachable instances follows each app's `unreachableStrategy`; it is looked at
when the agent is lost and then every `unreachable_sweep_s`. Sources: reference sections on the loss of an
agent; Mesos' docs/maintenance.md and the DRAIN_AGENT call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sandbox.agent import Agents
from sandbox.config import Timing
from sandbox.events import EventBus
from sandbox.faults.state import Faults
from sandbox.ids import HostId
from sandbox.loading import save_host
from sandbox.model import Cluster, Condition, Drain, Goal, Host, Instance, Task, TaskState
from sandbox.scheduler.tracker import Tracker
from sandbox.store import Store
from sandbox.timestamps import now


class KillTask(Protocol):
    def __call__(self, instance: Instance, *, max_grace_s: float | None = None) -> None: ...


class Hosts:
    """Owner of the hosts' flags. `kill(instance)` ends a task with its grace; `offer()` has the offers
    looked at, `evict_others(host)` ends the tasks of other frameworks there."""

    def __init__(
        self,
        cluster: Cluster,
        tracker: Tracker,
        agents: Agents,
        bus: EventBus,
        faults: Faults,
        timing: Timing,
        *,
        store: Store,
        kill: KillTask,
        offer: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._tracker = tracker
        self._agents = agents
        self._bus = bus
        self._faults = faults
        self._timing = timing
        self._store = store
        self._kill = kill
        self._offer = offer
        self.evict_others: Callable[[Host], None] = lambda host: None
        self._timeouts: dict[HostId, asyncio.TimerHandle] = {}
        self._left_behind: dict[HostId, list[Task]] = {}

    # Faults

    def lose(self, host: Host) -> None:
        """The machine dies with all its processes; the master notices after `agent_timeout_s`."""
        self._faults.lost_hosts.add(host.hostname)
        host.connected = False
        for task in list(host.tasks.values()):
            self._agents.destroy(task)
        self._time_out(host)

    def cut_off(self, host: Host) -> None:
        """The network to the machine fails; its processes live on."""
        self._faults.partitioned_hosts.add(host.hostname)
        host.connected = False
        self._time_out(host)

    def restore(self, host: Host) -> None:
        """The machine, or the network to it, is back: the agent registers again and tells what it has."""
        died = host.hostname in self._faults.lost_hosts
        self._faults.lost_hosts.discard(host.hostname)
        self._faults.partitioned_hosts.discard(host.hostname)
        timeout = self._timeouts.pop(host.id, None)
        if timeout is not None:
            timeout.cancel()
        host.connected, host.reachable, host.lost_at = True, True, None
        for instance in self._instances_on(host):
            task = instance.task
            if task is not None and (died or (task.pid is None and not task.noop)):
                self._tracker.update(instance, TaskState.GONE, "The agent came back without this task")
            elif instance.lost_sight_of:
                self._tracker.update(instance, TaskState.RUNNING, "Agent reregistered")
            elif instance.being_killed:
                self._kill(instance)
        for task in self._left_behind.pop(host.id, []):
            self._end_left_behind(task, died=died)
        self._offer()

    def left_behind(self, task: Task) -> None:
        """Marathon forgot this task while its host was away; it is killed as soon as it is seen again."""
        self._left_behind.setdefault(task.host_id, []).append(task)

    # Operators

    def drain(self, host: Host, *, max_grace_s: float | None, mark_gone: bool) -> None:
        """No more offers; all tasks are killed with their grace, frameworks start them elsewhere."""
        host.deactivated = True
        host.drain = Drain(max_grace_s, mark_gone, now())
        self._save(host)
        for instance in self._instances_on(host):
            self._kill(instance, max_grace_s=max_grace_s)
        self.evict_others(host)
        self.check_drains()

    def deactivate(self, host: Host) -> None:
        """No more offers; tasks stay."""
        host.deactivated = True
        self._save(host)

    def reactivate(self, host: Host) -> None:
        host.deactivated = False
        host.drain = None
        self._save(host)
        self._offer()

    def schedule_maintenance(self, host: Host, start: datetime | None) -> None:
        """Its window in the maintenance schedule begins then; None: it has none any more."""
        host.maintenance_start = start
        self._save(host)
        self._offer()

    def bring_down(self, host: Host) -> None:
        """Maintenance has begun: the agent is shut down and its tasks are lost."""
        host.down = True
        self._save(host)
        self._end_all(host, TaskState.GONE_BY_OPERATOR, "Machine brought down for maintenance")

    def bring_up(self, host: Host) -> None:
        host.down = False
        self.schedule_maintenance(host, None)

    def mark_gone(self, host: Host) -> None:
        """The agent never returns."""
        host.deactivated = host.down = True
        self._save(host)
        self._end_all(host, TaskState.GONE_BY_OPERATOR, "Agent marked as gone by an operator")

    def check_drains(self) -> None:
        for host in self._cluster.hosts.values():
            if host.drain is not None and not host.drain.done and not host.tasks:
                host.drain.done = True
                self._save(host)
                if host.drain.mark_gone:
                    self.mark_gone(host)

    async def run(self) -> None:
        """Look after unreachable instances and drains, for ever."""
        while True:
            await asyncio.sleep(self._timing.unreachable_sweep_s)
            for host in self._cluster.hosts.values():
                if not host.reachable:
                    for instance in self._instances_on(host):
                        self._apply_strategy(instance)
            self.check_drains()

    # Behind it

    def _save(self, host: Host) -> None:
        save_host(self._store, self._cluster, host)

    def _time_out(self, host: Host) -> None:
        if host.reachable and host.id not in self._timeouts:
            self._timeouts[host.id] = asyncio.get_running_loop().call_later(
                self._timing.agent_timeout_s, self._became_unreachable, host
            )

    def _became_unreachable(self, host: Host) -> None:
        self._timeouts.pop(host.id, None)
        host.reachable, host.lost_at = False, now()
        message = f"Agent {host.hostname} is unreachable"
        for instance in self._instances_on(host):
            self._tracker.update(instance, TaskState.UNREACHABLE, message)
            self._apply_strategy(instance)

    def _apply_strategy(self, instance: Instance) -> None:
        state = self._tracker.state(instance.app_id)
        if state is None or not instance.lost_sight_of or instance.unreachable_since is None:
            return
        away_s = (now() - instance.unreachable_since).total_seconds()
        strategy = state.app.unreachable
        if instance.goal is not Goal.RUNNING or (
            strategy.expunge_after_s is not None and away_s >= strategy.expunge_after_s
        ):
            self._tracker.forget(instance)
        elif (
            strategy.inactive_after_s is not None
            and away_s >= strategy.inactive_after_s
            and instance.condition is Condition.UNREACHABLE
        ):
            self._tracker.deactivate(instance)

    def _instances_on(self, host: Host) -> list[Instance]:
        instances = self._cluster.instances
        return [
            instances[task.instance_id]
            for task in list(host.tasks.values())
            if task.instance_id is not None and task.instance_id in instances
        ]

    def _end_all(self, host: Host, state: TaskState, message: str) -> None:
        for instance in self._instances_on(host):
            if instance.task is not None:
                self._agents.destroy(instance.task)
            self._tracker.update(instance, state, message)
        self.evict_others(host)

    def _end_left_behind(self, task: Task, *, died: bool) -> None:
        if not died:
            self._agents.kill(task)
        self._bus.publish(
            "unknown_instance_terminated_event",
            {"instanceId": task.instance_id, "runSpecId": task.app_id, "condition": Condition.KILLED.value},
        )
