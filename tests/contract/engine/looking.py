"""What the engine's contract tests share: waiting for the cluster, and looking at a workload."""

from collections.abc import Callable, Iterator

from embedded.waiting import wait_until
from engines.base import (
    DeploymentId,
    EngineEvent,
    EventKind,
    InstanceId,
    Submission,
    Workload,
    WorkloadStatus,
)
from engines.marathon import MarathonEngine

SETTLE_S = 60.0
NOTHING = Submission(deployment_id=None)


def until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what=what, timeout_s=SETTLE_S)


def settle(engine: MarathonEngine, submission: Submission) -> None:
    """Wait until the deployment has ended."""
    assert submission.deployment_id is not None
    running = submission.deployment_id
    until(lambda: running not in {d.id for d in engine.deployments()}, f"deployment {running} has ended")


def status(engine: MarathonEngine, workload: Workload) -> WorkloadStatus:
    found = engine.get(workload.id)
    assert found is not None
    return found


def instance_ids(engine: MarathonEngine, workload: Workload) -> set[InstanceId]:
    return {instance.id for instance in status(engine, workload).instances or ()}


def counts_during(engine: MarathonEngine, workload: Workload, submission: Submission) -> Iterator[int]:
    """How many instances run, as often as one can ask, until the deployment has ended."""
    while submission.deployment_id in {deployment.id for deployment in engine.deployments()}:
        yield status(engine, workload).running
    yield status(engine, workload).running


def until_end_of(events: Iterator[EngineEvent], deployment_id: DeploymentId | None) -> list[EngineEvent]:
    ends = (EventKind.DEPLOYMENT_SUCCEEDED, EventKind.DEPLOYMENT_FAILED)
    seen = []
    for event in events:
        seen.append(event)
        if event.deployment_id == deployment_id and event.kind in ends:
            break
    return seen
