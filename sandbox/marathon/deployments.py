"""/v2/deployments. Source: api/v2/DeploymentsResource.scala."""

from __future__ import annotations

from aiohttp import web

from sandbox.definitions.app import Json
from sandbox.ids import DeploymentId
from sandbox.marathon.app_view import readiness_results
from sandbox.marathon.http import deployment_result, flag, not_found, reply, runtime_of
from sandbox.model import Action, Deployment
from sandbox.runtime import ClusterRuntime
from sandbox.scheduler.views import step_json
from sandbox.timestamps import format_timestamp


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/v2/deployments", list_deployments)
    router.add_delete("/v2/deployments/{id}", delete_deployment)


async def list_deployments(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    return reply([_deployment_json(runtime, each) for each in runtime.cluster.deployments.values()])


async def delete_deployment(request: web.Request) -> web.Response:
    """Without force: roll back by another deployment. With force: 202, empty, tasks stay as they are."""
    runtime, deployment_id = runtime_of(request), DeploymentId(request.match_info["id"])
    deployment = runtime.cluster.deployments.get(deployment_id)
    if deployment is None:
        raise not_found(f"DeploymentPlan {deployment_id} does not exist")
    if flag(request, "force"):
        runtime.deployments.abandon(deployment)
        return web.Response(status=202)
    return deployment_result(runtime.deployments.revert(deployment))


def _deployment_json(runtime: ClusterRuntime, deployment: Deployment) -> Json:
    current = deployment.steps[deployment.current_step - 1].actions if deployment.current_step else ()
    return {
        "id": deployment.id,
        "version": format_timestamp(deployment.version),
        "affectedApps": sorted(deployment.affected),
        "affectedPods": [],
        "steps": [step_json(step) for step in deployment.steps],
        "currentActions": [_current_action(runtime, action) for action in current],
        "currentStep": deployment.current_step,
        "totalSteps": len(deployment.steps),
    }


def _current_action(runtime: ClusterRuntime, action: Action) -> Json:
    state = runtime.cluster.apps.get(action.app_id)
    return {
        "action": action.kind.value,
        "app": action.app_id,
        "readinessCheckResults": readiness_results(state) if state else [],
    }
