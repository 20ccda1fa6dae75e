"""How operations end on a real cluster: what they say is what the scheduler has, whatever was lost on the way.

A test plays the worker: it takes one step after another, and breaks things between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line, make_user
from apps.core.engines import get_engine
from apps.core.errors import TargetBusy
from apps.core.models import Cluster, Operation
from apps.core.operations.runner import run_operation
from apps.core.operations.services import operation_cancel
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job
from apps.jobs.services import instance_kill, job_publish, job_restart, job_retry, job_scale
from apps.jobs.tests.factories import make_instance, make_job, make_spec, make_version
from embedded.waiting import wait_until
from engines.base import DeploymentId, WorkloadId, WorkloadStatus
from sandbox.testing import SandboxProcess, running_sandbox

pytestmark = pytest.mark.django_db

TOO_MANY = 9000
"""Instances for which the sandbox has no room."""
TOO_MUCH = 400
"""CPUs that no host of the sandbox has: a version that asks for them waits for ever."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("ends")) as process:
        yield process


@pytest.fixture
def break_api(sandbox: SandboxProcess) -> Iterator[Callable[..., None]]:
    """Makes Marathon fail: `break_api(kind="lose_answer", method="PUT", calls=1)`. Mended afterwards."""

    def spoil(**fault: Any) -> None:
        requests.post(f"{sandbox.admin}/test/api", json=fault, timeout=5).raise_for_status()

    yield spoil
    requests.delete(f"{sandbox.admin}/", timeout=5).raise_for_status()


@pytest.fixture
def cluster(sandbox: SandboxProcess) -> Cluster:
    [addresses] = sandbox.addresses.clusters.values()
    return make_cluster(marathon_urls=[addresses.marathon], mesos_urls=[addresses.mesos])


@pytest.fixture
def by() -> User:
    return make_member(make_product_line())


@pytest.fixture
def job(cluster: Cluster, by: User) -> Iterator[Job]:
    """A draft of two instances that need nothing."""
    spec = make_spec(
        command="sleep 1000",
        instances=2,
        cpus=0.01,
        memory_mib=4,
        ports=[],
        health_checks=[],
        labels={"SANDBOX_NOOP": "true"},
        strategy={"min_up_s": 0},
    )
    job = make_job(product_line=by.product_lines.get(), cluster=cluster, spec=spec)
    yield job
    get_engine(cluster).delete(WorkloadId(job.workload_id))


@pytest.fixture
def running(job: Job, by: User) -> Job:
    """The same, published."""
    assert ended(job_publish(job=job, by=by)).state == "succeeded"
    job.refresh_from_db()
    return job


def step(operation: Operation) -> Operation:
    """What a worker does when it is rung for."""
    Operation.objects.filter(pk=operation.pk).update(wake_at=None)
    run_operation(operation.pk)
    operation.refresh_from_db()
    return operation


def ended(operation: Operation) -> Operation:
    """Step on until it has ended."""
    wait_until(lambda: not step(operation).is_active, what=f"{operation} ends", timeout_s=15)
    return operation


def taken(operation: Operation) -> Operation:
    """Step until the scheduler took it."""
    wait_until(lambda: bool(step(operation).memory.get("asked")), what=f"{operation} taken", timeout_s=10)
    return operation


