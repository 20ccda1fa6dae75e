"""A job as text over the API: YAML, and the scheduler's own definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member
from apps.core.tests.client import api_client, problem_type
from apps.jobs import definitions
from apps.jobs.masking import MASKED
from apps.jobs.models import Job, Secret
from apps.jobs.spec.yaml_text import read_yaml, write_yaml
from apps.jobs.tests.factories import make_job, make_running_job, make_spec, make_version
from clients.errors import TimedOut, Unavailable
from engines.base import Engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    return make_job(spec=make_spec(env={"LEVEL": "info"}))


@pytest.fixture
def client(job: Job) -> APIClient:
    return api_client(make_member(job.product_line))


@pytest.fixture
def url(job: Job) -> str:
    return f"/api/v1/jobs/{job.tag}/"


def put(client: APIClient, url: str, text: str, **headers: str) -> Any:
    return client.generic("PUT", f"{url}yaml/", text, content_type="application/yaml", headers=headers)


def errors(answer: Any) -> list[tuple[str, str, int]]:
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [(error["field"], error["code"], error["line"]) for error in answer.json()["errors"]]


class TestYaml:
    def test_the_whole_job_is_there_with_its_version(self, client: APIClient, job: Job, url: str) -> None:
        answer = client.get(f"{url}yaml/")
        assert (answer["Content-Type"], answer["ETag"]) == ("application/yaml; charset=utf-8", '"1"')
        data = read_yaml(answer.content.decode()).data
        assert data == {
            "product_line": str(job.product_line),
            "service": job.service,
            "cluster": job.cluster.name,
            "name": job.name,
            "spec": job.versions.get().spec,
        }

    def test_what_was_read_can_be_sent_back_and_changes_nothing(self, client: APIClient, url: str) -> None:
        text = client.get(f"{url}yaml/").content.decode()
        answer = put(client, url, text)
        assert (answer.status_code, answer["ETag"]) == (200, '"1"')
        assert answer.content.decode() == text

    def test_a_document_replaces_the_whole_spec(self, client: APIClient, job: Job, url: str) -> None:
        text = "note: from a file\nspec:\n  command: sleep 60\n  files:\n    - {path: run.sh, mode: 0755}\n"
        answer = put(client, url, text, **{"If-Match": '"1"'})
        assert (answer.status_code, answer["ETag"]) == (200, '"2"')
        version = job.versions.get(number=2)
        assert version.note == "from a file"
        assert version.spec == make_spec(
            command="sleep 60",
            instances=1,
            ports=[],
            health_checks=[],
            files=[{"path": "run.sh", "mode": "0755"}],
        )

    def test_json_is_yaml(self, client: APIClient, job: Job, url: str) -> None:
        answer = client.put(f"{url}yaml/", {"spec": {"command": "sleep 60"}})
        assert answer.status_code == 200
        assert job.versions.get(number=2).spec["command"] == "sleep 60"

    @pytest.mark.parametrize("etag", ['"1"', "1", 'W/"1"'])
    def test_a_stale_version_is_refused(self, client: APIClient, job: Job, url: str, etag: str) -> None:
        make_version(job, spec={"cpus": 0.5})
        answer = put(client, url, "spec: {command: sleep 60}", **{"If-Match": etag})
        assert (answer.status_code, problem_type(answer)) == (409, "stale-version")
        assert answer.json()["version"] == 2
        assert job.versions.count() == 2

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("spec:\n  command: x y\n  cpus: many\n", [("spec.cpus", "invalid", 3)]),
            ("spec:\n  command: x y\n  colour: red\n", [("spec.colour", "unknown_field", 3)]),
            ("kind: Job\nspec: {command: x y}\n", [("kind", "unknown_field", 1)]),
            ("spec:\n  cpus: 1\n", [("spec.command", "required", 1)]),
            ("cluster: elsewhere\nspec: {command: x y}\n", [("cluster", "fixed", 1)]),
            ("spec:\n  command: x y\n  env:\n    P: {secret: nope}\n", [("spec.env.P", "unknown_secret", 4)]),
            (
                "spec:\n  command: x y\n  files:\n  - {path: a, content: '${secret:nope}'}\n",
                [("spec.files[0].content", "unknown_secret", 4)],
            ),
            ("spec:\n  command: [\n", [("", "malformed", 3)]),
            ("- a\n", [("", "invalid", 1)]),
            ("", [("", "invalid", 1)]),
        ],
    )
    def test_each_error_names_its_line(
        self, client: APIClient, job: Job, url: str, text: str, expected: list[tuple[str, str, int]]
    ) -> None:
        assert errors(put(client, url, text)) == expected
        assert job.versions.count() == 1

    def test_a_body_that_is_too_large_is_not_read(self, client: APIClient, url: str) -> None:
        answer = put(client, url, "a: " + "x" * 600_000)
        assert (answer.status_code, problem_type(answer)) == (413, "too-large")

    def test_no_utf_8_is_malformed(self, client: APIClient, url: str) -> None:
        answer = client.put(f"{url}yaml/", b"a: \xff", content_type="application/yaml")
        assert (answer.status_code, problem_type(answer)) == (400, "malformed")

    def test_a_viewer_reads_and_does_not_write(self, job: Job, url: str) -> None:
        viewer = api_client(make_member(job.product_line, role=Role.VIEWER))
        assert viewer.get(f"{url}yaml/").status_code == 200
        assert put(viewer, url, "spec: {command: sleep 60}").status_code == 403
        assert job.versions.count() == 1


class TestEngine:
    @pytest.fixture
    def engine(self, monkeypatch: pytest.MonkeyPatch) -> Mock:
        engine: Mock = create_autospec(Engine, instance=True)
        monkeypatch.setattr(definitions, "get_engine", lambda cluster, timeouts: engine)
        return engine

    @pytest.fixture
    def job(self) -> Job:
        spec = make_spec(
            env={"LEVEL": "info", "DB": {"secret": "db"}},
            files=[{"path": "a", "content": "x"}, {"path": "b", "content": "${secret:db}"}],
        )
        job = make_running_job(spec=spec, instances=1)
        Secret.objects.create(product_line=job.product_line, name="db", value="hunter2")
        return job

    def definition(self, **labels: str) -> Mapping[str, Any]:
        env = {"LEVEL": "info", "DB": "hunter2", "OCEAN_FILE_0": "eA==", "OCEAN_FILE_1": "aHVudGVyMg=="}
        return {
            "id": "/x",
            "cmd": "run --password hunter2",
            "env": env,
            "labels": {"OCEAN_VERSION": "1", **labels},
        }

    def test_the_scheduler_s_own_words_without_the_secrets(
        self, client: APIClient, url: str, engine: Mock
    ) -> None:
        engine.definition.return_value = self.definition()
        assert client.get(f"{url}engine/").json() == {
            "id": "/x",
            "cmd": f"run --password {MASKED}",
            "env": {"LEVEL": "info", "DB": MASKED, "OCEAN_FILE_0": "eA==", "OCEAN_FILE_1": MASKED},
            "labels": {"OCEAN_VERSION": "1"},
        }

    def test_of_a_definition_that_is_not_ocean_s_no_variable_is_shown(
        self, client: APIClient, url: str, engine: Mock
    ) -> None:
        engine.definition.return_value = self.definition(OCEAN_VERSION="77")
        assert set(client.get(f"{url}engine/").json()["env"].values()) == {MASKED}

    def test_a_job_that_the_scheduler_does_not_have(self, client: APIClient, url: str, engine: Mock) -> None:
        engine.definition.return_value = None
        assert client.get(f"{url}engine/").status_code == 404

    @pytest.mark.parametrize("error", [Unavailable, TimedOut])
    def test_a_scheduler_that_is_away(
        self, client: APIClient, url: str, engine: Mock, error: type[Exception]
    ) -> None:
        engine.definition.side_effect = error("gone: hunter2", remote="marathon", operation="GET /x")  # type: ignore[call-arg]
        answer = client.get(f"{url}engine/")
        assert (answer.status_code, problem_type(answer)) == (503, "unavailable")
        assert "hunter2" not in answer.content.decode()


def test_yaml_of_a_job_is_the_form_in_which_it_is_created(client: APIClient, job: Job, url: str) -> None:
    """The document is also the body of `POST jobs/`."""
    data = read_yaml(client.get(f"{url}yaml/").content.decode()).data
    answer = client.post("/api/v1/jobs/", {**data, "name": "another"})
    assert answer.status_code == 201
    assert read_yaml(write_yaml(answer.json()["spec"])).data == data["spec"]
