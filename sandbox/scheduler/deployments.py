"""Deployments: a change of the tree becomes a plan, takes its locks, and is carried out step by step.

Sources: Marathon's core/deployment/impl/DeploymentManagerActor.scala, DeploymentActor.scala,
DeploymentPlanReverter.scala.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from sandbox.codec import encode
from sandbox.definitions.app import App, Json
from sandbox.events import EventBus
from sandbox.ids import AppId, DeploymentId, GroupId, is_below, new_deployment_id, parent_group
from sandbox.model import Cluster, Deployment, Group, Step
from sandbox.scheduler.actions import Actions
from sandbox.scheduler.plan import Depths, build_steps
from sandbox.scheduler.root import Change, Root
from sandbox.scheduler.tracker import Tracker
from sandbox.scheduler.views import plan_groups, plan_json, step_json
from sandbox.store import Store
from sandbox.timestamps import format_timestamp

log = logging.getLogger(__name__)

MAX_RUNNING = 100


class AppLockedError(Exception):
    """A running deployment holds an app that the change concerns (409); `deployments` are their ids."""

    def __init__(self, deployments: list[DeploymentId]) -> None:
        super().__init__("App is locked by one or more deployments.")
        self.deployments = deployments


class TooManyDeploymentsError(Exception):
    """`--max_running_deployments` is reached (403)."""


class Deployments:
    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        bus: EventBus,
        root: Root,
        tracker: Tracker,
        actions: Actions,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._bus = bus
        self._root = root
        self._tracker = tracker
        self._actions = actions
        self._runs: dict[DeploymentId, asyncio.Task[None]] = {}

    # Asking for changes

    def plan(self, change: Change) -> tuple[Step, ...]:
        """The steps this change would take. Raises CyclicDependenciesError."""
        targets = {app.app_id: app.after for app in change.apps}
        groups = {group.group_id: group.after for group in change.groups}

        def dependencies(app_id: AppId) -> Iterable[AppId]:
            return self._dependencies(app_id, targets, groups)

        # Also apps that stay as they are may now be part of a circle.
        depths = Depths(dependencies)
        for app_id, target in targets.items():
            if target is not None:
                depths.of(app_id)
        return build_steps(change.apps, restarted=change.restarted, dependencies=dependencies)

    def deploy(self, change: Change, *, force: bool) -> Deployment:
        """Apply the change and start its deployment.

        Raises AppLockedError unless `force` (which cancels what is in the way), TooManyDeploymentsError,
        CyclicDependenciesError; then nothing has changed."""
        steps = self.plan(change)
        deployment = Deployment(new_deployment_id(), change.version, steps, change.apps, change.groups)
        rivals = [
            other for other in self._cluster.deployments.values() if other.affected & deployment.affected
        ]
        if rivals and not force:
            raise AppLockedError([other.id for other in rivals])
        if len(self._cluster.deployments) - len(rivals) >= MAX_RUNNING:
            raise TooManyDeploymentsError("Max number of running deployments reached")
        self._root.apply(change)
        for rival in rivals:
            self._end(rival, cancelled=True)
        self._cluster.deployments[deployment.id] = deployment
        self._mark(deployment)
        self._store.flush()
        changed_groups: set[str] = {parent_group(app.app_id) for app in change.apps} or {
            group.group_id for group in change.groups
        }
        for group_id in sorted(changed_groups) or ["/"]:
            self._bus.publish(
                "group_change_success", {"groupId": group_id, "version": format_timestamp(change.version)}
            )
        self._start(deployment)
        return deployment

    def revert(self, deployment: Deployment) -> Deployment:
        """Cancel it and start another that takes its changes back; later unrelated changes are kept."""
        apps: dict[AppId, Json | None] = {
            change.app_id: None if change.before is None else change.before.definition
            for change in deployment.app_changes
        }
        groups: dict[GroupId, Group | None] = {
            change.group_id: change.before
            for change in deployment.group_changes
            if change.before is not None or not self._keeps_others(change.group_id, deployment)
        }
        return self.deploy(self._root.prepare(apps, groups=groups), force=True)

    def abandon(self, deployment: Deployment) -> None:
        """Stop carrying it out; definitions stay at the target, tasks as they happen to be."""
        self._end(deployment, cancelled=True)

    # Running

    def resume(self) -> None:
        """After a restart: go on with what was being done."""
        for deployment in list(self._cluster.deployments.values()):
            self._start(deployment)

    async def stop(self) -> None:
        """Stop working on deployments, without ending them."""
        for run in self._runs.values():
            run.cancel()
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    def locked(self, app_id: AppId) -> bool:
        return any(app_id in deployment.affected for deployment in self._cluster.deployments.values())

    def supervise(self, app_id: AppId) -> None:
        """An instance went away unasked: make another, unless a deployment sees to that."""
        state = self._cluster.apps.get(app_id)
        if state is None or self.locked(app_id):
            return
        missing = state.app.instances - sum(instance.counts for instance in state.instances.values())
        if missing > 0:
            self._tracker.create(state.app, missing)

    def _start(self, deployment: Deployment) -> None:
        run = asyncio.create_task(self._run(deployment), name=f"deployment {deployment.id}")
        self._runs[deployment.id] = run
        run.add_done_callback(lambda _: self._runs.pop(deployment.id, None))

    async def _run(self, deployment: Deployment) -> None:
        # Whoever asked gets the answer first, and sees the deployment with currentStep 0.
        await asyncio.sleep(0)
        try:
            for number in range(max(deployment.current_step, 1), len(deployment.steps) + 1):
                await self._run_step(deployment, number)
        except Exception:
            log.exception("deployment_broken", extra={"deployment": deployment.id})
            self._publish("deployment_step_failure", deployment, step=True)
            self._end(deployment, reason="internal error of the sandbox; see its log")
            return
        self._end(deployment)

    async def _run_step(self, deployment: Deployment, number: int) -> None:
        if deployment.current_step != number:
            deployment.current_step = number
            self._mark(deployment)
        self._publish("deployment_info", deployment, step=True)
        async with asyncio.TaskGroup() as group:
            for action in deployment.steps[number - 1].actions:
                group.create_task(self._actions.run(action))
        self._publish("deployment_step_success", deployment, step=True)

    def _end(self, deployment: Deployment, *, cancelled: bool = False, reason: str | None = None) -> None:
        if self._cluster.deployments.pop(deployment.id, None) is None:
            return
        self._mark(deployment)
        # Whoever sees the end must find what it brought about, also after a kill.
        self._store.flush()
        run = self._runs.get(deployment.id)
        if cancelled and run is not None:
            run.cancel()
        if cancelled:
            reason = "The upgrade has been cancelled"
        payload: Json = {"id": deployment.id, "plan": plan_json(deployment)}
        if reason is not None:
            payload["reason"] = reason
        self._bus.publish(
            "deployment_success" if reason is None else "deployment_failed",
            payload,
            groups=lambda: plan_groups(self._cluster, deployment),
        )

    def _publish(self, kind: str, deployment: Deployment, *, step: bool) -> None:
        payload: Json = {"plan": plan_json(deployment)}
        if step:
            payload["currentStep"] = step_json(deployment.steps[deployment.current_step - 1])
        self._bus.publish(kind, payload, groups=lambda: plan_groups(self._cluster, deployment))

    def _mark(self, deployment: Deployment) -> None:
        self._store.mark(
            self._cluster.name,
            "deployment",
            deployment.id,
            lambda: encode(deployment) if deployment.id in self._cluster.deployments else None,
        )

    def _keeps_others(self, group_id: GroupId, deployment: Deployment) -> bool:
        """Whether something that this deployment did not make lives in a group that it made."""
        own: set[str] = {change.app_id for change in deployment.app_changes if change.before is None}
        own |= {change.group_id for change in deployment.group_changes}
        return any(
            is_below(path, group_id) and path not in own
            for path in (*self._cluster.apps, *self._cluster.groups)
        )

    def _dependencies(
        self, app_id: AppId, targets: Mapping[AppId, App | None], groups: dict[GroupId, Group | None]
    ) -> Iterable[AppId]:
        """Apps this one depends on, by itself or by a group around it; groups stand for all apps in them."""
        app = targets.get(app_id) or (state.app if (state := self._cluster.apps.get(app_id)) else None)
        paths = set(app.dependencies) if app else set()
        parent = parent_group(app_id)
        while True:
            group = groups.get(parent) or self._cluster.groups.get(parent)
            paths.update(group.dependencies if group else ())
            if parent == "/":
                break
            parent = parent_group(parent)
        if not paths:
            return []
        everything = {*self._cluster.apps, *(a for a, target in targets.items() if target is not None)}
        return [a for a in everything if a in paths or any(is_below(a, path) for path in paths)]
