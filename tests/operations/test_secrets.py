"""A secret's value is in the scheduler and in the instance, and nowhere else: not in a page, an answer, a log or a
column."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.urls import URLPattern
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.engines import get_engine
from apps.core.models import Cluster, Operation
from apps.core.operations.runner import run_operation
from apps.core.tests.client import api_client
from apps.core.tests.factories import make_cluster
from apps.elastic.tests.factories import make_policy, make_schedule
from apps.jobs import masking
from apps.jobs.masking import MASKED, Mask
from apps.jobs.mirror.apply import mirror_apply
from apps.jobs.models import Job
from apps.jobs.services import job_publish, secret_set
from apps.jobs.tests.factories import make_job, make_spec
from apps.jobs.tests.pages import browser
from apps.jobs.urls import urlpatterns
from clients.errors import Refused
from embedded.waiting import wait_until
from engines.base import InstanceFailure, InstanceId, InstanceState, WorkloadId
from sandbox.testing import SandboxProcess, running_sandbox
from tests.api.routes import JOB_ROUTES

pytestmark = pytest.mark.django_db

VALUE = 'hunter2-"quoted"-Gr33n'
WRITTEN = json.dumps(VALUE)[1:-1]
FILE = "cGFzc3dvcmQgPSBodW50ZXIyLSJxdW90ZWQiLUdyMzNuCg=="
"""The config file as it travels, base64 of `password = …`."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("secrets")) as process:
        yield process


@pytest.fixture
def cluster(sandbox: SandboxProcess) -> Cluster:
    [addresses] = sandbox.addresses.clusters.values()
    return make_cluster(marathon_urls=[addresses.marathon], mesos_urls=[addresses.mesos])


@pytest.fixture
def by() -> User:
    return make_member(make_product_line())


@pytest.fixture
def job(cluster: Cluster, by: User) -> Iterator[Job]:
    """It prints its secret, from the environment and from its file, and then just runs."""
    line = by.product_lines.get()
    secret_set(product_line=line, name="db-password", value=VALUE, by=by)
    spec = make_spec(
        command='echo "from env $PASSWORD"; cat conf/app.conf; exec sleep 1000',
        instances=1,
        cpus=0.01,
        memory_mib=8,
        ports=[],
        health_checks=[],
        strategy={"min_up_s": 0},
        env={"PASSWORD": {"secret": "db-password"}},
        files=[{"path": "conf/app.conf", "content": "password = ${secret:db-password}\n", "mode": "0600"}],
    )
    job = make_job(product_line=line, cluster=cluster, spec=spec)
    yield job
    get_engine(cluster).delete(WorkloadId(job.workload_id))


def run(operation: Operation) -> Operation:
    """Take step after step until it has ended."""

    def is_over() -> bool:
        Operation.objects.filter(pk=operation.pk).update(wake_at=None)
        run_operation(operation.pk)
        operation.refresh_from_db()
        return not operation.is_active

    wait_until(is_over, what="the operation has ended", timeout_s=30)
    return operation


