"""Migrating a job between two real clusters: well there before it goes here, and back from every moment in between.

A test plays the workers: it takes a step of every operation under way, again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
import requests
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.engines import get_engine
from apps.core.models import Cluster, Operation
from apps.core.operations.runner import run_operation
from apps.core.operations.services import operation_cancel
from apps.core.tests.factories import make_cluster
from apps.elastic.models import ScalingPolicy, ScalingSchedule
from apps.elastic.tests.factories import make_policy, make_schedule
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Job, JobEvent
from apps.jobs.selectors import history_of
from apps.jobs.services import job_publish, job_scale
from apps.jobs.services.cloning import CloneWish, job_clone, job_migrate
from apps.jobs.tests.factories import make_job, make_spec
from embedded.waiting import wait_until
from engines.base import WorkloadId
from sandbox.testing import SandboxProcess, default_hosts, running_sandbox

pytestmark = pytest.mark.django_db
NAMES = ("staging", "c3")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    ports = dict.fromkeys(("marathon_port", "mesos_port", "agent_port", "chronos_port"), 0)
    hosts = default_hosts(4)
    clusters = [
        {"name": name, **ports, "marathon_standby_ports": [], "hosts": hosts[2 * n : 2 * n + 2]}
        for n, name in enumerate(NAMES)
    ]
    with running_sandbox(tmp_path_factory.mktemp("migrations"), clusters=clusters) as process:
        yield process


@pytest.fixture
def clusters(sandbox: SandboxProcess) -> dict[str, Cluster]:
    made = {}
    for name in NAMES:
        addresses = sandbox.addresses.clusters[name]
        made[name] = make_cluster(name=name, marathon_urls=[addresses.marathon], mesos_urls=[addresses.mesos])
        make_host(cluster=made[name])
    return made


@pytest.fixture
def break_api(sandbox: SandboxProcess) -> Iterator[Callable[..., None]]:
    """Makes one cluster's Marathon fail. Mended afterwards."""

    def spoil(cluster: str, **fault: Any) -> None:
        requests.post(f"{sandbox.admin}/{cluster}/api", json=fault, timeout=5).raise_for_status()

    yield spoil
    requests.delete(f"{sandbox.admin}/", timeout=5).raise_for_status()


@pytest.fixture
def by() -> User:
    return make_member(make_product_line(), username="dev")


@pytest.fixture
def job(clusters: dict[str, Cluster], by: User) -> Iterator[Job]:
    """Two instances that run on `staging`, though its version says three."""
    spec = make_spec(
        command="sleep 1000",
        instances=3,
        cpus=0.01,
        memory_mib=4,
        ports=[],
        health_checks=[],
        labels={"SANDBOX_NOOP": "true"},
        strategy={"min_up_s": 0},
    )
    job = make_job(product_line=by.product_lines.get(), cluster=clusters["staging"], name="web", spec=spec)
    job_publish(job=job, by=by)
    all_ended()
    job_scale(job=Job.objects.get(pk=job.pk), instances=2, by=by)
    all_ended()
    job.refresh_from_db()
    yield job
    for made in Job.objects.all():
        get_engine(made.cluster).delete(WorkloadId(made.workload_id))


def step_all() -> bool:
    """What the workers do when they are rung for. Returns whether anything is under way still."""
    active = list(Operation.objects.active().values_list("pk", flat=True))
    Operation.objects.filter(pk__in=active).update(wake_at=None)
    for pk in active:
        run_operation(pk)
    return bool(active)


def all_ended() -> None:
    wait_until(lambda: not step_all(), what="every operation ends", timeout_s=30)


def reached(operation: Operation, phase: str) -> None:
    """Step on until the migration is in a phase."""

    def there() -> bool:
        operation.refresh_from_db()
        if operation.memory.get("phase") == phase:
            return True
        step_all()
        return False

    wait_until(there, what=f"it comes to {phase}", timeout_s=30)


def ended(operation: Operation) -> Operation:
    all_ended()
    operation.refresh_from_db()
    return operation


