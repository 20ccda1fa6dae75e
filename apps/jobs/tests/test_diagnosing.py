"""Finding out why: what is asked of whom, how often, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, cast

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Operation
from apps.core.operations.kinds import Again, Failed
from apps.hosts.tests.factories import make_host
from apps.jobs.explain import missing
from apps.jobs.mirror import surroundings as around
from apps.jobs.mirror import why
from apps.jobs.mirror.why import dependencies_of, job_diagnose
from apps.jobs.models import GoneInstance, Job
from apps.jobs.operations.base import Work
from apps.jobs.operations.dependencies import waits_for_dependencies
from apps.jobs.services import secret_set
from apps.jobs.tests.factories import make_bad_end, make_job, make_job_operation, make_running_job, make_spec
from clients.errors import NotFound, Unavailable
from engines.base import (
    Engine,
    HealthResult,
    InstanceFailure,
    InstanceId,
    InstanceState,
    InstanceStatus,
    LogChunk,
    Waiting,
    WorkloadId,
    WorkloadStatus,
)

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)
CHANGED_AT = NOW - timedelta(minutes=5)


class Scheduler:
    """An engine that says what it was given, and counts what it was asked."""

    def __init__(self, *, queue: Mapping[str, int] | None = None, stderr: str | Exception = "") -> None:
        self.queue, self.stderr = queue or {}, stderr
        self.asked: list[str] = []

    def waiting(self) -> Mapping[WorkloadId, Waiting]:
        self.asked.append("waiting")
        return {
            WorkloadId(path): Waiting(WorkloadId(path), count, 0, NOW, ())
            for path, count in self.queue.items()
        }

    def health(self, workload_id: WorkloadId) -> tuple[HealthResult, ...]:
        self.asked.append("health")
        return ()

    def read_log(
        self, instance_id: InstanceId, *, host: str, file: str, offset: int | None, length: int
    ) -> LogChunk:
        self.asked.append(f"{file} of {instance_id} on {host}")
        if isinstance(self.stderr, Exception):
            raise self.stderr
        return LogChunk(self.stderr, 0, len(self.stderr), len(self.stderr))


def engine(scheduler: Scheduler) -> Engine:
    return cast(Engine, scheduler)


def status_of(job: Job, *instances: InstanceStatus, **overrides: Any) -> WorkloadStatus:
    values: dict[str, Any] = {
        "id": WorkloadId(job.workload_id),
        "version": 1,
        "wanted": 2,
        "running": len(instances),
        "staging": 0,
        "healthy": 0,
        "unhealthy": 0,
        "has_health_checks": False,
        "engine_version": CHANGED_AT,
        "config_changed_at": CHANGED_AT,
        "instances": instances,
        **overrides,
    }
    return WorkloadStatus(**values)


def ill(**fields: Any) -> Job:
    spec = make_spec(**{"health_checks": [], "instances": 2, **fields})
    return make_running_job(spec=spec, instances=0, wanted=2, state=Job.State.DEGRADED)


def crash(job: Job, name: str = "x.1", *, message: str = "Command exited with status 3") -> InstanceFailure:
    at = NOW - timedelta(seconds=5)
    failure = InstanceFailure(InstanceId(name), InstanceState.FAILED, "node1", message, at)
    make_bad_end(job, failure)
    return failure


def codes(job: Job) -> list[str]:
    job.refresh_from_db()
    return [problem["code"] for problem in job.problems]


def test_the_queue_and_the_hosts_are_asked_for_once_for_many_jobs(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(around, "KEPT_S", 60.0)
    jobs = [ill(cpus=400) for _ in range(3)]
    make_host(cluster=jobs[0].cluster)
    Job.objects.update(cluster=jobs[0].cluster)
    scheduler = Scheduler(queue={job.workload_id: 2 for job in jobs})
    for job in jobs:
        job.cluster = jobs[0].cluster
        job_diagnose(job, status_of(job), engine=engine(scheduler))
    assert scheduler.asked == ["waiting"]
    assert [codes(job) for job in jobs] == [["cpus_too_large"]] * 3
    job = Job.objects.select_related("cluster").get(pk=jobs[0].pk)
    # The line's secrets, the version, the history; the row, where it differs.
    with django_assert_num_queries(4):
        job_diagnose(job, status_of(job), engine=engine(scheduler))


def test_the_last_words_are_read_once_and_kept_with_the_reason() -> None:
    job = ill()
    failure = crash(job)
    GoneInstance.objects.create(
        job=job,
        task_id="x.1",
        host="node1",
        started_at=failure.at - timedelta(seconds=0.5),
        gone_at=failure.at,
    )
    scheduler = Scheduler(stderr="one\ntwo\n\ncannot read config.yaml\n")
    for _ in range(3):
        [problem] = job_diagnose(job, status_of(job, last_failure=failure), engine=engine(scheduler))
    assert scheduler.asked.count("stderr of x.1 on node1") == 1
    assert problem.values["wrote"] == "cannot read config.yaml"
    assert problem.values["often"]["values"] == {"ran": "0.5 s"}


@pytest.mark.parametrize("error", [NotFound, Unavailable])
def test_a_host_whose_log_cannot_be_read_is_not_asked_again_and_again(error: Any) -> None:
    job = ill()
    failure = crash(job)
    scheduler = Scheduler(stderr=error("gone", remote="mesos", operation="read"))
    for _ in range(3):
        [problem] = job_diagnose(job, status_of(job, last_failure=failure), engine=engine(scheduler))
    assert scheduler.asked.count("stderr of x.1 on node1") == 1
    assert problem.code == "exited"


def test_a_secret_in_the_last_words_is_masked() -> None:
    job = ill()
    secret_set(
        product_line=job.product_line, name="key", value="s3cr3t-value", by=make_member(job.product_line)
    )
    failure = crash(job)
    scheduler = Scheduler(stderr="no login with s3cr3t-value")
    [problem] = job_diagnose(job, status_of(job, last_failure=failure), engine=engine(scheduler))
    assert problem.values["wrote"] == "no login with ••••••"


def test_only_so_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around, "REMEMBERED", 2)
    scheduler = Scheduler(stderr="x")
    kept = around.surroundings(engine(scheduler))
    for name in ("a", "b", "c", "c", "a"):
        kept.last_words(InstanceId(name), host="node1", engine=engine(scheduler))
    assert [asked.split()[2] for asked in scheduler.asked] == ["a", "b", "c", "a"]


def test_a_job_that_became_well_meanwhile_keeps_no_reason() -> None:
    job = ill(cpus=400)
    make_host(cluster=job.cluster)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    job_diagnose(job, status_of(job), engine=engine(Scheduler(queue={job.workload_id: 1})))
    assert codes(job) == []


def test_a_rule_that_stumbles_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(facts: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(why, "explain", stumble)
    job = ill()
    assert job_diagnose(job, status_of(job), engine=engine(Scheduler())) == []


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    """A server that answers everything so; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_an_instance_is_asked_what_its_check_asks_where_the_scheduler_says_nothing_yet() -> None:
    check = {"type": "http", "port": "admin", "path": "/health", "grace_s": 60}
    job = ill(ports=[{"name": "http"}, {"name": "admin"}], health_checks=[check])
    instance = InstanceStatus(
        id=InstanceId("x.2"),
        workload_id=WorkloadId(job.workload_id),
        state=InstanceState.RUNNING,
        host="node1",
        ip="127.0.0.1",
        ports=(1, 1),
        healthy=None,
        engine_version=CHANGED_AT,
        staged_at=CHANGED_AT,
        started_at=CHANGED_AT,
    )
    with answering(500, b"db down " * 1000) as port:
        ready = replace(instance, ports=(1, port))
        status = status_of(job, ready, has_health_checks=True, wanted=1)
        [problem] = job_diagnose(job, status, engine=engine(Scheduler()))
    assert (problem.code, problem.severity, problem.hosts) == ("http_500", "warning", ("node1",))
    assert len(problem.values["body"]) == 160
    status = status_of(job, replace(instance, ports=(1, port)), has_health_checks=True, wanted=1)
    [problem] = job_diagnose(job, status, engine=engine(Scheduler()))
    assert (problem.code, problem.values["port"]) == ("nothing_listens", port)


