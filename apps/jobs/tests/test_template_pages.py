"""The pages of templates: making jobs of them, keeping them, and bringing jobs to a newer version."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from apps.accounts.models import ProductLine, Role
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import Cluster
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job, JobOrigin, JobTemplate
from apps.jobs.services import job_version_add
from apps.jobs.tests.factories import make_job, make_job_from, make_spec, make_template, make_template_version
from apps.jobs.tests.pages import browser, errors_at, form_data, text_of

pytestmark = pytest.mark.django_db
FORM, YAML = "job-form", "yaml-form"
SPEC = {"command": "serve --level {{ level }}", "instances": "{{ instances }}"}
PARAMETERS = [
    {"name": "level", "required": True, "label_en": "Log level", "label_zh": "日志级别"},
    {"name": "instances", "type": "integer", "default": 2, "max": 10},
]


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture(autouse=True)
def cluster() -> Cluster:
    return make_cluster(name="staging")


@pytest.fixture
def dev(line: ProductLine) -> Client:
    return browser(make_member(line))


@pytest.fixture
def template(line: ProductLine) -> JobTemplate:
    return make_template(name="web", title="Web", product_line=line, spec=SPEC, parameters=PARAMETERS)


class TestNewJob:
    def test_what_has_no_default_is_asked_for_first(self, dev: Client, template: JobTemplate) -> None:
        page = dev.get("/jobs/new/?template=web")
        assert page.status_code == 200
        assert 'id="job-form"' not in page.content.decode()
        assert "Log level" in text_of(page)
        assert form_data(page, "parameter-form") == {
            "template": "web", "filled": "1", "p-level": "", "p-instances": "2",
        }  # fmt: skip

    def test_a_bad_value_is_said_at_its_field_and_kept(self, dev: Client, template: JobTemplate) -> None:
        page = dev.get("/jobs/new/?template=web&filled=1&p-level=&p-instances=99")
        assert page.status_code == 422
        assert set(errors_at(page)) == {"p-level", "p-instances"}
        assert form_data(page, "parameter-form")["p-instances"] == "99"

    def test_the_job_remembers_where_it_is_from(
        self, dev: Client, template: JobTemplate, line: ProductLine
    ) -> None:
        path = "/jobs/new/?template=web&filled=1&p-level=info&p-instances=3"
        data = form_data(dev.get(path), FORM)
        assert (data["command"], data["instances"], data["template_version"]) == (
            "serve --level info",
            "3",
            "1",
        )
        make_template_version(template, spec={"cpus": 0.5})
        place = {"product_line": line.tag, "service": "web", "cluster": "staging", "name": "web"}
        assert dev.post(path, {**data, **place, "memory_mib": "99"}).status_code == 302
        origin = JobOrigin.objects.get()
        assert (origin.version.number, origin.parameters) == (1, {"level": "info", "instances": 3})
        assert "Made by the template web, version 1." in text_of(
            dev.get(f"/jobs/{origin.job.tag}/configuration/")
        )

    def test_by_yaml_too(self, dev: Client, template: JobTemplate, line: ProductLine) -> None:
        path = "/jobs/new/?template=web&filled=1&p-level=info"
        place = {"product_line": line.tag, "service": "web", "cluster": "staging", "name": "web"}
        as_yaml = dev.post(path, {**form_data(dev.get(path), FORM), **place, "to_yaml": "1"})
        assert dev.post(path, {**form_data(as_yaml, YAML), "save": "1"}).status_code == 302
        assert JobOrigin.objects.get().parameters == {"level": "info", "instances": 2}

    def test_the_template_of_others_is_unknown(self, dev: Client) -> None:
        make_template(name="theirs", product_line=make_product_line())
        assert dev.get("/jobs/new/?template=theirs").status_code == 404


class TestKeeping:
    def new(self, line: ProductLine, text: str) -> dict[str, str]:
        return {
            "name": "web",
            "title": "Web",
            "title_zh": "",
            "product_line": line.tag,
            "note": "",
            "yaml": text,
        }

    def test_a_new_one_from_its_document(self, dev: Client, line: ProductLine) -> None:
        shown = form_data(dev.get("/templates/new/"), YAML)
        answer = dev.post("/templates/new/", {**shown, **self.new(line, shown["yaml"])})
        assert (answer.status_code, answer["Location"]) == (302, "/templates/web/")
        page = text_of(dev.get("/templates/web/"))
        assert "instances integer 2 1 … 100" in page
        assert "level choice info debug, info" in page

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("spec:\n  command: x {{ nope }}\n", "Line 2 : spec.command"),
            ("spec: {command: x y}\nparameters:\n- name: a\n", "Line 3 : parameters[0].default"),
            ("spec: {command: x y}\nkind: x\n", "Line 2 : kind"),
            ("spec: [", "Line 1 : This is not YAML"),
        ],
    )
    def test_errors_name_their_lines_and_the_text_is_kept(
        self, dev: Client, line: ProductLine, text: str, said: str
    ) -> None:
        answer = dev.post("/templates/new/", self.new(line, text))
        assert answer.status_code == 422
        assert said in text_of(answer)
        assert form_data(answer, YAML)["yaml"] == text
        assert not JobTemplate.objects.exists()

    def test_the_next_version(self, dev: Client, template: JobTemplate) -> None:
        data = form_data(dev.get("/templates/web/edit/"), YAML)
        data["yaml"] += "  cpus: 0.5\n"
        assert dev.post("/templates/web/edit/", {**data, "note": "more"}).status_code == 302
        assert template.versions.get(number=2).spec == {**SPEC, "cpus": 0.5}
        assert "cpus added 0.5" in text_of(dev.get("/templates/web/diff/?from=1&to=2"))
        assert "This is version 1; the latest is 2." in text_of(dev.get("/templates/web/?v=1"))

    def test_somebody_saved_meanwhile(self, dev: Client, template: JobTemplate) -> None:
        data = form_data(dev.get("/templates/web/edit/"), YAML)
        make_template_version(template, spec={"cpus": 0.5})
        answer = dev.post("/templates/web/edit/", data)
        assert answer.status_code == 409
        shown = form_data(answer, YAML)
        assert (shown["yaml"], shown["edited_version"]) == (data["yaml"], "2")
        assert template.versions.count() == 2

    def test_rights(self, template: JobTemplate, line: ProductLine) -> None:
        viewer, stranger = browser(make_member(line, role=Role.VIEWER)), browser(make_member())
        assert viewer.get("/templates/web/").status_code == 200
        assert "/templates/web/edit/" not in viewer.get("/templates/web/").content.decode()
        assert viewer.get("/templates/web/edit/").status_code == 403
        assert viewer.post("/templates/web/delete/").status_code == 403
        for path in ("", "edit/", "update/", "diff/?from=1&to=1"):
            assert stranger.get(f"/templates/web/{path}").status_code == 404
        assert stranger.post("/templates/web/delete/").status_code == 404
        assert browser(make_sre()).post("/templates/web/delete/").status_code == 302
        assert not JobTemplate.objects.exists()

    def test_a_job_is_saved_as_one(self, dev: Client, line: ProductLine) -> None:
        job = make_job(product_line=line, spec=make_spec(env={"LEVEL": "info"}))
        path = f"/jobs/{job.tag}/save-as-template/"
        page = dev.get(path)
        found = re.search(
            r'name="field-(\d+)"> <code class="form-check-label">env\.LEVEL<', page.content.decode()
        )
        assert found is not None
        data = {**form_data(page, "save-as-form"), "name": "web", "title": "Web", f"field-{found[1]}": "on"}
        assert data[f"name-{found[1]}"] == "level"
        answer = dev.post(path, data)
        assert (answer.status_code, answer["Location"]) == (302, "/templates/web/")
        version = JobTemplate.objects.get().versions.get()
        assert (version.spec["env"], version.parameters[0]["default"]) == ({"LEVEL": "{{ level }}"}, "info")
        assert JobOrigin.objects.get().job == job


class TestUpdate:
    @pytest.fixture
    def jobs(self, template: JobTemplate, line: ProductLine) -> list[Job]:
        names = ("one", "two")
        return [make_job_from(template, {"level": "info"}, product_line=line, name=name) for name in names]

    def test_the_preview_and_what_comes_of_it(
        self, dev: Client, template: JobTemplate, jobs: list[Job]
    ) -> None:
        job_version_add(job=jobs[1], patch={"cpus": 0.9}, by=make_member(jobs[1].product_line))
        make_template_version(template, spec={"cpus": 0.5})
        page = dev.get("/templates/web/update/")
        shown = text_of(page)
        assert "cpus changed 0.1 0.5" in shown
        assert "was 0.1, and both changed it" in shown
        ticked = re.findall(r'name="job" value="([^"]+)" checked', page.content.decode())
        assert ticked == [jobs[0].tag]
        data: dict[str, Any] = {
            "job": [job.tag for job in jobs],
            **{f"version:{job.tag}": str(job.latest_version) for job in jobs},
            f"take:{jobs[1].tag}:cpus": "template",
        }
        data[f"version:{jobs[1].tag}"] = "2"
        answer = dev.post("/templates/web/update/", data)
        done = text_of(answer)
        [address] = re.findall(r'href="(/releases/new/[^"]+)"', answer.content.decode())
        assert dev.get(unescape(address)).status_code == 200
        assert all(quote(job.tag) in address for job in jobs)
        assert "New versions of 2 jobs were saved. Nothing is published yet." in done
        assert [job.versions.latest("number").spec["cpus"] for job in jobs] == [0.5, 0.5]
        assert "No job of yours is on an older version." in text_of(dev.get("/templates/web/update/"))

    def test_where_it_is_used(
        self, dev: Client, template: JobTemplate, jobs: list[Job], django_assert_max_num_queries: Any
    ) -> None:
        job_version_add(job=jobs[0], patch={"cpus": 0.9}, by=make_member(jobs[0].product_line))
        shown = text_of(dev.get("/templates/web/"))
        assert re.search(r"one_\S+ 1 changed since draft", shown)
        assert re.search(r"two_\S+ 1 – draft", shown)
        for number in range(12):
            make_job_from(template, {"level": "info"}, product_line=jobs[0].product_line, name=f"x-{number}")
        with django_assert_max_num_queries(10):
            dev.get("/templates/web/")
