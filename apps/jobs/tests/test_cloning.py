"""Cloning and migrating over the API: what differs first, who may, and what is written."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import Membership, Role, User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Cluster, Operation
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_cluster
from apps.hosts.tests.factories import make_host
from apps.jobs.models import Job, JobEvent
from apps.jobs.tests.factories import (
    make_job,
    make_job_from,
    make_running_job,
    make_spec,
    make_template,
    make_version,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def c3() -> Cluster:
    cluster = make_cluster(name="c3")
    make_host(cluster=cluster, attributes={"rack": "r1"})
    return cluster


@pytest.fixture
def job() -> Job:
    return make_running_job(name="web", cluster=make_cluster(name="staging"))


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line, username="dev")


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


@pytest.fixture
def url(job: Job) -> str:
    return f"/api/v1/jobs/{job.tag}/"


def codes(answer: Any) -> list[tuple[str, str, str]]:
    assert answer.status_code == 200, answer.content
    return [(one["severity"], one["field"], one["code"]) for one in answer.json()["differences"]]


class TestClone:
    def test_a_clone_is_a_draft_with_the_same_spec(
        self, client: APIClient, job: Job, url: str, c3: Cluster
    ) -> None:
        make_version(job, spec={"cpus": 0.5})
        answer = client.post(f"{url}clone/", {"cluster": "c3"})

        assert answer.status_code == 201
        clone = Job.objects.get(cluster=c3)
        made = answer.json()
        assert (made["tag"], made["state"], made["cloned_from"]) == (clone.tag, "draft", job.tag)
        assert (made["name"], made["service"], made["product_line"]) == ("web", "web", job.product_line.tag)
        assert made["spec"] == client.get(url).json()["spec"]
        assert answer["Location"].endswith(f"/api/v1/jobs/{clone.tag}/")
        said = JobEvent.objects.get(job=clone, kind="cloned")
        assert said.rendered == f"Cloned from {job.tag}, version 2."
        assert JobEvent.objects.get(job=job, kind="cloned").rendered == f"Cloned to {clone.tag}."
        assert not Operation.objects.exists()

    def test_published_at_once_it_answers_202(
        self, client: APIClient, job: Job, url: str, c3: Cluster
    ) -> None:
        body = {"cluster": "c3", "name": "web2", "publish": True, "reason": "more room"}
        answers = [client.post(f"{url}clone/", body, headers={"Idempotency-Key": "k"}) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [202, 202]
        assert answers[0].json()["id"] == answers[1].json()["id"]
        operation = Operation.objects.get()
        clone = Job.objects.get(cluster=c3)
        assert (operation.kind, operation.target, operation.reason) == ("job.publish", clone.tag, "more room")
        assert (clone.name, clone.service) == ("web2", "web")

    def test_a_named_version_is_cloned(self, client: APIClient, job: Job, url: str) -> None:
        make_version(job, spec={"cpus": 0.5})
        made = client.post(f"{url}clone/", {"cluster": "staging", "name": "old", "version": 1})
        assert made.json()["spec"]["cpus"] == 0.1
        bad = client.post(f"{url}clone/", {"cluster": "staging", "name": "x", "version": 9})
        assert field_codes(bad) == {"version": "unknown_version"}

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"cluster": "staging"}, {"name": "unique"}),
            ({"cluster": "nowhere"}, {"cluster": "unknown"}),
            ({}, {"cluster": "required"}),
            ({"cluster": "c3", "name": "No_Name"}, {"name": "invalid_name"}),
            ({"cluster": "c3", "product_line": "pdl.none"}, {"product_line": "unknown"}),
            ({"cluster": "c3", "colour": "red"}, {"colour": "unknown_field"}),
        ],
    )
    def test_bad_input_is_named(
        self, client: APIClient, url: str, c3: Cluster, body: dict[str, Any], expected: dict[str, str]
    ) -> None:
        assert field_codes(client.post(f"{url}clone/", body)) == expected
        assert Job.objects.count() == 1

    def test_what_could_not_run_there_can_be_drafted_but_not_published(
        self, client: APIClient, job: Job, url: str, c3: Cluster
    ) -> None:
        constraint = {"field": "zone", "operator": "UNIQUE"}
        make_version(job, spec=make_spec(constraints=[constraint], cpus=400))

        shown = codes(client.post(f"{url}clone/plan/", {"cluster": "c3"}))
        assert shown[:2] == [
            ("error", "spec.constraints[0]", "no_such_attribute"),
            ("error", "spec.cpus", "larger_than_any_host"),
        ]
        refused = client.post(f"{url}clone/", {"cluster": "c3", "publish": True})
        assert set(field_codes(refused)) == {"spec.constraints[0]", "spec.cpus"}
        assert Job.objects.count() == 1
        assert client.post(f"{url}clone/", {"cluster": "c3"}).status_code == 201

    def test_dependencies_are_those_of_the_other_cluster(
        self, client: APIClient, job: Job, url: str, c3: Cluster
    ) -> None:
        here = make_job(product_line=job.product_line, cluster=job.cluster, name="db")
        make_version(job, spec={"depends_on": [here.tag]})
        assert codes(client.post(f"{url}clone/plan/", {"cluster": "c3"})) == [
            ("error", "spec.depends_on[0]", "unknown_job")
        ]
        there = make_job(product_line=job.product_line, cluster=c3, name="db")
        assert codes(client.post(f"{url}clone/plan/", {"cluster": "c3"})) == [
            ("info", "spec.depends_on[0]", "other_job")
        ]
        made = client.post(f"{url}clone/", {"cluster": "c3"}).json()
        assert made["spec"]["depends_on"] == [there.tag]

    def test_another_product_line_must_be_ones_own(self, client: APIClient, dev: User, url: str) -> None:
        line = make_product_line()
        body = {"cluster": "staging", "product_line": line.tag}
        assert field_codes(client.post(f"{url}clone/", body)) == {"product_line": "unknown"}
        Membership.objects.create(user=dev, product_line=line, role=Role.VIEWER)
        assert problem_type(client.post(f"{url}clone/", body)) == "forbidden"
        dev.memberships.filter(product_line=line).update(role=Role.DEVELOPER)
        assert client.post(f"{url}clone/", body).json()["product_line"] == line.tag

    def test_it_follows_the_template_of_the_job_where_its_line_may_know_of_that(
        self, client: APIClient, dev: User, c3: Cluster
    ) -> None:
        line, other = dev.product_lines.get(), make_product_line()
        Membership.objects.create(user=dev, product_line=other, role=Role.DEVELOPER)
        own = make_job_from(make_template(name="own", product_line=line), name="a", product_line=line)
        common = make_job_from(make_template(name="common"), name="b", product_line=line)

        def template_of_clone(job: Job, **wish: str) -> Any:
            answer = client.post(f"/api/v1/jobs/{job.tag}/clone/", {"cluster": "c3", **wish})
            assert answer.status_code == 201, answer.content
            return answer.json()["template"]

        assert template_of_clone(own) == {"name": "own", "version": 1, "latest": 1, "parameters": {}}
        assert template_of_clone(own, product_line=other.tag) is None
        assert template_of_clone(common, product_line=other.tag)["name"] == "common"

    def test_whoever_only_sees_it_may_clone_it_to_a_line_of_theirs(self, job: Job, url: str) -> None:
        line = make_product_line()
        viewer = make_member(job.product_line, role=Role.VIEWER)
        Membership.objects.create(user=viewer, product_line=line, role=Role.DEVELOPER)
        client = api_client(viewer)
        assert problem_type(client.post(f"{url}clone/", {"cluster": "staging"})) == "forbidden"
        body = {"cluster": "staging", "product_line": line.tag}
        assert client.post(f"{url}clone/", body).status_code == 201


class TestMigrate:
    def test_the_plan_names_who_is_left_behind(
        self, client: APIClient, job: Job, url: str, c3: Cluster
    ) -> None:
        spec = make_spec(depends_on=[job.tag])
        make_running_job(product_line=job.product_line, cluster=job.cluster, spec=spec)
        shown = client.post(f"{url}migrate/plan/", {"cluster": "c3"})
        assert codes(shown) == [("warning", "depends_on", "dependents")]
        assert "1 job depends on it and stays where it is" in shown.json()["differences"][0]["what"]

    def test_it_answers_202(self, client: APIClient, job: Job, url: str, c3: Cluster) -> None:
        answer = client.post(f"{url}migrate/", {"cluster": "c3", "reason": "closing lg"})
        assert (answer.status_code, answer.json()["kind"]) == (202, "job.migrate")
        assert answer.json()["reason"] == "closing lg"
        assert problem_type(client.post(f"{url}restart/")) == "target-busy"

    @pytest.mark.parametrize(
        ("cluster", "expected"),
        [("staging", {"cluster": "same_cluster"}), ("nowhere", {"cluster": "unknown"})],
    )
    def test_a_cluster_that_makes_no_sense_is_named(
        self, client: APIClient, url: str, cluster: str, expected: dict[str, str]
    ) -> None:
        assert field_codes(client.post(f"{url}migrate/", {"cluster": cluster})) == expected
        assert not Operation.objects.exists()

    def test_one_that_runs_there_is_in_the_way_and_one_that_does_not_is_not(
        self, client: APIClient, job: Job, url: str, c3: Cluster
    ) -> None:
        there = make_running_job(product_line=job.product_line, cluster=c3, name="web", instances=1)
        assert field_codes(client.post(f"{url}migrate/", {"cluster": "c3"})) == {"name": "unique"}
        Job.objects.filter(pk=there.pk).update(wanted=0)
        assert client.post(f"{url}migrate/", {"cluster": "c3"}).status_code == 202

    def test_a_cluster_that_is_switched_off_takes_nothing(
        self, client: APIClient, url: str, c3: Cluster
    ) -> None:
        Cluster.objects.filter(pk=c3.pk).update(enabled=False)
        assert field_codes(client.post(f"{url}migrate/", {"cluster": "c3"})) == {"cluster": "disabled"}