def test_what_ails_a_dependency_of_another_product_line_is_not_told() -> None:
    job = make_job()
    lost: dict[str, Any] = {"state": Job.State.DEGRADED, "problems": [missing().as_json()]}
    own = make_job(product_line=job.product_line, target_version=1, **lost)
    theirs = make_job(product_line=make_product_line(), **lost)
    found = dependencies_of(job, [own.tag, theirs.tag, "job.gone"])
    assert [(one.name, one.state, one.problem is not None) for one in found] == [
        (own.name, "degraded", True),
        (theirs.name, "degraded", False),
        ("job.gone", "missing", False),
    ]


def held(job: Job, **memory: Any) -> Any:
    operation = make_job_operation(
        job,
        kind="job.publish",
        state=Operation.State.RUNNING,
        parameters={"version": 1, "strategy": {"deadline_s": 60}},
        memory=memory,
    )
    return waits_for_dependencies(Work(operation=operation, job=job, engine=engine(Scheduler())))


def test_a_publish_waits_for_a_dependency_and_says_for_which() -> None:
    database = make_job(state=Job.State.DEPLOYING, target_version=1, wanted=2)
    spec = make_spec(depends_on=[database.tag])
    job = make_job(product_line=database.product_line, spec=spec, state=Job.State.DEPLOYING, target_version=1)
    outcome = held(job)
    assert isinstance(outcome, Again)
    assert codes(job) == ["dependency"]
    Job.objects.filter(pk=database.pk).update(state=Job.State.RUNNING)
    Operation.objects.all().delete()
    assert held(job) is None


def test_a_publish_does_not_wait_for_ever() -> None:
    job = make_job(spec=make_spec(depends_on=[make_job().tag]), state=Job.State.DEPLOYING, target_version=1)
    outcome = held(job, waits_since=(timezone.now() - timedelta(seconds=61)).isoformat())
    assert isinstance(outcome, Failed)
    assert outcome.values["why"][0]["text"] == "It needs %(job)s, which was never published."


@pytest.mark.parametrize("running", [0, 1])
def test_what_runs_already_and_what_depends_on_a_lost_job_is_not_held(running: int) -> None:
    lost = make_job(deleted_at=None if running else timezone.now())
    job = make_job(spec=make_spec(depends_on=[lost.tag]), running=running, target_version=1)
    assert held(job) is None
