"""Each event type of Marathon's reference, with the payload it has."""

from datetime import UTC, datetime
from typing import Any

import pytest

from engines.base import DeploymentId, EngineEvent, EventKind, InstanceId, InstanceState, WorkloadId
from engines.marathon.events import engine_event, workload_id

AT = "2024-05-01T12:00:00.000Z"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
WEB = WorkloadId("/prod/web")
INSTANCE = "prod_web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002"
TASK = f"{INSTANCE}._app.1"
PLAN = {
    "id": "d1",
    "version": AT,
    "steps": [
        {
            "actions": [
                {"action": "StartApplication", "app": "/prod/web"},
                {"action": "StartPod", "pod": "/p"},
            ]
        },
        {"actions": [{"action": "ScaleApplication", "app": "/prod/web"}]},
        {"actions": [{"action": "RestartApplication", "app": "/prod/db"}]},
    ],
}
PLANNED = (WEB, WorkloadId("/prod/db"))


def event(kind: EventKind, *ids: WorkloadId, **more: Any) -> EngineEvent:
    return EngineEvent(kind=kind, at=NOON, workload_ids=ids, **more)


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        (
            "status_update_event",
            {
                "slaveId": "S0",
                "taskId": TASK,
                "taskStatus": "TASK_FAILED",
                "message": "exited with status 1",
                "appId": "/prod/web",
                "host": "node1",
                "ipAddresses": [{"ipAddress": "10.0.0.1", "protocol": "IPv4"}],
                "ports": [31000],
                "version": AT,
            },
            event(
                EventKind.INSTANCE,
                WEB,
                instance_id=InstanceId(TASK),
                state=InstanceState.FAILED,
                host="node1",
                ip="10.0.0.1",
                ports=(31000,),
                engine_version=NOON,
                message="exited with status 1",
            ),
        ),
        (
            "instance_changed_event",
            {
                "instanceId": INSTANCE,
                "condition": "Running",
                "runSpecId": "/prod/web",
                "agentId": "S0",
                "host": "node1",
                "runSpecVersion": AT,
            },
            event(EventKind.INSTANCE, WEB, state=InstanceState.RUNNING, host="node1"),
        ),
        (
            "instance_changed_event",
            {"instanceId": INSTANCE, "condition": "Scheduled", "runSpecId": "prod/web", "host": None},
            event(EventKind.INSTANCE, WEB, state=InstanceState.STAGING),
        ),
        (
            "unknown_instance_terminated_event",
            {"instanceId": INSTANCE, "condition": "Killed"},
            event(EventKind.INSTANCE, WEB, state=InstanceState.KILLED),
        ),
        (
            "instance_health_changed_event",
            {"instanceId": INSTANCE, "runSpecId": "/prod/web", "healthy": True, "runSpecVersion": AT},
            event(EventKind.INSTANCE, WEB, instance_id=InstanceId(TASK), healthy=True),
        ),
        (
            "health_status_changed_event",
            {"appId": "/prod/web", "instanceId": INSTANCE, "version": AT, "alive": False},
            event(EventKind.INSTANCE, WEB),
        ),
        (
            "failed_health_check_event",
            {"appId": "/prod/web", "taskId": INSTANCE, "healthCheck": {}},
            event(EventKind.INSTANCE, WEB),
        ),
        (
            "unhealthy_instance_kill_event",
            {
                "appId": "/prod/web",
                "taskId": TASK,
                "instanceId": INSTANCE,
                "version": AT,
                "reason": "503",
                "host": "node1",
                "slaveId": "S0",
            },
            event(EventKind.INSTANCE, WEB, instance_id=InstanceId(TASK), host="node1", message="503"),
        ),
        (
            "api_post_event",
            {"clientIp": "1.2.3.4", "uri": "/v2/apps/prod/web", "appDefinition": {"id": "/prod/web"}},
            event(EventKind.WORKLOAD, WEB),
        ),
        ("app_terminated_event", {"appId": "/prod/web"}, event(EventKind.WORKLOAD, WEB)),
        ("add_health_check_event", {"appId": "/prod/web", "version": AT}, event(EventKind.WORKLOAD, WEB)),
        ("remove_health_check_event", {"appId": "/prod/web"}, event(EventKind.WORKLOAD, WEB)),
        (
            "deployment_success",
            {"id": "d1", "plan": PLAN},
            event(EventKind.DEPLOYMENT_SUCCEEDED, *PLANNED, deployment_id=DeploymentId("d1")),
        ),
        (
            "deployment_failed",
            {"id": "d1", "plan": PLAN, "reason": "The upgrade has been cancelled"},
            event(
                EventKind.DEPLOYMENT_FAILED,
                *PLANNED,
                deployment_id=DeploymentId("d1"),
                message="The upgrade has been cancelled",
            ),
        ),
        *(
            (
                kind,
                {"plan": PLAN, "currentStep": {"actions": []}},
                event(EventKind.WORKLOAD, *PLANNED, deployment_id=DeploymentId("d1")),
            )
            for kind in ("deployment_info", "deployment_step_success", "deployment_step_failure")
        ),
        *(
            (kind, payload, event(EventKind.OTHER))
            for kind, payload in (
                ("framework_message_event", {"executorId": "e", "slaveId": "S0", "message": "m"}),
                ("event_stream_attached", {"remoteAddress": "1.2.3.4"}),
                ("event_stream_detached", {"remoteAddress": "1.2.3.4"}),
                ("subscribe_event", {"clientIp": "1.2.3.4", "callbackUrl": "http://x"}),
                ("unsubscribe_event", {"clientIp": "1.2.3.4", "callbackUrl": "http://x"}),
                ("group_change_success", {"groupId": "/prod", "version": AT}),
                ("group_change_failed", {"groupId": "/prod", "version": AT, "reason": "r"}),
                ("pod_created_event", {"clientIp": "1.2.3.4", "uri": "/v2/pods"}),
                ("pod_updated_event", {"clientIp": "1.2.3.4", "uri": "/v2/pods"}),
                ("pod_deleted_event", {"clientIp": "1.2.3.4", "uri": "/v2/pods"}),
                ("scheduler_registered_event", {"frameworkId": "f", "master": "m"}),
                ("scheduler_reregistered_event", {"master": "m"}),
                ("scheduler_disconnected_event", {}),
                ("something_that_comes_in_1_12", {"x": 1}),
            )
        ),
        ("something_that_names_an_app", {"appId": "/prod/web"}, event(EventKind.WORKLOAD, WEB)),
    ],
)
def test_each_event_becomes_the_hint_in_it(kind: str, payload: dict[str, Any], expected: EngineEvent) -> None:
    assert engine_event({"eventType": kind, "timestamp": AT, **payload}) == expected


@pytest.mark.parametrize(
    "text", ["/prod/web", "prod/web", "prod_web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002", TASK]
)
def test_every_dress_of_an_id_is_the_same_workload(text: str) -> None:
    assert workload_id(text) == "/prod/web"
