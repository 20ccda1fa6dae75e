"""What many jobs are asked for together: as many statements as one, and of each the same as alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line, make_user
from apps.core.errors import DomainError, InvalidInput, KeyReused, TargetBusy
from apps.core.models import Operation
from apps.core.operations import recording, runner
from apps.core.tests.factories import make_cluster
from apps.jobs import masking
from apps.jobs.models import Job, ScaleExpiry
from apps.jobs.services import Scale, job_publish, jobs_lock, jobs_scale
from apps.jobs.tests.factories import make_job, make_job_operation, make_running_job
from engines.base import DeploymentId, Submission, Workload

pytestmark = pytest.mark.django_db(transaction=True)


class Taking:
    """A scheduler that takes whatever it is asked for, and notes it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def apply(self, workload: Workload, *, force: bool = False) -> Submission:
        self.asked.append(workload.id)
        return Submission(deployment_id=DeploymentId(f"d-{len(self.asked)}"))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Taking:
    engine = Taking()
    monkeypatch.setattr(masking, "get_engine", lambda cluster: engine)
    for module in (runner, recording):
        monkeypatch.setattr(module, "ring", lambda queue, **_how: None)
    return engine


@pytest.fixture
def by() -> User:
    return make_member(make_product_line())


def begun(count: int, by: User) -> int:
    """Publish so many new jobs, let one worker begin them, and say how many statements that took."""
    cluster, line = make_cluster(), by.product_lines.get()
    jobs = [make_job(cluster=cluster, product_line=line) for _ in range(count)]
    for job in jobs:
        job_publish(job=job, by=by)
    with CaptureQueriesContext(connection) as queries:
        runner.run_due("operations")
    asked = Operation.objects.filter(target_id__in=[job.pk for job in jobs])
    assert {operation.memory["asked"] for operation in asked} == {True}
    return len(queries)


def test_six_take_as_many_statements_as_two(
    engine: Taking, by: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GATHER_S", 5.0)  # all of them are written down together
    two = begun(2, by)
    connected: list[str] = []
    backend = type(connections["default"])
    connect = backend.get_new_connection

    def noted(wrapper: BaseDatabaseWrapper, parameters: dict[str, Any]) -> Any:
        connected.append(threading.current_thread().name)
        return connect(wrapper, parameters)

    monkeypatch.setattr(backend, "get_new_connection", noted)
    assert begun(6, by) == two
    assert connected == []
    assert sorted(engine.asked) == sorted(Job.objects.values_list("workload_id", flat=True))


def running(count: int) -> list[Job]:
    line, cluster = make_product_line(), make_cluster()
    return [make_running_job(instances=2, product_line=line, cluster=cluster) for _ in range(count)]


def scaled(
    jobs: Sequence[Job], *numbers: int, agent: User | None = None, key: str = "k"
) -> list[Operation | DomainError]:
    """Ask for these numbers; the last one counts for all further jobs, too."""
    of_each = [*numbers, *[numbers[-1]] * (len(jobs) - len(numbers))]
    with transaction.atomic():
        locked = jobs_lock(job.pk for job in jobs)
        asked = [
            Scale(locked[job.pk], number, f"{key}:{job.pk}", "Because.")
            for job, number in zip(jobs, of_each, strict=True)
        ]
        return jobs_scale(asked, agent=agent)


def test_numbers_asked_for_together_are_ordinary_scalings_and_stops() -> None:
    agent, jobs = make_user(), running(3)
    started = scaled(jobs, 5, 3, 0, agent=agent)
    assert [
        (one.kind, one.parameters["instances"], one.parameters["previous"], one.requested_by, one.reason)
        for one in started
        if isinstance(one, Operation)
    ] == [
        ("job.scale", 5, {"wanted": 2}, agent, "Because."),
        ("job.scale", 3, {"wanted": 2}, agent, "Because."),
        ("job.stop", 0, {"wanted": 2}, agent, "Because."),
    ]
    assert list(Job.objects.order_by("pk").values_list("wanted", "wanted_before_stop", "state")) == [
        (5, None, "running"),
        (3, None, "running"),
        (0, 2, "running"),
    ]


def test_twenty_are_scaled_in_as_many_statements_as_two() -> None:
    taken = []
    for count in (2, 20):
        jobs = running(count)
        with CaptureQueriesContext(connection) as queries:
            assert len(scaled(jobs, 3)) == count
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_each_that_cannot_be_scaled_is_refused_by_itself() -> None:
    busy, deleted, draft, far, well = running(5)
    holder = make_job_operation(busy, kind="job.publish")
    Job.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now())
    Job.objects.filter(pk=draft.pk).update(target_version=None)
    answers = scaled([busy, deleted, draft, far, well], 3, 3, 3, 100_001, 3, agent=make_user())
    assert isinstance(answers[0], TargetBusy)
    assert answers[0].operation == holder
    refused = [[error.code for error in one.errors] for one in answers if isinstance(one, InvalidInput)]
    assert refused == [["deleted"], ["not_published"], ["out_of_range"]]
    assert Operation.objects.exclude(pk=holder.pk).get() == answers[4]
    assert list(Job.objects.order_by("pk").values_list("wanted", flat=True)) == [2, 2, 2, 2, 3]


def test_asking_together_again_is_asking_once() -> None:
    jobs = running(2)
    first = scaled(jobs, 3)
    Operation.objects.filter(target_id=jobs[1].pk).update(state="succeeded")
    Job.objects.filter(pk=jobs[1].pk).update(wanted=7)
    assert scaled(jobs, 3) == first
    [reused, _same] = scaled(jobs, 4, 3)
    assert isinstance(reused, KeyReused)
    assert list(Job.objects.order_by("pk").values_list("wanted", flat=True)) == [3, 7]


def test_the_newest_number_takes_over_from_the_agents_own_and_from_nobody_elses() -> None:
    agent, (own, called_off, other) = make_user(), running(3)
    [first, *_] = scaled([own, called_off], 3, agent=agent)
    scaled([other], 3, agent=make_user())
    Operation.objects.filter(target_id=called_off.pk).update(cancel_requested_at=timezone.now())
    answers = scaled([own, called_off, other], 4, agent=agent, key="newer")
    assert isinstance(answers[0], Operation)
    assert (answers[0].after, answers[0].parameters["instances"]) == (first, 4)
    assert [type(one) for one in answers[1:]] == [TargetBusy, TargetBusy]
    assert scaled([own], 4, agent=agent, key="newer") == answers[:1]
    own.refresh_from_db()
    assert own.wanted == 3  # until it has taken over


def test_a_number_until_a_time_is_over_for_those_that_are_scaled_together() -> None:
    for_a_time, other = running(2)
    ScaleExpiry.objects.create(
        job=for_a_time, at=timezone.now() + timedelta(hours=1), during=2, instances=1, operation=None
    )
    [operation, _other] = scaled([for_a_time, other], 5)
    assert isinstance(operation, Operation)
    assert operation.parameters["previous"]["expiry"]["instances"] == 1
    assert not ScaleExpiry.objects.exists()
