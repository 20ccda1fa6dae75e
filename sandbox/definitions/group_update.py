"""What a group update means for the apps and groups below it. Pure: reads the cluster, gives what is wanted.

Keys `apps`, `groups` and `dependencies` that are absent keep what is there; those present replace it
wholesale, so that apps left out of a given list are removed. Source: api/GroupApiService.scala,
raml/GroupConversion.scala.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from sandbox.definitions.app import App, Json
from sandbox.definitions.build import new_definition
from sandbox.definitions.schema import InvalidObjectError, Problems
from sandbox.definitions.validate import check_path
from sandbox.ids import ROOT, AppId, GroupId, canonical_path, is_below, parent_group
from sandbox.model import Cluster, Group

Wanted = tuple[dict[AppId, Json | None], dict[GroupId, Group | None]]


def update_group(
    cluster: Cluster, group_id: GroupId, body: Json, *, version: datetime, default_role: str
) -> Wanted:
    """The structure form of PUT and POST. Raises InvalidObjectError."""
    apps: dict[AppId, Json | None] = {}
    groups: dict[GroupId, Group | None] = {}
    _update(cluster, group_id, body, version, default_role, apps, groups)
    return apps, groups


def scale_group(cluster: Cluster, group_id: GroupId, factor: float) -> dict[AppId, Json | None]:
    """`scaleBy`: all apps below get ceil(instances × factor)."""
    return {
        app_id: {**state.app.definition, "instances": math.ceil(state.app.instances * factor)}
        for app_id, state in cluster.apps.items()
        if is_below(app_id, group_id)
    }


def restore_group(
    cluster: Cluster, group_id: GroupId, apps: Mapping[AppId, App], groups: Mapping[GroupId, Group]
) -> Wanted:
    """The group and all below it as they were in this older tree."""
    wanted_apps: dict[AppId, Json | None] = {a: None for a in cluster.apps if is_below(a, group_id)}
    wanted_apps |= {a: app.definition for a, app in apps.items() if is_below(a, group_id)}
    wanted_groups: dict[GroupId, Group | None] = {g: None for g in cluster.groups if is_below(g, group_id)}
    wanted_groups |= {g: group for g, group in groups.items() if is_below(g, group_id)}
    return wanted_apps, wanted_groups


def _update(
    cluster: Cluster,
    group_id: GroupId,
    body: Json,
    version: datetime,
    default_role: str,
    apps: dict[AppId, Json | None],
    groups: dict[GroupId, Group | None],
) -> None:
    _check_id(group_id)
    current = cluster.groups.get(group_id)
    dependencies = current.dependencies if current else ()
    if "dependencies" in body:
        dependencies = tuple(canonical_path(path, parent_group(group_id)) for path in body["dependencies"])
    enforce_role = body.get("enforceRole", current.enforce_role if current else None)
    if current is None or (dependencies, enforce_role) != (current.dependencies, current.enforce_role):
        groups[group_id] = Group(group_id, version, dependencies, enforce_role)
    if "apps" in body:
        apps.update(dict.fromkeys(a for a in cluster.apps if parent_group(a) == group_id))
        for app in body["apps"]:
            definition = new_definition(app, default_role=default_role, base=group_id)
            _check_child(definition["id"], group_id)
            apps[AppId(definition["id"])] = definition
    if "groups" in body:
        for child in (g for g in cluster.groups if g != ROOT and parent_group(g) == group_id):
            groups[child] = None
            groups.update(dict.fromkeys(g for g in cluster.groups if is_below(g, child)))
            apps.update(dict.fromkeys(a for a in cluster.apps if is_below(a, child)))
        for child_body in body["groups"]:
            child = GroupId(canonical_path(child_body.get("id", ""), group_id))
            _check_child(child, group_id)
            if child in cluster.groups:
                _keep(cluster, child, child_body, apps, groups)
            _update(cluster, child, child_body, version, default_role, apps, groups)


def _keep(
    cluster: Cluster,
    group_id: GroupId,
    body: Json,
    apps: dict[AppId, Json | None],
    groups: dict[GroupId, Group | None],
) -> None:
    """A child group that is listed stays; what its own body does not mention stays in it."""
    groups.pop(group_id, None)
    if "apps" not in body:
        for app_id in [a for a in apps if parent_group(a) == group_id]:
            del apps[app_id]
    if "groups" not in body:
        for app_id in [a for a in apps if is_below(parent_group(a), group_id)]:
            del apps[app_id]
        for other in [g for g in groups if is_below(g, group_id)]:
            del groups[other]


def _check_id(group_id: GroupId) -> None:
    problems = Problems()
    if group_id != ROOT:
        check_path(group_id, "/id", problems)
    if problems:
        raise InvalidObjectError("Object is not valid", problems)


def _check_child(path: str, group_id: GroupId) -> None:
    if not is_below(path, group_id):
        problems = Problems()
        problems.add("/id", f"Identifier is not child of '{group_id}'")
        raise InvalidObjectError("Object is not valid", problems)
