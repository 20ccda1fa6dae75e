"""From what changes to the steps of a deployment plan. Pure.

Source: Marathon's core/deployment/DeploymentPlan.scala: first all removed apps together, then all new ones
with zero instances, then a step for each depth of the dependency graph, leaves first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sandbox.ids import AppId
from sandbox.model import Action, ActionKind, AppChange, Step


class CyclicDependenciesError(ValueError):
    """Apps depend on each other in a circle."""


Dependencies = Callable[[AppId], Iterable[AppId]]  # the apps that one app depends on, directly


def build_steps(
    changes: Sequence[AppChange], *, restarted: frozenset[AppId], dependencies: Dependencies
) -> tuple[Step, ...]:
    """The plan for these changes; `restarted` apps are rolled even if their definition is the same.

    Raises CyclicDependenciesError."""
    stops = [Action(ActionKind.STOP, change.app_id) for change in changes if change.after is None]
    starts = [
        Action(ActionKind.START, change.app_id)
        for change in changes
        if change.before is None and change.after is not None
    ]
    by_depth: dict[int, list[Action]] = {}
    depths = Depths(dependencies)
    for change in changes:
        kind = _kind(change, change.app_id in restarted)
        if kind is not None:
            by_depth.setdefault(depths.of(change.app_id), []).append(Action(kind, change.app_id))
    levels = [by_depth[depth] for depth in sorted(by_depth)]
    return tuple(Step(tuple(actions)) for actions in (stops, starts, *levels) if actions)


def _kind(change: AppChange, restart: bool) -> ActionKind | None:
    before, after = change.before, change.after
    if after is None:
        return None
    if before is None or after.instances == 0:
        unchanged = before is not None and before.instances == 0 and after.same_configuration(before)
        return None if unchanged and not restart else ActionKind.SCALE
    if restart or not after.same_configuration(before):
        return ActionKind.RESTART
    return ActionKind.SCALE if before.instances != after.instances else None


class Depths:
    """The longest chain of dependencies below an app; 0 for a leaf."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._known: dict[AppId, int] = {}

    def of(self, app_id: AppId) -> int:
        """Raises CyclicDependenciesError. Iterative: a chain may be longer than Python's stack."""
        open_apps: dict[AppId, list[AppId]] = {app_id: list(self._dependencies(app_id))}
        while open_apps:
            current, waiting = next(reversed(open_apps.items()))
            while waiting and waiting[-1] in self._known:
                waiting.pop()
            if waiting:
                following = waiting[-1]
                if following in open_apps:
                    raise CyclicDependenciesError("Dependency graph has cyclic dependencies.")
                open_apps[following] = list(self._dependencies(following))
                continue
            below = [self._known[other] for other in self._dependencies(current)]
            self._known[current] = 1 + max(below, default=-1)
            del open_apps[current]
        return self._known[app_id]
