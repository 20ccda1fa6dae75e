"""Marathon's JSON as the port's values. Source: Marathon's `SRC/raml/*Conversion.scala` (1.5 – 1.11)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from clients.marathon.wire import App, Deployment, HealthCheckResult, QueueItem, Task, TaskFailure
from clients.mesos import Agent
from engines.base import (
    VERSION_LABEL,
    DeclineReason,
    DeploymentId,
    DeploymentStatus,
    HealthResult,
    HostStatus,
    InstanceFailure,
    InstanceId,
    InstanceState,
    InstanceStatus,
    Waiting,
    WorkloadId,
    WorkloadStatus,
)

_STATES = {
    "STAGING": InstanceState.STAGING,
    "STARTING": InstanceState.STARTING,
    "RUNNING": InstanceState.RUNNING,
    "KILLING": InstanceState.KILLING,
    "UNREACHABLE": InstanceState.UNREACHABLE,
    "FINISHED": InstanceState.FINISHED,
    "KILLED": InstanceState.KILLED,
    "FAILED": InstanceState.FAILED,
    "ERROR": InstanceState.FAILED,
    "DROPPED": InstanceState.FAILED,
    "GONE": InstanceState.FAILED,
    "GONE_BY_OPERATOR": InstanceState.FAILED,
    "LOST": InstanceState.FAILED,
    # Only as an instance's condition, never as a task's state.
    "SCHEDULED": InstanceState.STAGING,
    "PROVISIONED": InstanceState.STAGING,
    "UNREACHABLEINACTIVE": InstanceState.UNREACHABLE,
}
_INCARNATION = re.compile(r"\.instance-[0-9a-f-]+\.[^.]+\.(\d+)$")


def instance_state(word: str) -> InstanceState:
    """A task's state (`TASK_RUNNING`) or an instance's condition (`Running`) in the port's words."""
    return _STATES.get(word.upper().removeprefix("TASK_"), InstanceState.UNKNOWN)


def workload_status(app: App, *, with_instances: bool) -> WorkloadStatus:
    """An app as a status. Without health checks Marathon counts nothing as healthy; here healthy is then
    what runs, and `has_health_checks` tells the difference."""
    has_checks = bool(app.get("healthChecks"))
    running = app.get("tasksRunning", 0)
    labels = app.get("labels", {})
    changed = app.get("versionInfo", {}).get("lastConfigChangeAt", app["version"])
    failure = app.get("lastTaskFailure")
    return WorkloadStatus(
        id=WorkloadId(app["id"]),
        version=ocean_version(labels.get(VERSION_LABEL)),
        wanted=app["instances"],
        running=running,
        staging=app.get("tasksStaged", 0),
        healthy=app.get("tasksHealthy", 0) if has_checks else running,
        unhealthy=app.get("tasksUnhealthy", 0) if has_checks else 0,
        has_health_checks=has_checks,
        engine_version=datetime.fromisoformat(app["version"]),
        config_changed_at=datetime.fromisoformat(changed),
        deployments=tuple(DeploymentId(item["id"]) for item in app.get("deployments", ())),
        instances=tuple(map(instance_status, app.get("tasks", ()))) if with_instances else None,
        last_failure=instance_failure(failure) if failure else None,
        labels=labels,
    )


def is_resident(app: App) -> bool:
    """Whether its instances are bound to their hosts by persistent volumes."""
    return any("persistent" in volume for volume in app.get("container", {}).get("volumes", ()))


def ocean_version(label: str | None) -> int | None:
    """The version number in VERSION_LABEL; None for an app that Ocean did not make."""
    return int(label) if label is not None and label.isdecimal() else None


def instance_status(task: Task) -> InstanceStatus:
    """A task as a status. `version`, `stagedAt`, `startedAt` and `ports` are there while it is active."""
    addresses = task.get("ipAddresses", ())
    return InstanceStatus(
        id=InstanceId(task["id"]),
        workload_id=WorkloadId(task["appId"]),
        state=instance_state(task["state"]),
        host=task.get("host", ""),
        ip=addresses[0]["ipAddress"] if addresses else "",
        ports=tuple(task.get("ports", ())),
        healthy=_healthy(task.get("healthCheckResults", ())),
        engine_version=_time(task.get("version")),
        staged_at=_time(task.get("stagedAt")),
        started_at=_time(task.get("startedAt")),
        restarts=restarts(task["id"]),
    )


def restarts(task_id: str) -> int:
    """How often the instance was started again: its task id ends in `._app.<incarnation>`, from 1 (1.8+).
    Older ids do not tell, and count as 0."""
    match = _INCARNATION.search(task_id)
    return int(match[1]) - 1 if match else 0


def instance_failure(failure: TaskFailure) -> InstanceFailure:
    """`lastTaskFailure`; Marathon keeps one for each app."""
    return InstanceFailure(
        instance_id=InstanceId(failure["taskId"]),
        state=instance_state(failure["state"]),
        host=failure.get("host", ""),
        message=failure.get("message", ""),
        at=datetime.fromisoformat(failure["timestamp"]),
        engine_version=_time(failure.get("version")),
        restarts=restarts(failure["taskId"]),
    )


def health_result(task: Task) -> HealthResult | None:
    """All checks of a task as one result, the worst of each; None before the first result."""
    results = task.get("healthCheckResults", ())
    if not results:
        return None
    last_failed = max(results, key=lambda result: result.get("lastFailure", ""))
    firsts = [result.get("firstSuccess", "") for result in results]
    return HealthResult(
        instance_id=InstanceId(task["id"]),
        alive=all(result["alive"] for result in results),
        consecutive_failures=max(result.get("consecutiveFailures", 0) for result in results),
        last_failure_cause=last_failed.get("lastFailureCause", ""),
        last_failure_at=_time(last_failed.get("lastFailure")),
        first_success_at=_time(max(firsts)) if all(firsts) else None,
    )


def deployment_status(deployment: Deployment) -> DeploymentStatus:
    """A running deployment; `affectedApps` are those that its plan names."""
    return DeploymentStatus(
        id=DeploymentId(deployment["id"]),
        workload_ids=tuple(map(WorkloadId, deployment["affectedApps"])),
        step=deployment["currentStep"],
        total_steps=deployment["totalSteps"],
        actions=tuple(item["action"] for item in deployment["currentActions"]),
    )


def waiting(workload_id: WorkloadId, item: QueueItem) -> Waiting:
    """A queue item. The reasons are of the latest offer of each host, or else of all since the wait began;
    those that declined nothing are left out."""
    offers = item.get("processedOffersSummary", {})
    reasons = offers.get("rejectSummaryLastOffers") or offers.get("rejectSummaryLaunchAttempt") or []
    return Waiting(
        workload_id=workload_id,
        count=item["count"],
        delay_s=item["delay"]["timeLeftSeconds"],
        since=_time(item.get("since")),
        reasons=tuple(
            DeclineReason(reason=r["reason"], declined=r["declined"], processed=r["processed"])
            for r in reasons
            if r["declined"] > 0
        ),
    )


def host_status(agent: Agent) -> HostStatus:
    """A Mesos agent as a host."""
    return HostStatus(
        id=agent.id,
        hostname=agent.hostname,
        address=agent.ip,
        active=agent.active,
        attributes=agent.attributes,
        resources=agent.resources,
        used=agent.used,
        registered_at=agent.registered_at,
        instances=agent.tasks,
        draining=agent.draining,
    )


def _healthy(results: Sequence[HealthCheckResult]) -> bool | None:
    return all(result["alive"] for result in results) if results else None


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