def counts(job: Job) -> tuple[int, int] | None:
    """Instances wanted and running, as the job's scheduler says; None where it does not know the job."""
    status = get_engine(job.cluster).get(WorkloadId(job.workload_id))
    return (status.wanted, status.running) if status else None


def clone_of(job: Job) -> Job:
    return Job.objects.select_related("cluster").get(cloned_from=job)


def migrate(job: Job, to: Cluster, by: User) -> Operation:
    return job_migrate(job=job, cluster=to, by=by, reason="staging is full")


def test_it_is_well_there_before_it_goes_here(job: Job, by: User, clusters: dict[str, Cluster]) -> None:
    policy, schedule = make_policy(job=job), make_schedule(job=job)
    operation = migrate(job, clusters["c3"], by)
    reached(operation, "stop")
    clone = clone_of(job)
    assert ScalingPolicy.objects.get().job == job, "until it is gone"
    assert (counts(job), counts(clone)) == ((2, 2), (2, 2))

    ended(operation)

    assert (operation.state, operation.message_text) == ("succeeded", f"Migrated to {clone.tag}.")
    assert (counts(job), counts(clone)) == (None, (2, 2))
    job.refresh_from_db()
    clone.refresh_from_db()
    assert (job.state, job.moved_to) == (Job.State.DELETED, clone)
    assert (clone.state, clone.running_version, clone.wanted) == (Job.State.RUNNING, 1, 2)
    assert ScalingPolicy.objects.get(job=clone) == policy
    assert ScalingSchedule.objects.get(job=clone) == schedule
    last = JobEvent.objects.get(job=job, kind="job.migrate")
    first = JobEvent.objects.get(job=clone, kind="job.migrate")
    assert last.rendered == f"Migrated to {clone.tag}."
    assert first.rendered.startswith(f"Migrated from {job.tag};")


def test_it_migrates_back(job: Job, by: User, clusters: dict[str, Cluster]) -> None:
    ended(migrate(job, clusters["c3"], by))
    back = ended(migrate(clone_of(job), clusters["staging"], by))

    assert back.state == "succeeded"
    again = Job.objects.alive().select_related("cluster").get(tag=job.tag)
    assert again.pk != job.pk
    assert counts(again) == (2, 2)
    told = [event.rendered for event in history_of(again).order_by("at")]
    assert sum(line.startswith("Migrated to") for line in told) == 2, "of all its lives"
    assert any(line.startswith("Version 1 runs") for line in told)


@pytest.mark.parametrize("called_off", [False, True])
def test_a_worker_killed_after_every_single_step_does_nothing_twice(
    called_off: bool, job: Job, by: User, clusters: dict[str, Cluster]
) -> None:
    operation = migrate(job, clusters["c3"], by)
    if called_off:
        reached(operation, "stop")
        operation_cancel(operation, by=by)

    def killed_and_again() -> bool:
        Operation.objects.filter(pk=operation.pk).update(wake_at=None)
        killed = patch("apps.core.operations.runner.record", side_effect=KeyboardInterrupt)
        with killed, pytest.raises(KeyboardInterrupt):
            run_operation(operation.pk)
        Operation.objects.filter(pk=operation.pk).update(lease_expires_at=long_ago)
        step_all()
        operation.refresh_from_db()
        return not operation.is_active

    long_ago = timezone.now() - timedelta(minutes=1)
    wait_until(killed_and_again, what="it ends", timeout_s=30)
    all_ended()

    assert operation.state == ("cancelled" if called_off else "succeeded")
    assert Job.objects.filter(cloned_from=job).count() == 1
    publishes = Operation.objects.filter(kind="job.publish", target_id=clone_of(job).pk)
    assert publishes.count() == 1
    assert (counts(job), counts(clone_of(job))) == (((2, 2), None) if called_off else (None, (2, 2)))


