"""`POST jobs/plan/`: what saving written-down jobs would change, before anything is written."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import ProductLine, Role
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Cluster
from apps.core.tests.client import api_client, field_codes
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job, JobVersion
from apps.jobs.tests.factories import make_running_job, make_spec, make_template

pytestmark = pytest.mark.django_db

PLAN = "/api/v1/jobs/plan/"


@pytest.fixture
def line() -> ProductLine:
    return make_product_line(pdl="ocean")


@pytest.fixture
def staging() -> Cluster:
    return make_cluster(name="staging")


@pytest.fixture
def job(line: ProductLine, staging: Cluster) -> Job:
    return make_running_job(
        product_line=line, cluster=staging, name="web", service="shop", spec=make_spec(cpus=0.1)
    )


def ask(line: ProductLine, *documents: dict[str, Any], role: Role = Role.DEVELOPER) -> Any:
    return api_client(make_member(line, role=role)).post(PLAN, {"jobs": list(documents)})


def document(line: ProductLine, *, name: str = "web", **spec: Any) -> dict[str, Any]:
    own = {"command": "python3 -m http.server $PORT0", "ports": [{"name": "http"}]}
    checks = {"health_checks": [{"type": "http"}]}
    return {
        "product_line": str(line),
        "service": "shop",
        "cluster": "staging",
        "name": name,
        "spec": {**own, **checks, **spec},
    }


def test_a_new_job_shows_its_whole_spec_and_nothing_is_written(line: ProductLine, staging: Cluster) -> None:
    make_template(name="small", spec={"cpus": 0.3, "memory_mib": 32})
    answer = ask(line, document(line, memory_mib=48) | {"template": "small"})
    [row] = answer.json()["jobs"]
    assert (row["job"], row["changes"]) == (None, [])
    assert row["tag"] == f"job.web_service.shop_cluster.staging_{line}"
    assert (row["spec"]["cpus"], row["spec"]["memory_mib"], row["spec"]["kill_grace_s"]) == (0.3, 48, 10)
    assert not Job.objects.exists()


def test_what_is_as_written_has_no_changes(line: ProductLine, job: Job) -> None:
    [row] = ask(line, document(line, cpus=0.1)).json()["jobs"]
    assert row["changes"] == []
    assert (row["job"]["tag"], row["job"]["version"], row["job"]["instances"]["wanted"]) == (job.tag, 1, 3)


def test_what_is_left_out_goes_back_to_its_default_and_the_number_of_instances_stays(
    line: ProductLine, job: Job
) -> None:
    JobVersion.objects.update(spec=make_spec(kill_grace_s=30, env={"LEVEL": "info"}, instances=7))
    [row] = ask(line, document(line, env={"LEVEL": "debug"})).json()["jobs"]
    assert row["changes"] == [
        {"field": "env.LEVEL", "change": "changed", "old": "info", "new": "debug"},
        {"field": "kill_grace_s", "change": "changed", "old": 30, "new": 10},
    ]
    assert row["spec"]["instances"] == 7
    assert JobVersion.objects.count() == 1


def test_a_number_of_instances_that_is_written_counts(line: ProductLine, job: Job) -> None:
    [row] = ask(line, document(line, instances=5)).json()["jobs"]
    assert row["changes"] == [{"field": "instances", "change": "changed", "old": 3, "new": 5}]


def test_fields_that_came_after_a_version_was_saved_are_no_changes(line: ProductLine, job: Job) -> None:
    stored = JobVersion.objects.get()
    JobVersion.objects.update(spec={key: value for key, value in stored.spec.items() if key != "fetch"})
    [row] = ask(line, document(line, cpus=0.1)).json()["jobs"]
    assert row["changes"] == []


def test_every_bad_field_of_every_document_is_named(line: ProductLine, staging: Cluster) -> None:
    answer = ask(
        line,
        document(line, cpus=-1),
        document(line, name="B") | {"service": "x"},
        document(line, name="c") | {"cluster": "nowhere"},
        document(line, name="d", depends_on=["job.none"]),
    )
    assert field_codes(answer) == {
        "jobs[0].spec.cpus": "min_value",
        "jobs[1].name": "invalid_name",
        "jobs[2].cluster": "unknown",
        "jobs[3].spec.depends_on[0]": "unknown_job",
    }


def test_jobs_may_depend_on_those_beside_them(line: ProductLine, staging: Cluster) -> None:
    first = f"job.first_service.shop_cluster.staging_{line}"
    answer = ask(line, document(line, name="second", depends_on=[first]), document(line, name="first"))
    assert answer.status_code == 200


def test_the_same_job_twice_is_refused(line: ProductLine, staging: Cluster) -> None:
    assert field_codes(ask(line, document(line), document(line))) == {"jobs[1].name": "unique"}


def test_who_may_not_change_the_line_is_told_so(line: ProductLine, job: Job) -> None:
    assert field_codes(ask(line, document(line), role=Role.VIEWER)) == {"jobs[0].product_line": "forbidden"}


def test_the_line_of_others_is_unknown(line: ProductLine, job: Job) -> None:
    answer = api_client(make_member()).post(PLAN, {"jobs": [document(line)]})
    assert field_codes(answer) == {"jobs[0].product_line": "unknown"}


def test_an_empty_list_and_too_many_are_refused(line: ProductLine) -> None:
    assert field_codes(ask(line)) == {"jobs": "empty"}
    assert field_codes(ask(line, *[document(line)] * 101)) == {"jobs": "max_length"}


def test_each_document_costs_the_same_few_queries(line: ProductLine, staging: Cluster) -> None:
    client = api_client(make_member(line))

    def queries(documents: int) -> int:
        rows = [document(line, name=f"web-{number}") for number in range(documents)]
        with CaptureQueriesContext(connection) as captured:
            assert client.post(PLAN, {"jobs": rows}).status_code == 200
        return len(captured)

    queries(1)  # notes that the token was used
    assert queries(11) - queries(1) <= 10 * 6
