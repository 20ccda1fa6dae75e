"""Changes of the tree of apps and groups: versions, service ports, validity, history.

Nothing is started here; `Deployments` turns a prepared change into a plan and runs it. Sources: Marathon's
core/group/impl/GroupManagerImpl.scala, state/RootGroup.scala.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sandbox.codec import encode, encode_app
from sandbox.definitions.app import App, Json
from sandbox.definitions.parse import app_from_definition
from sandbox.definitions.schema import InvalidObjectError, Problems
from sandbox.ids import AppId, GroupId, is_below, parent_group
from sandbox.model import AppChange, AppState, Cluster, Group, GroupChange, RootVersion
from sandbox.scheduler.service_ports import ServicePorts
from sandbox.store import Store
from sandbox.timestamps import VersionClock, format_timestamp

STORED_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Change:
    """A prepared change of the tree, not applied yet."""

    version: datetime
    apps: tuple[AppChange, ...]
    groups: tuple[GroupChange, ...]
    restarted: frozenset[AppId]


class Root:
    def __init__(self, cluster: Cluster, store: Store, clock: VersionClock) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock

    def prepare(
        self,
        apps: Mapping[AppId, Json | None],
        *,
        groups: Mapping[GroupId, Group | None] | None = None,
        restart: Iterable[AppId] = (),
        version: datetime | None = None,
    ) -> Change:
        """What these canonical definitions (None: remove) change, with versions and service ports.

        `version`: of the change, where the groups carry it already; else the next one.
        Raises InvalidObjectError when an app and a group would have the same id."""
        version = version or self._clock.next()
        restarted = frozenset(restart)
        ports = ServicePorts(
            (state.app for app_id, state in self._cluster.apps.items() if apps.get(app_id, True) is not None),
            [definition for definition in apps.values() if definition is not None],
        )
        changes = []
        for app_id, definition in apps.items():
            before = self._app(app_id)
            after = (
                None
                if definition is None
                else self._next_app(before, definition, version, ports, restart=app_id in restarted)
            )
            if (before is not None or after is not None) and after is not before:
                changes.append(AppChange(app_id, before, after))
        group_changes = self._group_changes(groups or {}, changes, version)
        self._check_ids(changes, group_changes)
        return Change(version, tuple(changes), group_changes, restarted)

    def apply(self, change: Change) -> None:
        """Make it so, and remember how it was before."""
        for app_change in change.apps:
            self._apply_app(app_change)
        for group_change in change.groups:
            self._apply_group(group_change)
        if change.apps or change.groups:
            self._remember(RootVersion(change.version, change.apps, change.groups))

    def groups_below(self, group_id: GroupId) -> list[GroupId]:
        return [other for other in self._cluster.groups if is_below(other, group_id)]

    def apps_below(self, group_id: GroupId) -> list[AppId]:
        return [app_id for app_id in self._cluster.apps if is_below(app_id, group_id)]

    def tree_at(self, version: datetime) -> tuple[dict[AppId, App], dict[GroupId, Group]] | None:
        """All apps and groups as they were right after this change; None when it is not remembered."""
        if not any(entry.version == version for entry in self._cluster.history):
            return None
        apps = {app_id: state.app for app_id, state in self._cluster.apps.items()}
        groups = dict(self._cluster.groups)
        for entry in reversed(self._cluster.history):
            if entry.version <= version:
                break
            undo_changes(entry.app_changes, entry.group_changes, apps, groups)
        return apps, groups

    # Behind it

    def _app(self, app_id: AppId) -> App | None:
        state = self._cluster.apps.get(app_id)
        return None if state is None else state.app

    def _next_app(
        self, before: App | None, definition: Json, version: datetime, ports: ServicePorts, *, restart: bool
    ) -> App:
        definition = ports.assign(definition, before)
        scaled_at = changed_at = version
        if before is not None:
            candidate = replace(before, definition=definition)
            config_changed = restart or not candidate.same_configuration(before)
            scaled = definition["instances"] != before.instances
            if not (config_changed or scaled or definition != before.definition):
                return before
            changed_at = version if config_changed else before.last_config_change_at
            scaled_at = version if config_changed or scaled else before.last_scaling_at
            if restart and candidate.same_configuration(before) and not scaled:
                scaled_at = before.last_scaling_at
        return app_from_definition(
            definition, version=version, last_scaling_at=scaled_at, last_config_change_at=changed_at
        )

    def _group_changes(
        self, wanted: Mapping[GroupId, Group | None], apps: Iterable[AppChange], version: datetime
    ) -> tuple[GroupChange, ...]:
        changes = {
            group_id: GroupChange(group_id, self._cluster.groups.get(group_id), group)
            for group_id, group in wanted.items()
            if self._cluster.groups.get(group_id) != group
        }
        kept: list[str] = [change.app_id for change in apps if change.after is not None]
        kept += [group_id for group_id, group in wanted.items() if group is not None]
        for path in kept:
            parent = parent_group(path)
            while parent not in self._cluster.groups and parent not in wanted:
                changes[parent] = GroupChange(parent, None, Group(parent, version))
                parent = parent_group(parent)
        for app in apps:
            parent = parent_group(app.app_id)
            group = self._cluster.groups.get(parent)
            if group is not None and parent not in changes:
                changes[parent] = GroupChange(parent, group, replace(group, version=version))
        return tuple(changes.values())

    def _check_ids(self, apps: Iterable[AppChange], groups: Iterable[GroupChange]) -> None:
        is_app: dict[str, bool] = {app.app_id: app.after is not None for app in apps}
        is_group: dict[str, bool] = {group.group_id: group.after is not None for group in groups}
        clash = any(
            is_app.get(path, path in self._cluster.apps) and is_group.get(path, path in self._cluster.groups)
            for path in (*is_app, *is_group)
        )
        if clash:
            problems = Problems()
            problems.add("/", "Groups and Applications may not have the same identifier.")
            raise InvalidObjectError("Object is not valid", problems)

    def _apply_app(self, change: AppChange) -> None:
        cluster, app_id, after = self._cluster, change.app_id, change.after
        if after is None:
            state = cluster.apps.pop(app_id)
            cluster.removed[app_id] = state
            for version in state.versions:
                self._mark_version(app_id, version, None)
            self._store.mark(cluster.name, "app", app_id, lambda: None)
            self._store.mark(cluster.name, "removed", app_id, lambda: encode_app(state.app))
            return
        state = cluster.apps.get(app_id) or cluster.removed.pop(app_id, None) or AppState(after)
        cluster.apps[app_id] = state
        state.app = after
        state.versions[after.version] = after
        self._mark_version(app_id, after.version, after)
        while len(state.versions) > STORED_VERSIONS:
            oldest = next(iter(state.versions))
            del state.versions[oldest]
            self._mark_version(app_id, oldest, None)
        self._store.mark(
            cluster.name, "app", app_id, lambda: {"version": format_timestamp(state.app.version)}
        )
        self._store.mark(cluster.name, "removed", app_id, lambda: None)

    def _mark_version(self, app_id: AppId, version: datetime, app: App | None) -> None:
        key = f"{app_id} {format_timestamp(version)}"
        self._store.mark(self._cluster.name, "version", key, lambda: None if app is None else encode_app(app))

    def _apply_group(self, change: GroupChange) -> None:
        if change.after is None:
            self._cluster.groups.pop(change.group_id, None)
        else:
            self._cluster.groups[change.group_id] = change.after
        after = change.after
        self._store.mark(
            self._cluster.name, "group", change.group_id, lambda: None if after is None else encode(after)
        )

    def _remember(self, entry: RootVersion) -> None:
        history = self._cluster.history
        if history.maxlen is not None and len(history) >= history.maxlen:
            self._store.mark(
                self._cluster.name, "history", format_timestamp(history[0].version), lambda: None
            )
        history.append(entry)
        self._store.mark(
            self._cluster.name, "history", format_timestamp(entry.version), lambda: encode(entry)
        )


def undo_changes(
    app_changes: Iterable[AppChange],
    group_changes: Iterable[GroupChange],
    apps: dict[AppId, App],
    groups: dict[GroupId, Group],
) -> None:
    """Take these changes back in copies of the tree."""
    for app in app_changes:
        if app.before is None:
            apps.pop(app.app_id, None)
        else:
            apps[app.app_id] = app.before
    for group in group_changes:
        if group.before is None:
            groups.pop(group.group_id, None)
        else:
            groups[group.group_id] = group.before
