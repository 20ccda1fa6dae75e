"""Ids in the form of Marathon 1.8 and later, and paths of apps and groups.

Sources: Marathon's core/instance/Instance.scala, core/task/Task.scala, state/PathId.scala.
"""

from __future__ import annotations

import uuid
from typing import NewType

AppId = NewType("AppId", str)  # "/prod/web"
GroupId = NewType("GroupId", str)  # "/prod"; the root is "/"
InstanceId = NewType("InstanceId", str)  # "prod_web.instance-<uuid1>"
TaskId = NewType("TaskId", str)  # "prod_web.instance-<uuid1>._app.<incarnation>"
HostId = NewType("HostId", str)  # "<master uuid>-S0"
DeploymentId = NewType("DeploymentId", str)  # a uuid

ROOT = GroupId("/")


def canonical_path(path: str, base: str = "/") -> str:
    """An absolute path without doubled or trailing slashes; `.` and `..` are resolved against `base`."""
    parts: list[str] = [] if path.startswith("/") else [p for p in base.split("/") if p]
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def parent_group(path: str) -> GroupId:
    """`/prod/web` -> `/prod`; `/web` -> `/`."""
    return GroupId(path.rpartition("/")[0] or "/")


def is_below(path: str, group: str) -> bool:
    """Whether `path` lies strictly below `group`."""
    return path != group and (group == "/" or path.startswith(group + "/"))


def new_instance_id(app_id: AppId) -> InstanceId:
    return InstanceId(f"{app_id.strip('/').replace('/', '_')}.instance-{uuid.uuid1()}")


def task_id_of(instance_id: InstanceId, incarnation: int) -> TaskId:
    return TaskId(f"{instance_id}._app.{incarnation}")


def instance_of_task(task_id: str) -> InstanceId | None:
    """The instance that a task id (or a bare instance id) names; None when it is neither."""
    instance, separator, rest = task_id.partition("._app")
    if ".instance-" not in instance or (separator and rest and not rest[1:].isdigit()):
        return None
    return InstanceId(instance)


def new_deployment_id() -> DeploymentId:
    return DeploymentId(str(uuid.uuid4()))