@pytest.mark.parametrize("phase", ["publish", "well", "stop"])
def test_called_off_on_the_way_the_old_one_serves_on(
    phase: str, job: Job, by: User, clusters: dict[str, Cluster]
) -> None:
    operation = migrate(job, clusters["c3"], by)
    reached(operation, phase)
    if phase == "stop":
        step_all()
        assert counts(job) is not None
        assert Job.objects.get(pk=job.pk).wanted == 0, "it was stopping already"
    operation_cancel(operation, by=by)

    ended(operation)

    assert operation.state == "cancelled"
    assert operation.message_text == "Called off. The job serves on here as before."
    clone = clone_of(job)
    assert (counts(job), counts(clone)) == ((2, 2), None)
    assert clone.deleted_at is not None
    job.refresh_from_db()
    assert (job.state, job.wanted) == (Job.State.RUNNING, 2)


def test_once_the_old_one_is_being_deleted_there_is_no_way_back(
    job: Job, by: User, clusters: dict[str, Cluster]
) -> None:
    operation = migrate(job, clusters["c3"], by)
    reached(operation, "remove")
    operation_cancel(operation, by=by)
    assert ended(operation).state == "succeeded"
    assert counts(clone_of(job)) == (2, 2)


def test_what_does_not_come_up_there_goes_and_the_reason_is_kept(
    job: Job, by: User, clusters: dict[str, Cluster]
) -> None:
    operation = migrate(job, clusters["c3"], by)
    reached(operation, "well")
    publish = Operation.objects.get(pk=operation.memory["publish"])
    operation_cancel(publish, by=by)

    ended(operation)

    assert operation.state == "failed"
    assert operation.error_text.startswith("On c3 it did not get well: Cancelled")
    assert operation.error_text.endswith("The job serves on here as before.")
    assert (counts(job), counts(clone_of(job))) == ((2, 2), None)


@pytest.mark.parametrize("away", NAMES)
def test_a_scheduler_that_is_away_is_waited_for(
    away: str,
    job: Job,
    by: User,
    clusters: dict[str, Cluster],
    sandbox: SandboxProcess,
    break_api: Callable[..., None],
) -> None:
    operation = migrate(job, clusters["c3"], by)
    reached(operation, "well")
    break_api(away, kind="error", status=503)
    for _ in range(5):
        step_all()
    operation.refresh_from_db()
    assert operation.is_active
    requests.delete(f"{sandbox.admin}/", timeout=5).raise_for_status()

    assert ended(operation).state == "succeeded"
    assert (counts(job), counts(clone_of(job))) == (None, (2, 2))


def test_one_that_is_there_and_does_not_run_is_taken_over_and_stays_when_called_off(
    job: Job, by: User, clusters: dict[str, Cluster]
) -> None:
    there, _ = job_clone(job=job, wish=CloneWish(clusters["c3"]), by=by)
    operation = migrate(job, clusters["c3"], by)
    reached(operation, "stop")
    operation_cancel(operation, by=by)
    ended(operation)

    there.refresh_from_db()
    assert (there.deleted_at, there.wanted) == (None, 0)
    assert (counts(job), counts(there)) == ((2, 2), (0, 0))


def test_a_stopped_job_is_only_copied_and_deleted(job: Job, by: User, clusters: dict[str, Cluster]) -> None:
    job_scale(job=job, instances=0, by=by)
    all_ended()
    operation = ended(migrate(Job.objects.get(pk=job.pk), clusters["c3"], by))

    assert operation.state == "succeeded"
    clone = clone_of(job)
    assert (counts(job), counts(clone), clone.state) == (None, None, Job.State.DRAFT)


def test_a_publish_there_that_nobody_lived_to_note_is_called_off_too(
    job: Job, by: User, clusters: dict[str, Cluster]
) -> None:
    operation = migrate(job, clusters["c3"], by)
    reached(operation, "publish")
    with patch("apps.core.operations.runner.record"):  # the worker dies before it writes down what it did
        Operation.objects.filter(pk=operation.pk).update(wake_at=None)
        run_operation(operation.pk)
    publish = Operation.objects.active().get(kind="job.publish")
    operation_cancel(operation, by=by)
    Operation.objects.filter(pk=operation.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    run_operation(operation.pk)
    publish.refresh_from_db()
    assert publish.cancel_requested_at is not None
    assert ended(operation).state == "cancelled"
    assert counts(job) == (2, 2)