def overdue(operation: Operation) -> Operation:
    """Its deadline passes."""
    Operation.objects.filter(pk=operation.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    return operation


def status_of(job: Job) -> WorkloadStatus:
    found = get_engine(job.cluster).get(WorkloadId(job.workload_id))
    assert found is not None
    return found


def settled(job: Job) -> Callable[[], bool]:
    def check() -> bool:
        found = status_of(job)
        return not found.deployments and found.running == found.wanted

    return check


def test_a_publish_that_came_true_while_nobody_looked_succeeded_whatever_the_clock_says(
    job: Job, by: User
) -> None:
    operation = taken(job_publish(job=job, by=by))
    wait_until(settled(job), what="it runs", timeout_s=10)
    assert ended(overdue(operation)).state == "succeeded"
    job.refresh_from_db()
    assert (job.target_version, job.running_version, job.state) == (1, 1, "running")


def test_so_did_one_that_was_called_off_too_late(job: Job, by: User) -> None:
    operation = taken(job_publish(job=job, by=by))
    wait_until(settled(job), what="it runs", timeout_s=10)
    operation_cancel(operation, by=by)
    assert ended(operation).state == "succeeded"


def test_a_publish_whose_answer_was_lost_is_not_asked_for_again(
    job: Job, by: User, break_api: Callable[..., None]
) -> None:
    break_api(kind="lose_answer", method="PUT", calls=1)
    assert ended(job_publish(job=job, by=by)).state == "succeeded"
    versions = f"{job.cluster.marathon_urls[0]}/v2/apps/{job.workload_id}/versions"
    assert len(requests.get(versions, timeout=5).json()["versions"]) == 1


@pytest.mark.parametrize("queue", ["answers", "broken"])
def test_a_version_that_does_not_come_up_is_put_back_and_the_reason_kept(
    queue: str, running: Job, by: User, break_api: Callable[..., None]
) -> None:
    make_version(running, spec={"cpus": TOO_MUCH})
    operation = taken(job_publish(job=running, by=by))
    if queue == "broken":  # to ask why must not stand in the way
        break_api(kind="error", path="/v2/queue")
    assert ended(overdue(operation)).state == "failed"
    assert "Not as wanted after 300 s" in operation.error_text
    assert operation.error_text.endswith("Version 1 goes on serving.")
    running.refresh_from_db()
    assert (running.target_version, running.wanted, running.state) == (1, 2, "running")
    assert (status_of(running).version, status_of(running).running) == (1, 2)


def test_its_reason_survives_a_worker_that_dies_right_after_putting_it_back(
    running: Job, by: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version(running, spec={"cpus": TOO_MUCH})
    operation = overdue(taken(job_publish(job=running, by=by)))
    engine = get_engine(running.cluster)
    cancel = engine.cancel

    def cancel_and_die(*args: Any, **kwargs: Any) -> None:
        cancel(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, "cancel", cancel_and_die)
        with pytest.raises(KeyboardInterrupt):
            ended(operation)
    Operation.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert ended(operation).state == "failed"
    assert "Not as wanted after 300 s" in operation.error_text


def test_a_first_publish_that_is_called_off_leaves_a_draft_and_nothing_on_the_scheduler(
    job: Job, by: User
) -> None:
    make_version(job, spec={"cpus": TOO_MUCH})
    operation = taken(job_publish(job=job, by=by))
    operation_cancel(operation, by=by)
    assert ended(operation).state == "cancelled"
    job.refresh_from_db()
    assert (job.target_version, job.wanted, job.state) == (None, 0, "draft")
    assert get_engine(job.cluster).get(WorkloadId(job.workload_id)) is None


def test_a_version_that_fell_ill_after_its_deployment_is_put_back_too(
    running: Job, by: User, sandbox: SandboxProcess
) -> None:
    make_version(running, spec={"kill_grace_s": 1})
    operation = taken(job_publish(job=running, by=by))
    wait_until(settled(running), what="it runs", timeout_s=10)
    # Nothing to roll back, and one instance more than there is room for.
    body = {"instances": 3, "constraints": [["hostname", "CLUSTER", "nowhere"]]}
    url = f"{running.cluster.marathon_urls[0]}/v2/apps/{running.workload_id}"
    asked = requests.patch(url, json=body, timeout=5)
    asked.raise_for_status()
    deployment = f"{running.cluster.marathon_urls[0]}/v2/deployments/{asked.json()['deploymentId']}"
    requests.delete(deployment, params={"force": "true"}, timeout=5).raise_for_status()
    wait_until(lambda: not status_of(running).deployments, what="no deployment", timeout_s=5)
    assert ended(overdue(operation)).state == "failed"
    assert operation.error_text.endswith("Version 1 goes on serving.")
    running.refresh_from_db()
    assert (running.target_version, running.running_version, running.wanted) == (1, 1, 2)
    assert (status_of(running).version, status_of(running).running) == (1, 2)


def test_what_was_never_asked_for_is_called_off_though_the_scheduler_is_away(running: Job, by: User) -> None:
    Cluster.objects.update(marathon_urls=["http://127.0.0.1:1"])
    operation = step(job_publish(job=running, by=by))
    assert operation.state == "waiting"
    operation_cancel(operation, by=by)
    assert step(operation).state == "cancelled"
    assert operation.message_text == "Cancelled before anything was asked of the scheduler."
    running.refresh_from_db()
    assert (running.target_version, running.wanted) == (1, 2)


def test_a_scaling_that_is_called_off_before_it_was_asked_for_is_not_wanted(running: Job, by: User) -> None:
    operation = job_scale(job=running, instances=5, by=by)
    operation_cancel(operation, by=by)
    assert ended(operation).state == "cancelled"
    running.refresh_from_db()
    assert (running.wanted, status_of(running).wanted) == (2, 2)


@pytest.mark.parametrize("answer", ["comes", "is lost"])
def test_a_scaling_that_is_called_off_under_way_is_put_back(
    answer: str, running: Job, by: User, break_api: Callable[..., None]
) -> None:
    if answer == "is lost":
        break_api(kind="lose_answer", method="PATCH", calls=1)
    operation = step(job_scale(job=running, instances=1000, by=by))
    operation_cancel(operation, by=by)
    assert ended(operation).state == "cancelled"
    running.refresh_from_db()
    assert (running.wanted, status_of(running).wanted) == (2, 2)
    wait_until(settled(running), what="as before", timeout_s=10)


def test_a_scaling_that_came_true_while_nobody_looked_succeeded(running: Job, by: User) -> None:
    operation = taken(job_scale(job=running, instances=3, by=by))
    wait_until(settled(running), what="three run", timeout_s=10)
    assert ended(overdue(operation)).state == "succeeded"


def test_an_instance_that_is_ended_for_good_lowers_the_number_once_though_the_answer_was_lost(
    running: Job, by: User, break_api: Callable[..., None]
) -> None:
    break_api(kind="lose_answer", method="DELETE", calls=1)
    operation = instance_kill(instance=running.instances.all()[0], by=by, shrink=True)
    assert ended(operation).state == "succeeded"
    running.refresh_from_db()
    assert (running.wanted, status_of(running).wanted) == (1, 1)


def test_it_lowers_the_number_too_when_the_instance_had_ended_by_itself(running: Job, by: User) -> None:
    gone = make_instance(job=running, task_id="ended-by-itself")
    assert ended(instance_kill(instance=gone, by=by, shrink=True)).state == "succeeded"
    assert status_of(running).wanted == 1


def test_a_restart_whose_answer_was_lost_restarts_once(
    running: Job, by: User, break_api: Callable[..., None]
) -> None:
    before = {instance.id for instance in status_of(running).instances or ()}
    break_api(kind="lose_answer", method="POST", calls=1)
    assert ended(job_restart(job=running, by=by)).state == "succeeded"
    versions = f"{running.cluster.marathon_urls[0]}/v2/apps/{running.workload_id}/versions"
    assert len(requests.get(versions, timeout=5).json()["versions"]) == 2
    assert not before & {instance.id for instance in status_of(running).instances or ()}


def test_what_is_held_back_after_a_failure_is_started_at_once(cluster: Cluster, by: User) -> None:
    fields = {"command": "exit 3", "instances": 1, "ports": [], "health_checks": [], "cpus": 0.01}
    spec = make_spec(**fields, memory_mib=4, backoff={"first_s": 600, "factor": 2, "max_s": 600})
    job = make_job(product_line=by.product_lines.get(), cluster=cluster, spec=spec)
    operation = taken(job_publish(job=job, by=by))

    def failed_at() -> Any:
        return (failure := status_of(job).last_failure) and failure.at

    wait_until(lambda: failed_at() is not None, what="it has failed", timeout_s=10)
    first = failed_at()
    get_engine(cluster).cancel(DeploymentId(operation.deployment_id), roll_back=False)
    Operation.objects.filter(pk=operation.pk).update(state=Operation.State.FAILED)

    assert ended(job_retry(job=job, by=by)).state == "succeeded"
    wait_until(lambda: failed_at() != first, what="it was started again", timeout_s=10)
    get_engine(cluster).delete(WorkloadId(job.workload_id))


def test_the_newest_number_of_the_platforms_own_takes_over_from_the_one_under_way(running: Job) -> None:
    agent = make_user()
    first = taken(job_scale(job=running, instances=TOO_MANY, by=None, agent=agent))
    assert status_of(running).deployments
    second = job_scale(job=running, instances=6, by=None, agent=agent)
    third = job_scale(job=running, instances=3, by=None, agent=agent)
    assert step(first).state == "cancelled"
    assert first.message_text == "A newer number takes over: 3 instances."
    second.refresh_from_db()
    assert second.state == "cancelled"
    assert ended(third).state == "succeeded"
    assert third.parameters["previous"] == {"wanted": 2}
    running.refresh_from_db()
    assert running.wanted == status_of(running).wanted == status_of(running).running == 3


def test_what_meets_somebody_elses_deployment_is_asked_for_again_by_the_newest_number(running: Job) -> None:
    """Marathon answers 409 while a deployment that is not ours holds the app; nobody forces it."""
    url = f"{running.cluster.marathon_urls[0]}/v2"
    foreign = requests.patch(f"{url}/apps/{running.workload_id}", json={"cpus": TOO_MUCH}, timeout=5)
    foreign.raise_for_status()
    agent = make_user()
    first = step(job_scale(job=running, instances=4, by=None, agent=agent))
    assert first.state == "waiting"
    assert "locked" in first.log.get().rendered
    second = job_scale(job=running, instances=3, by=None, agent=agent)
    assert (step(first).state, step(second).state) == ("cancelled", "waiting")
    assert foreign.json()["deploymentId"] in status_of(running).deployments
    requests.delete(f"{url}/deployments/{foreign.json()['deploymentId']}", timeout=5).raise_for_status()
    assert ended(second).state == "succeeded"
    running.refresh_from_db()
    assert running.wanted == status_of(running).wanted == status_of(running).running == 3


def test_it_takes_over_from_no_persons_scaling(running: Job, by: User) -> None:
    taken(job_scale(job=running, instances=TOO_MANY, by=by))
    with pytest.raises(TargetBusy), transaction.atomic():
        job_scale(job=running, instances=3, by=None, agent=make_user())
    running.refresh_from_db()
    assert running.wanted == TOO_MANY


def test_calling_off_one_that_took_over_goes_back_to_before_the_first(running: Job, by: User) -> None:
    agent = make_user()
    first = taken(job_scale(job=running, instances=TOO_MANY, by=None, agent=agent))
    second = job_scale(job=running, instances=TOO_MANY - 1, by=None, agent=agent)
    step(first)
    taken(second)
    operation_cancel(second, by=by)
    assert ended(second).state == "cancelled"
    running.refresh_from_db()
    assert running.wanted == status_of(running).wanted == 2
