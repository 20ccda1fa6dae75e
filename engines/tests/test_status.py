from datetime import UTC, datetime

import pytest

from clients.marathon import App, Deployment, QueueItem, Task
from engines.base import (
    DeclineReason,
    DeploymentId,
    DeploymentStatus,
    HealthResult,
    InstanceFailure,
    InstanceId,
    InstanceState,
    InstanceStatus,
    Waiting,
    WorkloadId,
    WorkloadStatus,
)
from engines.marathon import status

TASK: Task = {
    "id": "web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.3",
    "appId": "/web",
    "host": "10.0.0.5",
    "slaveId": "8d1c-S0",
    "state": "TASK_RUNNING",
    "ports": [31042],
    "ipAddresses": [{"ipAddress": "172.17.0.2", "protocol": "IPv4"}],
    "stagedAt": "2024-05-01T12:00:00.100Z",
    "startedAt": "2024-05-01T12:00:01.200Z",
    "version": "2024-05-01T12:00:00.000Z",
    "healthCheckResults": [],
}
APP: App = {
    "id": "/web",
    "instances": 2,
    "version": "2024-05-01T12:10:00.000Z",
    "versionInfo": {
        "lastScalingAt": "2024-05-01T12:10:00.000Z",
        "lastConfigChangeAt": "2024-05-01T12:00:00.000Z",
    },
    "labels": {"OCEAN_VERSION": "7", "team": "a"},
    "healthChecks": [{"protocol": "HTTP"}],
    "tasksStaged": 1,
    "tasksRunning": 4,
    "tasksHealthy": 2,
    "tasksUnhealthy": 1,
    "deployments": [{"id": "d1"}],
    "tasks": [TASK],
    "lastTaskFailure": {
        "taskId": "web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.2",
        "state": "TASK_FAILED",
        "host": "10.0.0.6",
        "message": "Command exited with status 1",
        "timestamp": "2024-05-01T11:00:00.000Z",
        "version": "2024-05-01T10:00:00.000Z",
    },
}
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_an_app_is_read_whole() -> None:
    assert status.workload_status(APP, with_instances=True) == WorkloadStatus(
        id=WorkloadId("/web"),
        version=7,
        wanted=2,
        running=4,
        staging=1,
        healthy=2,
        unhealthy=1,
        has_health_checks=True,
        engine_version=NOON.replace(minute=10),
        config_changed_at=NOON,
        deployments=(DeploymentId("d1"),),
        instances=(
            InstanceStatus(
                id=InstanceId("web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.3"),
                workload_id=WorkloadId("/web"),
                state=InstanceState.RUNNING,
                host="10.0.0.5",
                ip="172.17.0.2",
                ports=(31042,),
                healthy=None,
                engine_version=NOON,
                staged_at=NOON.replace(microsecond=100_000),
                started_at=NOON.replace(second=1, microsecond=200_000),
                restarts=2,
            ),
        ),
        last_failure=InstanceFailure(
            instance_id=InstanceId("web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.2"),
            state=InstanceState.FAILED,
            host="10.0.0.6",
            message="Command exited with status 1",
            at=NOON.replace(hour=11),
            engine_version=NOON.replace(hour=10),
            restarts=1,
        ),
        labels={"OCEAN_VERSION": "7", "team": "a"},
    )


def test_a_foreign_app_that_says_the_least_is_read_too() -> None:
    found = status.workload_status(
        {"id": "/web", "instances": 1, "version": "2024-05-01T12:00:00.000Z"}, with_instances=False
    )

    assert found == WorkloadStatus(
        id=WorkloadId("/web"),
        version=None,
        wanted=1,
        running=0,
        staging=0,
        healthy=0,
        unhealthy=0,
        has_health_checks=False,
        engine_version=NOON,
        config_changed_at=NOON,
    )


def test_without_checks_what_runs_counts_as_healthy() -> None:
    found = status.workload_status({**APP, "healthChecks": [], "tasksHealthy": 0}, with_instances=False)

    assert (found.has_health_checks, found.running, found.healthy, found.unhealthy) == (False, 4, 4, 0)


