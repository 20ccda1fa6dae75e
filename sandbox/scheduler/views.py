"""Pieces of wire JSON that both events and API replies contain."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.definitions.app import App, Json
from sandbox.ids import ROOT, AppId, GroupId, is_below, parent_group
from sandbox.model import Cluster, Deployment, Group, Step
from sandbox.scheduler.root import undo_changes
from sandbox.timestamps import format_timestamp

TASK_ADDRESS = "127.0.0.1"  # all virtual hosts share the loopback interface


def ip_addresses() -> list[Json]:
    return [{"ipAddress": TASK_ADDRESS, "protocol": "IPv4"}]


def app_json(app: App) -> Json:
    """The definition with its version, without anything about tasks or deployments."""
    return {
        **app.definition,
        "version": format_timestamp(app.version),
        "versionInfo": {
            "lastScalingAt": format_timestamp(app.last_scaling_at),
            "lastConfigChangeAt": format_timestamp(app.last_config_change_at),
        },
    }


def step_json(step: Step) -> Json:
    return {"actions": [{"action": action.kind.value, "app": action.app_id} for action in step.actions]}


def plan_json(deployment: Deployment) -> Json:
    """The light form of a plan."""
    return {
        "id": deployment.id,
        "version": format_timestamp(deployment.version),
        "steps": [step_json(step) for step in deployment.steps],
    }


def plan_groups(cluster: Cluster, deployment: Deployment) -> tuple[Json, Json]:
    """`original` and `target` of a plan: the whole tree before and after it."""
    apps = {app_id: state.app for app_id, state in cluster.apps.items()}
    groups = dict(cluster.groups)
    target = group_json(ROOT, apps, groups)
    undo_changes(deployment.app_changes, deployment.group_changes, apps, groups)
    return group_json(ROOT, apps, groups), target


def group_json(group_id: GroupId, apps: Mapping[AppId, App], groups: Mapping[GroupId, Group]) -> Json:
    """A group with everything in it, definitions only."""
    apps_in: dict[str, list[App]] = {}
    for app_id, app in apps.items():
        if is_below(app_id, group_id):
            apps_in.setdefault(parent_group(app_id), []).append(app)
    groups_in: dict[str, list[GroupId]] = {}
    for other in groups:
        if is_below(other, group_id):
            groups_in.setdefault(parent_group(other), []).append(other)

    def render(current: GroupId) -> Json:
        group = groups[current]
        return {
            "id": current,
            "apps": [app_json(app) for app in apps_in.get(current, ())],
            "pods": [],
            "groups": [render(child) for child in groups_in.get(current, ())],
            "dependencies": list(group.dependencies),
            "version": format_timestamp(group.version),
        }

    return render(group_id)
