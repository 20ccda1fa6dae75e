"""The actions of a deployment plan: start, scale, restart and stop one app.

Each looks at what is there, does what is missing, and waits for news, until nothing is missing. So an
action that was cut short by a restart of the sandbox is simply run again. Sources: Marathon's
core/deployment/impl/TaskStartActor.scala, TaskReplaceActor.scala, AppStopActor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from sandbox.definitions.app import App
from sandbox.events import EventBus
from sandbox.ids import AppId
from sandbox.model import Action, ActionKind, Cluster, Condition, Goal, Instance
from sandbox.scheduler.backoff import RateLimiter
from sandbox.scheduler.launching import Launching
from sandbox.scheduler.readiness import ReadinessChecks, is_ready
from sandbox.scheduler.rollout import Bounds, Progress, bounds, next_moves
from sandbox.scheduler.selection import select_victims
from sandbox.scheduler.tracker import Tracker, config_is_current
from sandbox.timestamps import format_timestamp

SLICE = 64  # instances made or killed between two looks at everything else
# Looking at all instances after each change of one would be quadratic: rest for this many times the look's
# cost.
REST_FACTOR = 4


class Actions:
    def __init__(
        self,
        cluster: Cluster,
        bus: EventBus,
        tracker: Tracker,
        limiter: RateLimiter,
        launching: Launching,
        readiness: ReadinessChecks,
    ) -> None:
        self._cluster = cluster
        self._bus = bus
        self._tracker = tracker
        self._limiter = limiter
        self._launching = launching
        self._readiness = readiness

    async def run(self, action: Action) -> None:
        """Returns when the action has been fulfilled; that may be never."""
        match action.kind:
            case ActionKind.START:
                self._announce_checks(action.app_id)
            case ActionKind.SCALE:
                await self._until_done(action.app_id, self._scale)
            case ActionKind.RESTART:
                await self._restart(action.app_id)
            case ActionKind.STOP:
                await self._stop(action.app_id)

    async def _until_done(self, app_id: AppId, look: Callable[[App], Awaitable[bool]]) -> None:
        loop = asyncio.get_running_loop()
        news = self._tracker.news(app_id)
        while True:
            news.clear()
            state = self._cluster.apps.get(app_id)
            if state is None:
                return  # removed meanwhile by a forced change
            began = loop.time()
            if await look(state.app):
                return
            await asyncio.sleep(REST_FACTOR * (loop.time() - began))
            await news.wait()

    async def _scale(self, app: App) -> bool:
        wanted = [instance for instance in self._tracker.instances(app.id) if instance.counts]
        missing = app.instances - len(wanted)
        if missing > 0:
            await self._create(app, missing)
            return False
        if missing < 0:
            await self._give_up(select_victims(app, wanted, -missing, self._cluster.hosts))
            return False
        if any(instance.goal is Goal.DECOMMISSIONED for instance in self._tracker.instances(app.id)):
            return False
        # Those that were there before, with an older version, need not be well.
        return self._all_serve(app, [i for i in wanted if i.app_version >= app.version])

    async def _restart(self, app_id: AppId) -> None:
        state = self._cluster.apps.get(app_id)
        if state is None:
            return
        self._limiter.reset(app_id)
        self._announce_checks(app_id)
        app = state.app
        there = [instance for instance in self._tracker.instances(app_id) if instance.counts]
        limits = bounds(
            target=app.instances,
            existing=len(there),
            healthy=sum(self._serves(app, instance) for instance in there),
            upgrade=app.upgrade,
            resident=app.resident,
        )
        old = [instance for instance in there if not config_is_current(instance, app)]
        await self._replace(app, self._worst_first(app, old)[: limits.kill_now])
        await self._until_done(app_id, lambda present: self._roll(present, limits))

    async def _roll(self, app: App, limits: Bounds) -> bool:
        instances = self._tracker.instances(app.id)
        old: list[Instance] = []
        new: list[Instance] = []
        dying = 0
        for instance in instances:
            if instance.goal is Goal.DECOMMISSIONED or (
                instance.being_killed and not config_is_current(instance, app)
            ):
                dying += 1
            elif instance.counts:
                (new if config_is_current(instance, app) else old).append(instance)
        self._all_serve(app, new)
        moves = next_moves(
            Progress(
                target=app.instances,
                old=len(old),
                old_healthy=sum(self._serves(app, instance) for instance in old),
                dying=dying,
                new=len(new),
                new_ready=sum(self._serves(app, i) and is_ready(i, app) for i in new),
            ),
            limits,
        )
        if moves.kill:
            await self._replace(app, self._worst_first(app, old)[: moves.kill])
        if moves.start and not app.resident:
            await self._create(app, moves.start)
        elif app.resident and len(new) + len(old) + dying < app.instances:
            await self._create(app, app.instances - len(new) - len(old) - dying)
        if len(new) > app.instances:
            await self._give_up(select_victims(app, new, len(new) - app.instances, self._cluster.hosts))
        return moves.done and len(new) == app.instances

    async def _stop(self, app_id: AppId) -> None:
        news = self._tracker.news(app_id)
        await self._give_up(self._tracker.instances(app_id))
        while self._tracker.instances(app_id):
            await news.wait()
            news.clear()
        self._limiter.reset(app_id)
        state = self._tracker.state(app_id)
        self._tracker.app_ended(app_id)
        if state is not None and state.app.health_checks:
            self._bus.publish("remove_health_check_event", {"appId": app_id})
        self._bus.publish("app_terminated_event", {"appId": app_id})

    async def _create(self, app: App, count: int) -> None:
        while count > 0:
            self._tracker.create(app, min(count, SLICE))
            count -= SLICE
            await asyncio.sleep(0)

    async def _give_up(self, victims: Iterable[Instance]) -> None:
        """End these for good; reservations and volumes go too."""
        for n, instance in enumerate(victims, start=1):
            self._tracker.set_goal(instance, Goal.DECOMMISSIONED)
            self._launching.kill(instance)
            if n % SLICE == 0:
                await asyncio.sleep(0)

    async def _replace(self, app: App, victims: list[Instance]) -> None:
        """End old instances: residents come back by themselves in the new version, on their host."""
        if not app.resident:
            await self._give_up(victims)
            return
        for instance in victims:
            if instance.task is None:
                self._tracker.renew(instance, app)
            else:
                self._launching.kill(instance)

    def _all_serve(self, app: App, instances: list[Instance]) -> bool:
        """Whether all are running, healthy and ready; sees to it that readiness is asked for."""
        for instance in instances:
            if instance.condition is Condition.RUNNING:
                self._readiness.watch(instance, app)
        return all(self._serves(app, instance) and is_ready(instance, app) for instance in instances)

    def _serves(self, app: App, instance: Instance) -> bool:
        """Running, and healthy if there are checks (its own version's, when it is an old one)."""
        if instance.condition is not Condition.RUNNING:
            return False
        state = self._tracker.state(app.id)
        own = state.versions.get(instance.app_version, app) if state else app
        return not own.health_checks or instance.healthy is True

    def _worst_first(self, app: App, instances: list[Instance]) -> list[Instance]:
        """In the order in which old ones are given up: those that serve nobody first."""
        by_age = select_victims(app, instances, len(instances), self._cluster.hosts)
        return sorted(by_age, key=lambda instance: self._serves(app, instance))

    def _announce_checks(self, app_id: AppId) -> None:
        state = self._cluster.apps.get(app_id)
        if state is None:
            return
        for check in state.app.definition.get("healthChecks", ()):
            self._bus.publish(
                "add_health_check_event",
                {"appId": app_id, "version": format_timestamp(state.app.version), "healthCheck": check},
            )
