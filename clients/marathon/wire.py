"""The JSON that Marathon sends, as far as Ocean reads it.

A reply may hold any number of other keys (Marathon grows); the required ones are checked here, loudly.
Times are texts in UTC, `2024-05-01T12:00:00.000Z`. Source: Marathon's RAML and `SRC/raml/*Conversion.scala`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast


class IpAddress(TypedDict):
    ipAddress: str
    protocol: NotRequired[str]


class HealthCheckResult(TypedDict):
    alive: bool
    consecutiveFailures: NotRequired[int]
    firstSuccess: NotRequired[str]
    lastSuccess: NotRequired[str]
    lastFailure: NotRequired[str]
    lastFailureCause: NotRequired[str]


class Task(TypedDict):
    """`stagedAt`, `startedAt`, `version` and `ports` come only while the task is active; release 1.5
    leaves empty lists out."""

    id: str
    appId: str
    state: str
    host: NotRequired[str]
    slaveId: NotRequired[str]
    ports: NotRequired[list[int]]
    ipAddresses: NotRequired[list[IpAddress]]
    stagedAt: NotRequired[str]
    startedAt: NotRequired[str]
    version: NotRequired[str]
    healthCheckResults: NotRequired[list[HealthCheckResult]]


class VersionInfo(TypedDict, total=False):
    lastScalingAt: str
    lastConfigChangeAt: str


class TaskFailure(TypedDict, total=False):
    taskId: str
    state: str
    host: str
    message: str
    timestamp: str
    version: str


class UpgradeStrategy(TypedDict):
    minimumHealthCapacity: float
    maximumOverCapacity: float


class DeploymentRef(TypedDict):
    id: str


class App(TypedDict):
    """An app with what the embeds added; `tasks` only where they were asked for."""

    id: str
    instances: int
    version: str
    versionInfo: NotRequired[VersionInfo]
    labels: NotRequired[dict[str, str]]
    healthChecks: NotRequired[list[dict[str, Any]]]
    container: NotRequired[dict[str, Any]]
    upgradeStrategy: NotRequired[UpgradeStrategy]
    tasks: NotRequired[list[Task]]
    tasksStaged: NotRequired[int]
    tasksRunning: NotRequired[int]
    tasksHealthy: NotRequired[int]
    tasksUnhealthy: NotRequired[int]
    deployments: NotRequired[list[DeploymentRef]]
    lastTaskFailure: NotRequired[TaskFailure]


class DeploymentResult(TypedDict):
    version: str
    deploymentId: str


class Action(TypedDict):
    action: str
    app: NotRequired[str]
    pod: NotRequired[str]


class Deployment(TypedDict):
    id: str
    version: str
    affectedApps: list[str]
    currentStep: int
    totalSteps: int
    currentActions: list[Action]


class QueueDelay(TypedDict):
    timeLeftSeconds: int
    overdue: bool


class RejectReason(TypedDict):
    reason: str
    declined: int
    processed: int


class ProcessedOffers(TypedDict, total=False):
    processedOffersCount: int
    unusedOffersCount: int
    rejectSummaryLastOffers: list[RejectReason]
    rejectSummaryLaunchAttempt: list[RejectReason]


class QueueItem(TypedDict):
    """`app` is absent where a pod waits."""

    count: int
    delay: QueueDelay
    app: NotRequired[App]
    since: NotRequired[str]
    processedOffersSummary: NotRequired[ProcessedOffers]


class Info(TypedDict):
    version: str
    name: NotRequired[str]
    leader: NotRequired[str | None]
    elected: NotRequired[bool]
    frameworkId: NotRequired[str | None]


class MalformedError(ValueError):
    """A reply lacks what Marathon's documents promise; says which key of which object."""


def app(value: object) -> App:
    """An app; its tasks are checked with it."""
    found = _object(value, "app", id=str, instances=int, version=str)
    for item in found.get("tasks", ()):
        task(item)
    return cast(App, found)


def task(value: object) -> Task:
    """A task, as in an app's `tasks` and the tasks endpoints."""
    return cast(Task, _object(value, "task", id=str, appId=str, state=str))


def deployment(value: object) -> Deployment:
    """A running deployment."""
    found = _object(
        value,
        "deployment",
        id=str,
        affectedApps=list,
        currentStep=int,
        totalSteps=int,
        currentActions=list,
    )
    return cast(Deployment, found)


def deployment_result(value: object) -> DeploymentResult:
    """The answer to a call that starts a deployment."""
    return cast(DeploymentResult, _object(value, "deployment result", deploymentId=str, version=str))


def queue_item(value: object) -> QueueItem:
    """An app, or pod, with instances that wait."""
    return cast(QueueItem, _object(value, "queue item", count=int, delay=dict))


def info(value: object) -> Info:
    """`/v2/info`."""
    return cast(Info, _object(value, "info", version=str))


def under(value: object, key: str) -> object:
    """What a reply wraps: `{"<key>": …}`."""
    if not isinstance(value, Mapping) or key not in value:
        raise MalformedError(f"expected an object with '{key}'")
    return value[key]


def listed(value: object) -> list[object]:
    """A list."""
    if not isinstance(value, list):
        raise MalformedError(f"expected a list, got {type(value).__name__}")
    return value


def _object(value: object, what: str, **keys: type) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise MalformedError(f"{what}: expected an object, got {type(value).__name__}")
    for key, kind in keys.items():
        if not isinstance(value.get(key), kind):
            raise MalformedError(f"{what} {value.get('id', '')}: '{key}' is not a {kind.__name__}")
    return cast(dict[str, Any], value)
