"""Publishes that begin together: as many statements as one, and none of them from a step."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Operation
from apps.core.operations import recording, runner
from apps.core.tests.factories import make_cluster
from apps.jobs import masking
from apps.jobs.models import Job
from apps.jobs.services import job_publish
from apps.jobs.tests.factories import make_job
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
