"""The job form as YAML and back: nothing is lost, and each error names its line."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from django.test import Client

from apps.accounts.models import ProductLine, Role
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Cluster
from apps.core.tests.factories import make_cluster
from apps.jobs import definitions
from apps.jobs.documents import read_document
from apps.jobs.models import Job
from apps.jobs.services import job_version_add, secret_set
from apps.jobs.spec import spec_validate
from apps.jobs.tests.factories import make_job, make_running_job, make_spec
from apps.jobs.tests.pages import add_row, browser, errors_at, form_data, text_of
from apps.jobs.tests.test_pages_form import FULL_SPEC
from clients.errors import Unavailable
from engines.base import Engine

pytestmark = pytest.mark.django_db
FORM, YAML = "job-form", "yaml-form"


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def cluster() -> Cluster:
    return make_cluster(name="staging")


@pytest.fixture
def dev(line: ProductLine) -> Client:
    person = make_member(line)
    secret_set(product_line=line, name="db-password", value="hunter22", by=person)
    return browser(person)


@pytest.fixture
def job(line: ProductLine, cluster: Cluster) -> Job:
    return make_job(product_line=line, cluster=cluster, spec=spec_validate(FULL_SPEC), name="web")


def located(page: Any) -> list[str]:
    """The errors that the page shows, as `line path: words`."""
    found = re.search(r'<ul class="mb-0">(.*?)</ul>', page.content.decode(), re.DOTALL)
    assert found is not None
    rows = re.findall(r"<li>(.*?)</li>", found[1])
    return [unescape(re.sub(r"<[^>]+>", "", row)) for row in rows]


def switch(client: Client, path: str, page: Any, form: str, name: str) -> Any:
    return client.post(path, {**form_data(page, form), name: "1"})


def test_a_whole_spec_goes_to_yaml_and_back_and_nothing_is_lost(dev: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/edit/"
    as_form = dev.get(path)
    typed = {**form_data(as_form, FORM), "note": "why", "cpus": "many"}
    as_yaml = dev.post(path, {**typed, "to_yaml": "1"})
    assert as_yaml.status_code == 200
    document = read_document(form_data(as_yaml, YAML)["yaml"])
    assert document.spec["cpus"] == "many"
    assert spec_validate({**document.spec, "cpus": 0.25}) == spec_validate(FULL_SPEC)
    again = switch(dev, path, as_yaml, YAML, "to_form")
    assert again.status_code == 200
    back = form_data(again, FORM)
    assert back | {"csrfmiddlewaretoken": ""} == typed | {"csrfmiddlewaretoken": ""}
    assert job.versions.count() == 1


def test_yaml_is_saved_as_the_next_version(dev: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/edit/"
    page = dev.post(path, {**form_data(dev.get(path), FORM), "to_yaml": "1"})
    data = form_data(page, YAML)
    data["yaml"] = data["yaml"].replace("cpus: 0.25", "cpus: 0.5").replace("\n", "\r\n") + "note: more\r\n"
    answer = dev.post(path, {**data, "publish": "1"})
    assert (answer.status_code, answer["Location"]) == (302, f"/jobs/{job.tag}/publish/?version=2")
    version = job.versions.get(number=2)
    assert version.spec == {**spec_validate(FULL_SPEC), "cpus": 0.5}
    assert version.note == "more"


def test_a_new_job_is_made_from_yaml(dev: Client, line: ProductLine, cluster: Cluster) -> None:
    page = dev.get("/jobs/new/")
    data = {
        **form_data(page, FORM),
        "service": "web",
        "cluster": "staging",
        "name": "web",
        "command": "sleep 60",
    }
    as_yaml = dev.post("/jobs/new/", {**data, "product_line": line.tag, "to_yaml": "1"})
    text = form_data(as_yaml, YAML)["yaml"]
    assert text.startswith(
        f"product_line: {line.tag}\nservice: web\ncluster: staging\nname: web\nspec:\n  command: sleep 60\n"
    )
    answer = dev.post("/jobs/new/", {"yaml": text, "save": "1"})
    assert answer.status_code == 302
    assert Job.objects.get().versions.get().spec["command"] == "sleep 60"


def test_a_new_job_s_yaml_becomes_the_form(dev: Client, line: ProductLine, cluster: Cluster) -> None:
    place = f"product_line: {line.tag}\nservice: web\ncluster: staging\nname: ''\n"
    text = f"{place}spec: {{cpus: x, ports: [{{name: a}}]}}\nnote: hm"
    page = dev.post("/jobs/new/", {"yaml": text, "to_form": "1"})
    data = form_data(page, FORM)
    shown = {
        name: data[name]
        for name in ("product_line", "service", "cluster", "name", "cpus", "ports-0-name", "note")
    }
    assert shown == {
        "product_line": line.tag, "service": "web", "cluster": "staging", "name": "", "cpus": "x",
        "ports-0-name": "a", "note": "hm",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spec:\n  command: x y\n  cpus: many\n  colour: red\n", ["Line 4: spec.colour"]),
        (
            "spec:\n  command: x y\n  cpus: 0\n  memory_mib: 1\n",
            ["Line 3: spec.cpus", "Line 4: spec.memory_mib"],
        ),
        ("name: other\nspec: {command: x y}\n", ["Line 1: name"]),
        ("spec:\n  command: x y\n  env: {P: {secret: gone}}\n", ["Line 3: spec.env.P"]),
        ("spec: [", ["Line 1: This is not YAML"]),
        ("", ["Line 1: Write the job's fields"]),
    ],
)
def test_errors_name_line_and_path_and_the_text_is_kept(
    dev: Client, job: Job, text: str, expected: list[str]
) -> None:
    answer = dev.post(f"/jobs/{job.tag}/edit/", {"yaml": text, "edited_version": "1", "save": "1"})
    assert answer.status_code == 422
    assert len(located(answer)) == len(expected)
    assert all(shown.startswith(wanted) for shown, wanted in zip(located(answer), expected, strict=True))
    assert form_data(answer, YAML)["yaml"] == text
    assert job.versions.count() == 1


@pytest.mark.parametrize(
    "spec", ["{colour: red}", "{ports: http}", "{cpus: [1]}", "{env: {A: {b: c}}}", "[]", "7"]
)
def test_what_the_form_has_no_place_for_stays_yaml(dev: Client, job: Job, spec: str) -> None:
    text = f"spec: {spec}\n"
    answer = dev.post(f"/jobs/{job.tag}/edit/", {"yaml": text, "edited_version": "1", "to_form": "1"})
    assert answer.status_code == 422
    assert form_data(answer, YAML)["yaml"] == text
    assert located(answer)[0].startswith("Line 1: spec")


def test_a_new_job_s_place_is_checked_like_the_form_s(dev: Client, line: ProductLine) -> None:
    text = "product_line: pdl.none\nservice: web\ncluster: nowhere\nname: A B\nspec: {command: x y}\n"
    answer = dev.post("/jobs/new/", {"yaml": text, "save": "1"})
    assert answer.status_code == 422
    assert [row.split(": ")[1] for row in located(answer)] == ["product_line", "cluster", "name"]
    assert not Job.objects.exists()


def test_what_a_document_cannot_say_stays_in_the_form(dev: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/edit/"
    twice = add_row(form_data(dev.get(path), FORM), "env", name="LEVEL", kind="text", value="x")
    answer = dev.post(path, {**twice, "to_yaml": "1"})
    assert answer.status_code == 422
    assert "LEVEL" in " ".join(errors_at(answer).values())


def test_somebody_saved_meanwhile(dev: Client, job: Job, line: ProductLine) -> None:
    path = f"/jobs/{job.tag}/edit/"
    page = dev.post(path, {**form_data(dev.get(path), FORM), "to_yaml": "1"})
    job_version_add(job=job, patch={"memory_mib": 200}, by=make_member(line))
    data = form_data(page, YAML)
    answer = dev.post(path, {**data, "yaml": data["yaml"].replace("cpus: 0.25", "cpus: 0.5"), "save": "1"})
    assert answer.status_code == 409
    shown = form_data(answer, FORM)
    assert (shown["cpus"], shown["memory_mib"], shown["edited_version"]) == ("0.5", "200", "2")
    assert job.versions.count() == 2


def test_a_viewer_does_not_edit(job: Job, line: ProductLine) -> None:
    viewer = browser(make_member(line, role=Role.VIEWER))
    answer = viewer.post(f"/jobs/{job.tag}/edit/", {"yaml": "spec: {command: x y}", "edited_version": "1"})
    assert answer.status_code == 403
    assert browser(make_member()).post(f"/jobs/{job.tag}/edit/", {"yaml": ""}).status_code == 404


class TestWhatTheSchedulerHas:
    @pytest.fixture
    def engine(self, monkeypatch: pytest.MonkeyPatch) -> Mock:
        engine: Mock = create_autospec(Engine, instance=True)
        monkeypatch.setattr(definitions, "get_engine", lambda cluster, timeouts: engine)
        return engine

    def test_it_is_asked_for_by_the_part_of_the_page_alone(
        self, dev: Client, line: ProductLine, engine: Mock
    ) -> None:
        job = make_running_job(product_line=line, spec=make_spec(env={"P": {"secret": "db-password"}}))
        engine.definition.return_value = {
            "id": "/x",
            "env": {"P": "hunter22"},
            "labels": {"OCEAN_VERSION": "1"},
        }
        assert (
            f'hx-get="/jobs/{job.tag}/engine/"' in dev.get(f"/jobs/{job.tag}/configuration/").content.decode()
        )
        assert not engine.definition.called
        shown = text_of(dev.get(f"/jobs/{job.tag}/engine/"))
        assert '"P": "••••••"' in shown
        assert "hunter22" not in shown

    def test_in_words_where_it_cannot_be_asked(self, dev: Client, job: Job, engine: Mock) -> None:
        engine.definition.side_effect = Unavailable("no leader", remote="marathon", operation="GET /x")
        assert "could not be asked now: no leader" in text_of(dev.get(f"/jobs/{job.tag}/engine/"))
        engine.definition.side_effect = None
        engine.definition.return_value = None
        assert "does not have this job" in text_of(dev.get(f"/jobs/{job.tag}/engine/"))

    def test_others_do_not_know_of_it(self, job: Job) -> None:
        assert browser(make_member()).get(f"/jobs/{job.tag}/engine/").status_code == 404
