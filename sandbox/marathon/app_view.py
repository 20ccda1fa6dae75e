"""Apps and tasks as Marathon shows them. Sources: raml/TaskConversion.scala, core/appinfo/."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sandbox.definitions.app import App, Json
from sandbox.ids import AppId
from sandbox.model import (
    AppState,
    Cluster,
    Condition,
    Deployment,
    HealthResult,
    Instance,
    LocalVolume,
    TaskFailure,
    TaskState,
)
from sandbox.scheduler.tracker import config_is_current
from sandbox.scheduler.views import app_json, ip_addresses
from sandbox.timestamps import format_timestamp, now

_EMBED_ALIASES = {
    "failures": {"tasks", "lastTaskFailure", "deployments"},
    "tasks": {"tasks", "deployments"},
    "count": {"counts"},
    "tasksStats": {"taskStats"},
}
EMBED_ALWAYS = frozenset({"counts", "deployments"})
EMBED_SINGLE = frozenset({"counts", "deployments", "tasks", "lastTaskFailure"})


def embeds(values: Iterable[str]) -> frozenset[str]:
    """`embed` parameters, bare or with the prefixes clients use, as the set of what to add."""
    wanted: set[str] = set()
    for value in values:
        name = value.removeprefix("group.").removeprefix("apps.").removeprefix("app.")
        wanted |= _EMBED_ALIASES.get(name, {name})
    return frozenset(wanted)


class DeploymentIndex:
    """Which deployments concern which app, built once for a whole listing."""

    def __init__(self, deployments: Iterable[Deployment]) -> None:
        self._by_app: dict[AppId, list[Json]] = {}
        for deployment in deployments:
            for app_id in deployment.affected:
                self._by_app.setdefault(app_id, []).append({"id": deployment.id})

    def of(self, app_id: AppId) -> list[Json]:
        return self._by_app.get(app_id, [])


def app_info(cluster: Cluster, state: AppState, embed: frozenset[str], deployments: DeploymentIndex) -> Json:
    """The app with what was asked to be embedded."""
    info = app_json(state.app)
    if "counts" in embed:
        info.update(counts(state.instances.values()).as_app())
    if "deployments" in embed:
        info["deployments"] = deployments.of(state.app.id)
    if "readiness" in embed:
        info["readinessCheckResults"] = readiness_results(state)
    if "lastTaskFailure" in embed and state.last_failure is not None:
        info["lastTaskFailure"] = failure_json(state.last_failure)
    if "tasks" in embed:
        info["tasks"] = [
            task_json(cluster, instance, state.app) for instance in shown(state.instances.values())
        ]
    if "taskStats" in embed:
        info["taskStats"] = task_stats(state)
    return info


def shown(instances: Iterable[Instance]) -> Iterator[Instance]:
    """Those that appear in task lists: the ones with a task on a host."""
    return (instance for instance in instances if instance.task is not None)


def task_json(cluster: Cluster, instance: Instance, app: App) -> Json:
    task = instance.task
    assert task is not None  # `shown` sees to it
    host = cluster.hosts[task.host_id]
    body: Json = {
        "id": task.id,
        "appId": instance.app_id,
        "host": host.hostname,
        "slaveId": host.id,
        "state": task.state.value,
        "healthCheckResults": [
            health_json(instance, result) for result in instance.health if result is not None
        ],
        "servicePorts": [],
        "ipAddresses": ip_addresses(),
        "localVolumes": [volume_json(instance, volume) for volume in instance.volumes],
        "role": task.role,
    }
    if instance.active or instance.lost_sight_of:
        body["ports"] = list(instance.ports)
        body["version"] = format_timestamp(instance.app_version)
        if instance.staged_at is not None:
            body["stagedAt"] = format_timestamp(instance.staged_at)
        if instance.started_at is not None:
            body["startedAt"] = format_timestamp(instance.started_at)
    for name in ("region", "zone"):
        if name in host.attributes:
            body[name] = str(host.attributes[name])
    return body


def health_json(instance: Instance, result: HealthResult) -> Json:
    body: Json = {
        "alive": result.alive,
        "consecutiveFailures": result.consecutive_failures,
        "instanceId": instance.id,
    }
    times = (
        ("firstSuccess", result.first_success),
        ("lastSuccess", result.last_success),
        ("lastFailure", result.last_failure),
    )
    body.update({name: format_timestamp(moment) for name, moment in times if moment is not None})
    if result.last_failure_cause is not None:
        body["lastFailureCause"] = result.last_failure_cause
    return body


def volume_json(instance: Instance, volume: LocalVolume) -> Json:
    return {
        "runSpecId": instance.app_id,
        "containerPath": volume.container_path,
        "uuid": volume.uuid,
        "persistenceId": volume.persistence_id,
    }


def failure_json(failure: TaskFailure) -> Json:
    return {
        "appId": failure.app_id,
        "host": failure.host,
        "message": failure.message,
        "state": failure.state.value,
        "taskId": failure.task_id,
        "timestamp": format_timestamp(failure.at),
        "version": format_timestamp(failure.version),
        "slaveId": failure.host_id,
    }


def readiness_results(state: AppState) -> list[Json]:
    """The answers of all instances that were asked; `lastResponse` only if the check preserves it."""
    check = state.app.readiness_check
    results = []
    for instance in state.instances.values():
        result = instance.readiness
        if result is None or instance.task is None or check is None:
            continue
        body: Json = {"name": result.name, "taskId": instance.task.id, "ready": result.ready}
        if check.preserve_last_response:
            body["lastResponse"] = {
                "status": result.status,
                "contentType": result.content_type,
                "body": result.body,
            }
        results.append(body)
    return results


@dataclass(slots=True)
class Counts:
    staged: int = 0
    running: int = 0
    healthy: int = 0
    unhealthy: int = 0

    def as_app(self) -> Json:
        return {
            "tasksStaged": self.staged,
            "tasksRunning": self.running,
            "tasksHealthy": self.healthy,
            "tasksUnhealthy": self.unhealthy,
        }

    def as_stats(self) -> Json:
        return {
            "staged": self.staged,
            "running": self.running,
            "healthy": self.healthy,
            "unhealthy": self.unhealthy,
        }


def counts(instances: Iterable[Instance]) -> Counts:
    """As Marathon counts: TASK_STARTING is in neither, without health checks nobody is healthy or
    unhealthy."""
    result = Counts()
    for instance in instances:
        task = instance.task
        if task is None:
            continue
        if task.state is TaskState.RUNNING:
            result.running += 1
        elif task.state is TaskState.STAGING:
            result.staged += 1
        healthy = instance.healthy
        if healthy is True:
            result.healthy += 1
        elif healthy is False:
            result.unhealthy += 1
    return result


def task_stats(state: AppState) -> Json:
    """Statistics over the groups of tasks that Marathon tells apart; empty groups are left out."""
    tasks = list(shown(state.instances.values()))
    groups = {
        "startedAfterLastScaling": [i for i in tasks if i.app_version >= state.app.last_scaling_at],
        "withLatestConfig": [i for i in tasks if config_is_current(i, state.app)],
        "withOutdatedConfig": [i for i in tasks if not config_is_current(i, state.app)],
        "totalSummary": tasks,
    }
    return {name: {"stats": _stats(members, now())} for name, members in groups.items() if members}


def _stats(instances: list[Instance], moment: datetime) -> Json:
    body: Json = {"counts": counts(instances).as_stats()}
    ages = sorted(
        (moment - instance.started_at).total_seconds()
        for instance in instances
        if instance.started_at is not None and instance.condition is Condition.RUNNING
    )
    if ages:
        middle = len(ages) // 2
        median = ages[middle] if len(ages) % 2 else (ages[middle - 1] + ages[middle]) / 2
        body["lifeTime"] = {"averageSeconds": sum(ages) / len(ages), "medianSeconds": median}
    return body
