"""What belongs to a job over the API: versions, instances, history, logs."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import Mock, create_autospec

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.jobs.masking import job_engine
from apps.jobs.models import Instance, Job
from apps.jobs.tests.factories import make_instance, make_running_job, make_version
from engines.base import Engine, LogChunk

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=2)


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line, username="dev")


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


@pytest.fixture
def url(job: Job) -> str:
    return f"/api/v1/jobs/{job.tag}/"


class TestVersions:
    def test_the_latest_comes_first(self, client: APIClient, job: Job, dev: User, url: str) -> None:
        make_version(job, spec={"cpus": 0.5}, author=dev, note="more", created_at=AT)
        rows = client.get(f"{url}versions/").json()["results"]
        spec = rows[0].pop("spec")
        assert spec["cpus"] == 0.5
        assert rows[0] == {"version": 2, "note": "more", "author": "dev", "created": "2026-01-02T03:04:05Z"}
        assert rows[1]["version"] == 1
        assert client.get(f"{url}versions/2/").json()["spec"] == spec

    def test_a_difference_is_shown_field_by_field_either_way(
        self, client: APIClient, job: Job, url: str
    ) -> None:
        make_version(job, spec={"cpus": 0.5, "env": {"LEVEL": "info"}})
        forth = client.get(f"{url}versions/1/diff/2/").json()
        back = client.get(f"{url}versions/2/diff/1/").json()
        assert (forth["from"], forth["to"], back["from"], back["to"]) == (1, 2, 2, 1)
        assert forth["changes"] == [
            {"field": "cpus", "change": "changed", "old": 0.1, "new": 0.5},
            {"field": "env.LEVEL", "change": "added", "old": None, "new": "info"},
        ]
        assert [change["change"] for change in back["changes"]] == ["changed", "removed"]
        assert client.get(f"{url}versions/1/diff/1/").json()["changes"] == []

    def test_a_version_from_before_a_field_of_the_strategy_has_its_default(
        self, client: APIClient, job: Job, url: str
    ) -> None:
        old = {"kind": "rolling", "batch": 1, "max_unavailable": 0, "max_surge": 1, "deadline_s": 300}
        make_version(job, spec={"strategy": old})
        make_version(job, spec={"strategy": {**old, "min_up_s": 10}})
        assert client.get(f"{url}versions/2/").json()["spec"]["strategy"]["min_up_s"] == 3
        assert client.get(f"{url}versions/2/diff/3/").json()["changes"] == [
            {"field": "strategy.min_up_s", "change": "changed", "old": 3, "new": 10}
        ]

    @pytest.mark.parametrize(
        "path", ["versions/9/", "versions/1/diff/9/", "versions/9/diff/1/", "versions/x/"]
    )
    def test_a_version_that_is_not_there_is_404(self, client: APIClient, url: str, path: str) -> None:
        assert problem_type(client.get(url + path)) == "not-found"


class TestInstances:
    def test_an_instance_is_shown_whole(self, client: APIClient, job: Job, url: str) -> None:
        Instance.objects.all().delete()
        make_instance(
            job=job,
            task_id="a_b.instance-1._app.1",
            host="node1",
            ip="10.0.0.1",
            ports=[31000, 31001],
            healthy=False,
            version=1,
            restarts=2,
            started_at=AT,
            message="HTTP 500",
        )
        shown = {
            "task_id": "a_b.instance-1._app.1",
            "host": "node1",
            "ip": "10.0.0.1",
            "ports": [31000, 31001],
            "state": "running",
            "healthy": False,
            "version": 1,
            "slot": "main",
            "serving": True,
            "restarts": 2,
            "started": "2026-01-02T03:04:05Z",
            "message": "HTTP 500",
        }
        assert client.get(f"{url}instances/").json()["results"] == [shown]
        assert client.get(f"{url}instances/a_b.instance-1._app.1/").json() == shown

    def test_filters(self, client: APIClient, job: Job, url: str) -> None:
        make_instance(job=job, host="node7", state=Instance.State.STAGING, version=2)
        for query in ("state=staging", "host=node7", "version=2", "search=node7"):
            assert client.get(f"{url}instances/?{query}").json()["count"] == 1, query
        assert field_codes(client.get(f"{url}instances/?version=x")) == {"version": "invalid"}

    @pytest.mark.parametrize(("given", "wanted"), [({}, 2), ({"shrink": True}, 1)])
    def test_one_is_killed_with_or_without_another_in_its_place(
        self, client: APIClient, job: Job, url: str, given: dict[str, bool], wanted: int
    ) -> None:
        task_id = job.instances.all()[0].task_id
        answer = client.post(f"{url}instances/{task_id}/kill/", given)
        assert (answer.status_code, answer.json()["kind"]) == (202, "job.kill_instance")
        assert Operation.objects.get().parameters["task_id"] == task_id
        job.refresh_from_db()
        assert job.wanted == wanted

    @pytest.mark.django_db(transaction=True)
    def test_a_kill_is_asked_for_outside_of_any_other_transaction(
        self, job: Job, client: APIClient, url: str
    ) -> None:
        task_id = job.instances.earliest("pk").task_id
        assert client.post(f"{url}instances/{task_id}/kill/").status_code == 202

    def test_the_same_key_is_the_same_kill_even_after_the_instance_is_gone(
        self, client: APIClient, job: Job, url: str
    ) -> None:
        instance = job.instances.all()[0]
        path, key = f"{url}instances/{instance.task_id}/kill/", {"Idempotency-Key": "k"}
        first = client.post(path, headers=key)
        Operation.objects.update(state=Operation.State.SUCCEEDED)
        instance.delete()
        again = client.post(path, headers=key)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert client.post(path).status_code == 404

    def test_an_instance_of_another_job_is_404(self, client: APIClient, url: str) -> None:
        other = make_instance()
        assert client.post(f"{url}instances/{other.task_id}/kill/").status_code == 404
        assert not Operation.objects.exists()


class TestLogs:
    @pytest.fixture
    def engine(self, monkeypatch: pytest.MonkeyPatch) -> Mock:
        engine: Mock = create_autospec(Engine, instance=True)
        monkeypatch.setattr(
            "apps.jobs.api.parts.job_engine", create_autospec(job_engine, return_value=engine)
        )
        return engine

    def test_a_piece_of_a_file(self, client: APIClient, job: Job, url: str, engine: Mock) -> None:
        instance = job.instances.all()[0]
        engine.read_log.return_value = LogChunk(text="hi\n", offset=7, length=3, size=10)
        query = {"task": instance.task_id, "file": "stderr", "offset": "7", "length": "100"}
        assert client.get(f"{url}logs/", query).json() == {
            "task": instance.task_id,
            "file": "stderr",
            "offset": 7,
            "length": 3,
            "size": 10,
            "text": "hi\n",
        }
        engine.read_log.assert_called_once_with(
            instance.task_id, host=instance.host, file="stderr", offset=7, length=100
        )

    def test_without_an_offset_the_tail_of_stdout(
        self, client: APIClient, job: Job, url: str, engine: Mock
    ) -> None:
        instance = job.instances.all()[0]
        engine.read_log.return_value = LogChunk(text="", offset=0, length=0, size=0)
        assert client.get(f"{url}logs/", {"task": instance.task_id}).status_code == 200
        engine.read_log.assert_called_once_with(
            instance.task_id, host=instance.host, file="stdout", offset=None, length=32 * 1024
        )

    @pytest.mark.parametrize(
        ("query", "errors"),
        [
            ({}, {"task": "required"}),
            ({"file": "../secret"}, {"file": "invalid"}),
            ({"file": "a/b"}, {"file": "invalid"}),
            ({"file": ".."}, {"file": "invalid"}),
            ({"file": "a\nb"}, {"file": "invalid"}),
            ({"offset": "-1"}, {"offset": "min_value"}),
            ({"length": "999999999"}, {"length": "max_value"}),
            ({"lines": "5"}, {"lines": "unknown_field"}),
        ],
    )
    def test_bad_parameters_are_named(
        self,
        client: APIClient,
        job: Job,
        url: str,
        engine: Mock,
        query: dict[str, str],
        errors: dict[str, str],
    ) -> None:
        task = {"task": job.instances.all()[0].task_id} if query else {}
        assert field_codes(client.get(f"{url}logs/", {**task, **query})) == errors
        engine.read_log.assert_not_called()

    def test_the_task_of_another_job_is_404(self, client: APIClient, url: str, engine: Mock) -> None:
        other = make_instance()
        assert client.get(f"{url}logs/", {"task": other.task_id}).status_code == 404
        engine.read_log.assert_not_called()

    def test_a_cluster_that_does_not_answer_is_503(self, client: APIClient, job: Job, url: str) -> None:
        answer = client.get(f"{url}logs/", {"task": job.instances.all()[0].task_id})
        assert (answer.status_code, problem_type(answer)) == (503, "unavailable")
        assert int(answer["Retry-After"]) > 0