def everything_stored() -> str:
    """Every column of every table as text, but that which holds the secrets encrypted."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            columns = [
                column.name for column in connection.introspection.get_table_description(cursor, table)
            ]
            shown = [name for name in columns if (table, name) != ("jobs_secret", "value")]
            if shown:
                selected = ", ".join(f'"{name}"::text' for name in shown)
                cursor.execute(f'SELECT {selected} FROM "{table}"')
                rows += cursor.fetchall()
    return repr(rows)


def content_of(answer: Any) -> str:
    if not answer.streaming:
        return str(answer.content.decode(errors="replace"))

    async def read() -> bytes:
        return b"".join([piece async for piece in answer])

    return async_to_sync(read)().decode(errors="replace")


def pages_of(job: Job, instance: InstanceId) -> list[str]:
    values = {"<str:tag>": job.tag, "<int:number>": "1", "<str:task_id>": instance}
    found = []
    for pattern in urlpatterns:
        path = str(pattern.pattern)
        if isinstance(pattern, URLPattern) and path.startswith("jobs/<str:tag>/"):
            for place, value in values.items():
                path = path.replace(place, value)
            found += [f"/{path}", f"/{path}?task={instance}&file=stdout"]
    return found


def test_the_value_is_shown_stored_and_logged_nowhere(
    job: Job, by: User, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert run(job_publish(job=job, by=by)).state == Operation.State.SUCCEEDED
    engine = get_engine(cluster)
    status = engine.get(WorkloadId(job.workload_id))
    assert status is not None
    [instance] = status.instances or ()

    def stdout() -> str:
        return engine.read_log(instance.id, host=instance.host, file="stdout", offset=None, length=4096).text

    wait_until(lambda: stdout().count(VALUE) == 2, what="the instance has the value", timeout_s=10)

    make_policy(job=job)
    schedule = make_schedule(job=job)
    seen: dict[str, str] = {"the database": everything_stored(), "the log": caplog.text}
    for person in (by, make_sre()):
        client, api = browser(person), api_client(person)
        for path in [
            *pages_of(job, instance.id),
            f"/product-lines/{job.product_line.tag}/",
            "/operations/",
            "/audit/",
        ]:
            seen[path] = content_of(client.get(path))
        values = {"tag": job.tag, "number": 1, "other": 1, "task_id": instance.id, "pk": schedule.pk}
        for route in JOB_ROUTES:
            if route.method == "get":
                url = f"{route.url(**values)}"
                for query in ("", f"?task={instance.id}&file=stdout", "?file=stdout"):
                    answer = api.get(url + query)
                    seen[url + query] = content_of(answer)
        operations = api.get("/api/v1/operations/").json()["results"]
        for operation in operations:
            seen[f"operation {operation['id']}"] = api.get(
                f"/api/v1/operations/{operation['id']}/"
            ).content.decode()
    shown = [where for where, text in seen.items() if any(form in text for form in (VALUE, WRITTEN, FILE))]
    assert shown == []
    logs = seen[f"/api/v1/jobs/{job.tag}/logs/?task={instance.id}&file=stdout"]
    assert json.loads(logs)["text"] == f"from env {MASKED}\npassword = {MASKED}\n"
    definition = json.loads(seen[f"/api/v1/jobs/{job.tag}/engine/"])
    assert (definition["env"]["PASSWORD"], definition["env"]["OCEAN_FILE_0"]) == (MASKED, MASKED)


def test_a_scheduler_s_words_are_masked(job: Job, by: User, monkeypatch: pytest.MonkeyPatch) -> None:
    class Quoting:
        """A scheduler that repeats the whole definition when it refuses it."""

        def get(self, workload_id: WorkloadId) -> None:
            return None

        def apply(self, workload: Any, **_options: Any) -> None:
            said = json.dumps(dict(workload.env))
            raise Refused(f"no: {said}", remote="marathon", operation="PUT", details=(("/env", said),))

    monkeypatch.setattr(masking, "get_engine", lambda cluster: Quoting())
    operation = run(job_publish(job=job, by=by))
    assert operation.state == Operation.State.FAILED
    assert "PASSWORD" in operation.error
    stored = everything_stored()
    assert not [form for form in (VALUE, WRITTEN, FILE) if form in stored]


def test_an_instance_s_last_words_are_masked(job: Job, by: User, cluster: Cluster) -> None:
    run(job_publish(job=job, by=by))
    status = get_engine(cluster).get(WorkloadId(job.workload_id))
    assert status is not None
    failure = InstanceFailure(
        InstanceId("x.1"),
        InstanceState.FAILED,
        "node1",
        f"docker run -e PASSWORD={VALUE} failed",
        timezone.now(),
    )
    mirror_apply(cluster, [replace(status, last_failure=failure)], at=timezone.now() + timedelta(seconds=1))
    assert VALUE not in everything_stored()
    assert f"docker run -e PASSWORD={MASKED} failed" in repr(
        list(job.events.values_list("values", flat=True))
    )


@pytest.mark.parametrize(
    ("secret", "text", "masked"),
    [
        ("hunter2", "a hunter2 b hunter2", f"a {MASKED} b {MASKED}"),
        ("hunter2\n", "a hunter2 b", f"a {MASKED} b"),
        ("a\"b'c", '{"x": "a\\"b\'c"}', f'{{"x": "{MASKED}"}}'),
        ("größe-1", '"gr\\u00f6\\u00dfe-1" größe-1', f'"{MASKED}" {MASKED}'),
        ("-----BEGIN\nMIIEowIBAAKCAQEA\n-----END", "key: MIIEowIBAAKCAQEA", f"key: {MASKED}"),
        ("abc", "abc is too short to tell from other text", "abc is too short to tell from other text"),
    ],
)
def test_how_a_value_may_be_written(secret: str, text: str, masked: str) -> None:
    assert Mask([secret])(text) == masked


def test_the_longer_of_two_values_goes_first() -> None:
    assert Mask(["word", "password"])("password") == MASKED
