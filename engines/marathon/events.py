"""Marathon's events as hints: which workloads to look at again.

Source: Marathon's `SRC/core/event/Events.scala`. The ids come in several dresses: `appId` and `runSpecId`
with or without the leading slash, `instanceId` as `prod_web.instance-<uuid>`, plans with an `app` per action.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from engines.base import DeploymentId, EngineEvent, EventKind, InstanceId, WorkloadId
from engines.marathon.status import instance_state, restarts

Payload = Mapping[str, Any]


def engine_event(payload: Payload) -> EngineEvent:
    """The hint in an event. An unknown kind that names an app is a hint to look at it; any other is OTHER."""
    read = _READERS.get(payload["eventType"])
    if read is not None:
        return read(payload)
    workload_ids = _workload_ids(payload)
    return EngineEvent(
        kind=EventKind.WORKLOAD if workload_ids else EventKind.OTHER,
        at=_at(payload),
        workload_ids=workload_ids,
    )


def workload_id(text: str) -> WorkloadId:
    """An app's path from any form of it. An app id has no `_`, so the safe form of it can be undone."""
    path = text.partition(".instance-")[0].replace("_", "/")
    return WorkloadId("/" + path.lstrip("/"))


def _status_update(payload: Payload) -> EngineEvent:
    addresses = payload.get("ipAddresses") or ()
    return EngineEvent(
        kind=EventKind.INSTANCE,
        at=_at(payload),
        workload_ids=_workload_ids(payload),
        instance_id=InstanceId(payload["taskId"]),
        state=instance_state(payload["taskStatus"]),
        host=payload.get("host", ""),
        ip=addresses[0].get("ipAddress", "") if addresses else "",
        ports=tuple(payload.get("ports") or ()),
        engine_version=_time(payload.get("version")),
        restarts=restarts(payload["taskId"]),
        message=payload.get("message", ""),
    )


def _health_changed(payload: Payload) -> EngineEvent:
    """The event names the instance (1.5+); the task that runs in it has the instance's id and `._app.1`, unless the
    instance was started again, and then nobody knows this name."""
    instance, healthy = payload.get("instanceId"), payload.get("healthy")
    return EngineEvent(
        kind=EventKind.INSTANCE,
        at=_at(payload),
        workload_ids=_workload_ids(payload),
        instance_id=InstanceId(f"{instance}._app.1") if instance else None,
        healthy=healthy,
    )


def _instance(payload: Payload) -> EngineEvent:
    """An instance's change. The task id is given only where the payload has a real one."""
    condition = payload.get("condition")
    return EngineEvent(
        kind=EventKind.INSTANCE,
        at=_at(payload),
        workload_ids=_workload_ids(payload),
        state=instance_state(condition) if condition else None,
        host=payload.get("host") or "",
    )


def _killed_unhealthy(payload: Payload) -> EngineEvent:
    return EngineEvent(
        kind=EventKind.INSTANCE,
        at=_at(payload),
        workload_ids=_workload_ids(payload),
        instance_id=InstanceId(payload["taskId"]),
        host=payload.get("host") or "",
        message=payload.get("reason", ""),
    )


def _api_post(payload: Payload) -> EngineEvent:
    app_id = payload.get("appDefinition", {}).get("id")
    ids = (workload_id(app_id),) if app_id else ()
    return EngineEvent(kind=EventKind.WORKLOAD, at=_at(payload), workload_ids=ids)


def _deployment(kind: EventKind) -> Callable[[Payload], EngineEvent]:
    def read(payload: Payload) -> EngineEvent:
        plan = payload.get("plan", {})
        apps = [
            action["app"]
            for step in plan.get("steps", ())
            for action in step.get("actions", ())
            if "app" in action
        ]
        return EngineEvent(
            kind=kind,
            at=_at(payload),
            workload_ids=tuple(map(workload_id, dict.fromkeys(apps))),
            deployment_id=DeploymentId(payload.get("id") or plan.get("id") or ""),
            message=payload.get("reason", ""),
        )

    return read


_READERS: Mapping[str, Callable[[Payload], EngineEvent]] = {
    "api_post_event": _api_post,
    "deployment_failed": _deployment(EventKind.DEPLOYMENT_FAILED),
    "deployment_info": _deployment(EventKind.WORKLOAD),
    "deployment_step_failure": _deployment(EventKind.WORKLOAD),
    "deployment_step_success": _deployment(EventKind.WORKLOAD),
    "deployment_success": _deployment(EventKind.DEPLOYMENT_SUCCEEDED),
    "failed_health_check_event": _instance,
    "health_status_changed_event": _instance,
    "instance_changed_event": _instance,
    "instance_health_changed_event": _health_changed,
    "status_update_event": _status_update,
    "unhealthy_instance_kill_event": _killed_unhealthy,
    "unknown_instance_terminated_event": _instance,
}
"""The kinds that say more than which app they are about."""


FOLLOWED = (
    "api_post_event",
    "app_terminated_event",
    "deployment_failed",
    "deployment_info",
    "deployment_step_failure",
    "deployment_step_success",
    "deployment_success",
    "instance_health_changed_event",
    "status_update_event",
    "unhealthy_instance_kill_event",
    "unknown_instance_terminated_event",
)
"""The kinds that are asked for. Those left out say of the same moment what one of these says too: a starting
instance makes eight events, and a thousand of them keep both ends busy for nothing."""


def _workload_ids(payload: Payload) -> tuple[WorkloadId, ...]:
    found = payload.get("appId") or payload.get("runSpecId") or payload.get("instanceId")
    return (workload_id(found),) if found else ()


def _at(payload: Payload) -> datetime | None:
    return _time(payload.get("timestamp"))


def _time(stamp: str | None) -> datetime | None:
    return None if stamp is None else datetime.fromisoformat(stamp)