@pytest.mark.parametrize(
    ("task_id", "restarts"),
    [
        ("web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.1", 0),
        ("a_web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.12", 11),
        ("pod.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002.nginx.2", 1),
        ("web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app", 0),
        ("prod_web.7fa3c6e0-0f7a-11ef-9c3a-0242ac110002", 0),
    ],
)
def test_restarts_are_in_the_task_id(task_id: str, restarts: int) -> None:
    assert status.restarts(task_id) == restarts


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("TASK_STAGING", InstanceState.STAGING),
        ("TASK_GONE_BY_OPERATOR", InstanceState.FAILED),
        ("TASK_UNREACHABLE", InstanceState.UNREACHABLE),
        ("UnreachableInactive", InstanceState.UNREACHABLE),
        ("Scheduled", InstanceState.STAGING),
        ("Running", InstanceState.RUNNING),
        ("TASK_SOMETHING_NEW", InstanceState.UNKNOWN),
    ],
)
def test_states_and_conditions_are_said_in_the_ports_words(word: str, state: InstanceState) -> None:
    assert status.instance_state(word) is state


def test_an_instance_is_healthy_when_all_its_checks_are() -> None:
    results = [{"alive": True}, {"alive": False}]
    assert status.instance_status({**TASK, "healthCheckResults": results}).healthy is False  # type: ignore[typeddict-item]
    assert status.instance_status({**TASK, "healthCheckResults": results[:1]}).healthy is True  # type: ignore[typeddict-item]


def test_several_checks_become_the_worst_of_each() -> None:
    found = status.health_result(
        {
            **TASK,
            "healthCheckResults": [
                {"alive": True, "consecutiveFailures": 0, "lastFailure": "2024-05-01T11:00:00.000Z"},
                {
                    "alive": False,
                    "consecutiveFailures": 3,
                    "lastFailure": "2024-05-01T12:00:00.000Z",
                    "lastFailureCause": "503 Service Unavailable",
                },
            ],
        }
    )

    assert found == HealthResult(
        instance_id=InstanceId(TASK["id"]),
        alive=False,
        consecutive_failures=3,
        last_failure_cause="503 Service Unavailable",
        last_failure_at=NOON,
    )
    assert status.health_result(TASK) is None


def test_a_deployment_is_read_whole() -> None:
    deployment: Deployment = {
        "id": "d1",
        "version": "2024-05-01T12:00:00.000Z",
        "affectedApps": ["/web", "/db"],
        "currentStep": 2,
        "totalSteps": 3,
        "currentActions": [{"action": "ScaleApplication", "app": "/web"}],
    }

    assert status.deployment_status(deployment) == DeploymentStatus(
        id=DeploymentId("d1"),
        workload_ids=(WorkloadId("/web"), WorkloadId("/db")),
        step=2,
        total_steps=3,
        actions=("ScaleApplication",),
    )


QUEUED: QueueItem = {
    "count": 2,
    "delay": {"timeLeftSeconds": 12, "overdue": False},
    "since": "2024-05-01T12:00:00.000Z",
    "processedOffersSummary": {
        "processedOffersCount": 9,
        "unusedOffersCount": 9,
        "rejectSummaryLastOffers": [
            {"reason": "UnfulfilledRole", "declined": 0, "processed": 5},
            {"reason": "InsufficientCpus", "declined": 4, "processed": 5},
        ],
        "rejectSummaryLaunchAttempt": [{"reason": "InsufficientCpus", "declined": 8, "processed": 9}],
    },
}


def test_a_wait_says_the_reasons_of_the_latest_offers() -> None:
    assert status.waiting(WorkloadId("/web"), QUEUED) == Waiting(
        workload_id=WorkloadId("/web"),
        count=2,
        delay_s=12,
        since=NOON,
        reasons=(DeclineReason("InsufficientCpus", declined=4, processed=5),),
    )


def test_a_wait_without_offers_has_no_reasons() -> None:
    found = status.waiting(WorkloadId("/web"), {"count": 1, "delay": {"timeLeftSeconds": 0, "overdue": True}})

    assert (found.reasons, found.since, found.delay_s) == ((), None, 0)
