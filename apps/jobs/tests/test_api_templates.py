"""Templates over the API: keeping them, making jobs of them, and bringing jobs to a newer version."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import Membership, ProductLine, Role
from apps.accounts.tests.factories import make_member, make_product_line, make_sre, make_user
from apps.core.models import Cluster, Operation
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job, JobOrigin, JobTemplate, JobTemplateVersion
from apps.jobs.services import job_version_add
from apps.jobs.tests.factories import (
    make_job,
    make_job_from,
    make_running_job,
    make_spec,
    make_template,
    make_template_version,
)

pytestmark = pytest.mark.django_db
TEMPLATES = "/api/v1/templates/"
JOBS = "/api/v1/jobs/"

SPEC = {"command": "serve --level {{ level }}", "instances": "{{ instances }}", "cpus": 0.2}
PARAMETERS = [
    {"name": "level", "required": True, "label_en": "Level", "label_zh": "级别"},
    {"name": "instances", "type": "integer", "default": 2, "max": 10},
]


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def cluster() -> Cluster:
    return make_cluster(name="staging")


@pytest.fixture
def dev(line: ProductLine) -> APIClient:
    return api_client(make_member(line, username="dev"))


def new(**fields: Any) -> dict[str, Any]:
    return {"name": "web", "title": "Web", "spec": SPEC, "parameters": PARAMETERS, **fields}


class TestKeeping:
    def test_a_product_line_s_own(self, dev: APIClient, line: ProductLine) -> None:
        answer = dev.post(TEMPLATES, new(product_line=line.tag, title_zh="网站"))
        assert answer.status_code == 201
        assert answer["Location"] == "http://testserver/api/v1/templates/web/"
        body = dev.get(f"{TEMPLATES}web/").json()
        assert body == answer.json()
        assert (body["product_line"], body["version"], body["jobs"], body["spec"]) == (line.tag, 1, 0, SPEC)
        assert [row["name"] for row in body["parameters"]] == ["level", "instances"]

    def test_others_do_not_know_of_it(self, line: ProductLine) -> None:
        make_template(name="web", product_line=line)
        stranger = api_client(make_member())
        assert stranger.get(TEMPLATES).json()["count"] == 0
        for path in ("", "versions/", "versions/1/", "jobs/"):
            assert stranger.get(f"{TEMPLATES}web/{path}").status_code == 404
        for path in ("update/", "update/plan/"):
            assert stranger.post(f"{TEMPLATES}web/{path}", {}).status_code == 404
        assert stranger.patch(f"{TEMPLATES}web/", {"title": "x"}).status_code == 404
        assert stranger.delete(f"{TEMPLATES}web/").status_code == 404
        answer = stranger.post(TEMPLATES, new(name="mine", product_line=line.tag))
        assert field_codes(answer) == {"product_line": "unknown"}

    def test_a_viewer_sees_and_does_not_keep(self, line: ProductLine) -> None:
        make_template(name="web", product_line=line)
        viewer = api_client(make_member(line, role=Role.VIEWER))
        assert viewer.get(f"{TEMPLATES}web/").status_code == 200
        assert viewer.post(TEMPLATES, new(name="b", product_line=line.tag)).status_code == 403
        assert viewer.patch(f"{TEMPLATES}web/", {"title": "x"}).status_code == 403
        assert viewer.delete(f"{TEMPLATES}web/").status_code == 403
        assert JobTemplate.objects.get().title == "web"

    def test_everybody_s_are_kept_by_sres(self, dev: APIClient) -> None:
        assert (answer := dev.post(TEMPLATES, new())).status_code == 403
        assert problem_type(answer) == "forbidden"
        sre = api_client(make_sre())
        assert sre.post(TEMPLATES, new()).status_code == 201
        assert dev.get(f"{TEMPLATES}web/").status_code == 200
        assert dev.patch(f"{TEMPLATES}web/", {"title": "x"}).status_code == 403
        assert sre.patch(f"{TEMPLATES}web/", {"title": "x"}).json()["title"] == "x"

    @pytest.mark.parametrize(
        ("fields", "codes"),
        [
            ({"name": "A b"}, {"name": "invalid_name"}),
            ({"name": "new"}, {"name": "reserved"}),
            ({"title": " "}, {"title": "blank"}),
            ({"spec": {"command": "x {{ nope }}"}}, {"spec.command": "unknown_parameter"}),
            ({"spec": {"command": "x y", "colour": 1}}, {"spec.colour": "unknown_field"}),
            ({"spec": {"command": "x y", "cpus": -1}}, {"spec.cpus": "min_value"}),
            ({"spec": {"command": "x y", "memory_mib": "{{ instances }}"}}, {"spec.memory_mib": "min_value"}),
            ({"parameters": [{"name": "a"}]}, {"parameters[0].default": "required"}),
            ({"from_job": "job.x"}, {"spec": "required"}),
        ],
    )
    def test_each_bad_field_is_named(
        self, dev: APIClient, line: ProductLine, fields: dict[str, Any], codes: dict[str, str]
    ) -> None:
        assert field_codes(dev.post(TEMPLATES, new(product_line=line.tag, **fields))) == codes
        assert not JobTemplate.objects.exists()

    def test_what_its_user_has_to_say_may_be_missing(self, dev: APIClient, line: ProductLine) -> None:
        spec = {"cpus": "{{ cpus }}", "image": "{{ image }}", "memory_mib": 64}
        parameters = [
            {"name": "cpus", "type": "number", "required": True},
            {"name": "image", "required": True},
        ]
        answer = dev.post(TEMPLATES, new(product_line=line.tag, spec=spec, parameters=parameters))
        assert answer.status_code == 201

    def test_a_name_is_there_once(self, dev: APIClient, line: ProductLine) -> None:
        make_template(name="web")
        assert field_codes(dev.post(TEMPLATES, new(product_line=line.tag))) == {"name": "unique"}

    def test_every_change_of_the_spec_is_a_version(self, dev: APIClient, line: ProductLine) -> None:
        dev.post(TEMPLATES, new(product_line=line.tag))
        url = f"{TEMPLATES}web/"
        body = {"spec": {**SPEC, "cpus": 0.5}, "version": 1, "note": "more"}
        assert dev.patch(url, body).json()["version"] == 2
        assert dev.patch(url, {"title": "Web 2"}).json()["version"] == 2
        stale = dev.patch(url, {"spec": SPEC, "version": 1})
        assert (stale.status_code, problem_type(stale), stale.json()["version"]) == (409, "stale-version", 2)
        rows = dev.get(f"{url}versions/").json()["results"]
        assert [(row["version"], row["note"], row["author"]) for row in rows] == [
            (2, "more", "dev"),
            (1, "", "dev"),
        ]
        assert dev.get(f"{url}versions/1/diff/2/").json()["changes"] == [
            {"field": "cpus", "change": "changed", "old": 0.2, "new": 0.5}
        ]
        assert dev.get(f"{url}versions/1/diff/9/").status_code == 404

    def test_a_version_never_changes(self) -> None:
        version = make_template().versions.get()
        version.note = "other"
        with pytest.raises(TypeError):
            version.save()

    def test_it_is_forgotten_when_no_job_follows_it(self, dev: APIClient, line: ProductLine) -> None:
        template = make_template(name="web", product_line=line)
        job = make_job_from(template)
        assert field_codes(dev.delete(f"{TEMPLATES}web/")) == {"": "in_use"}
        JobOrigin.objects.filter(job=job).delete()
        assert dev.delete(f"{TEMPLATES}web/").status_code == 204
        assert not JobTemplate.objects.exists()


class TestMaking:
    def body(self, line: ProductLine, **fields: Any) -> dict[str, Any]:
        place = {"product_line": line.tag, "service": "web", "cluster": "staging", "name": "web"}
        return {**place, "template": "web", **fields}

    def test_a_job_of_a_template_and_its_parameters(
        self, dev: APIClient, line: ProductLine, cluster: Cluster
    ) -> None:
        make_template(name="web", spec=SPEC, parameters=PARAMETERS)
        answer = dev.post(
            JOBS, self.body(line, parameters={"level": "info", "instances": 4}, spec={"cpus": 0.7})
        )
        assert answer.status_code == 201
        body = answer.json()
        assert (body["spec"]["command"], body["spec"]["instances"], body["spec"]["cpus"]) == (
            "serve --level info", 4, 0.7,
        )  # fmt: skip
        assert body["template"] == {
            "name": "web", "version": 1, "latest": 1, "parameters": {"level": "info", "instances": 4},
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("fields", "codes"),
        [
            ({}, {"parameters.level": "required"}),
            ({"parameters": {"level": "x", "instances": 11}}, {"parameters.instances": "max_value"}),
            ({"parameters": {"level": "x", "colour": 1}}, {"parameters.colour": "unknown_field"}),
            ({"template": "none"}, {"template": "unknown"}),
        ],
    )
    def test_bad_parameters_are_named(
        self,
        dev: APIClient,
        line: ProductLine,
        cluster: Cluster,
        fields: dict[str, Any],
        codes: dict[str, str],
    ) -> None:
        make_template(name="web", spec=SPEC, parameters=PARAMETERS)
        assert field_codes(dev.post(JOBS, self.body(line, **fields))) == codes
        assert not Job.objects.exists()

    def test_a_save_that_names_it_brings_the_job_to_its_newest_version(
        self, dev: APIClient, line: ProductLine
    ) -> None:
        template = make_template(name="web", product_line=line, spec=SPEC, parameters=PARAMETERS)
        job = make_job_from(template, {"level": "info"}, product_line=line)
        make_template_version(template, spec={"cpus": 0.5})
        url = f"{JOBS}{job.tag}/"
        body = {"template": "web", "parameters": {"level": "debug"}, "spec": {"memory_mib": 96}, "version": 1}
        row = dev.patch(url, body).json()
        assert (row["version"], row["template"]["version"]) == (2, 2)
        assert row["template"]["parameters"] == {"level": "debug", "instances": 2}
        spec = row["spec"]
        assert (spec["command"], spec["cpus"], spec["memory_mib"]) == ("serve --level debug", 0.5, 96)
        assert field_codes(dev.patch(url, {**body, "template": "none"})) == {"template": "unknown"}
        bad = {**body, "parameters": {"level": 1, "x": 2}, "version": 2}
        assert set(field_codes(dev.patch(url, bad))) >= {"parameters.x"}
        assert dev.get(url).json()["version"] == 2

    def test_a_job_of_another_line_s_template_does_not_follow_it(
        self, line: ProductLine, cluster: Cluster
    ) -> None:
        other = make_product_line()
        user = make_member(line)
        Membership.objects.create(user=user, product_line=other, role=Role.DEVELOPER)
        make_template(name="web", product_line=other, spec=SPEC, parameters=PARAMETERS)
        body = self.body(line, template="web", parameters={"level": "info"})
        answer = api_client(user).post(JOBS, body)
        assert (answer.status_code, answer.json()["template"]) == (201, None)

    def test_the_template_of_others_is_unknown(
        self, dev: APIClient, line: ProductLine, cluster: Cluster
    ) -> None:
        make_template(name="web", product_line=make_product_line())
        assert field_codes(dev.post(JOBS, self.body(line))) == {"template": "unknown"}

    def test_parameters_are_for_a_template(self, dev: APIClient, line: ProductLine, cluster: Cluster) -> None:
        body = self.body(line, spec={"command": "x y"}, parameters={})
        del body["template"]
        assert field_codes(dev.post(JOBS, body)) == {"parameters": "invalid"}


class TestOfAJob:
    @pytest.fixture
    def job(self, line: ProductLine) -> Job:
        env = {"LEVEL": "info", "A.B": "x", "TEXT": "{{ literal }}", "P": {"secret": "db"}}
        return make_job(
            product_line=line, spec=make_spec(env={k.replace(".", "_"): v for k, v in env.items()})
        )

    def test_the_job_s_values_become_the_spec_and_some_of_them_parameters(
        self, dev: APIClient, job: Job, line: ProductLine
    ) -> None:
        turned = [
            {"field": "env.LEVEL", "name": "level"},
            {"field": "memory_mib", "name": "memory", "min": 32},
            {"field": "ports[0].name", "name": "port", "default": "web"},
            {"field": "health_checks[0].path", "name": "path", "required": True},
        ]
        body = {
            "name": "web",
            "title": "Web",
            "product_line": line.tag,
            "from_job": job.tag,
            "parameters": turned,
        }
        made = dev.post(TEMPLATES, body)
        assert made.status_code == 201, made.content
        spec, parameters = made.json()["spec"], made.json()["parameters"]
        assert spec["env"] == {
            "LEVEL": "{{ level }}", "A_B": "x", "TEXT": "{{ '{{' }} literal }}", "P": {"secret": "db"},
        }  # fmt: skip
        assert (spec["memory_mib"], spec["ports"][0]["name"]) == ("{{ memory }}", "{{ port }}")
        assert [(row["name"], row["type"], row.get("default")) for row in parameters] == [
            ("level", "text", "info"), ("memory", "integer", 128), ("port", "text", "web"), ("path", "text", None),
        ]  # fmt: skip
        shown = dev.get(f"{JOBS}{job.tag}/").json()["template"]
        assert shown["parameters"] == {"level": "info", "memory": 128, "port": "http", "path": "/"}
        [use] = dev.get(f"{TEMPLATES}web/jobs/").json()["results"]
        assert (use["job"], use["version"], use["behind"], use["changed"]) == (job.tag, 1, False, False)

    @pytest.mark.parametrize(
        ("turned", "codes"),
        [
            ([{"field": "env.NONE", "name": "a"}], {"parameters[0].field": "unknown_field"}),
            ([{"field": "ports[7].name", "name": "a"}], {"parameters[0].field": "unknown_field"}),
            ([{"field": "ports", "name": "a"}], {"parameters[0].field": "invalid"}),
            ([{"field": "env.P", "name": "a"}], {"parameters[0].field": "invalid"}),
            ([{"name": "a"}], {"parameters[0].field": "required"}),
            ([{"field": "cpus", "name": "A"}], {"parameters[0].name": "invalid_name"}),
        ],
    )
    def test_what_cannot_be_one_is_named(
        self, dev: APIClient, job: Job, line: ProductLine, turned: list[Any], codes: dict[str, str]
    ) -> None:
        body = {
            "name": "web",
            "title": "Web",
            "product_line": line.tag,
            "from_job": job.tag,
            "parameters": turned,
        }
        assert field_codes(dev.post(TEMPLATES, body)) == codes

    def test_a_job_that_one_only_sees_is_a_pattern_and_follows_nothing(
        self, line: ProductLine, job: Job
    ) -> None:
        user = make_member(line, role=Role.VIEWER)
        mine = make_product_line()
        Membership.objects.create(user=user, product_line=mine, role=Role.DEVELOPER)
        body = {"name": "mine", "title": "Mine", "product_line": mine.tag, "from_job": job.tag}
        assert api_client(user).post(TEMPLATES, body).status_code == 201
        assert not JobOrigin.objects.exists()

    def test_a_job_follows_no_template_that_its_line_does_not_know_of(
        self, line: ProductLine, job: Job
    ) -> None:
        mine = make_product_line()
        user = make_member(mine)
        Membership.objects.create(user=user, product_line=line, role=Role.DEVELOPER)
        body = {"name": "mine", "title": "Mine", "product_line": mine.tag, "from_job": job.tag}
        assert api_client(user).post(TEMPLATES, body).status_code == 201
        assert not JobOrigin.objects.exists()

    def test_the_job_of_others_is_unknown(self, dev: APIClient, line: ProductLine) -> None:
        body = {"name": "web", "title": "Web", "product_line": line.tag, "from_job": make_job().tag}
        assert field_codes(dev.post(TEMPLATES, body)) == {"from_job": "unknown_job"}


class TestUpdate:
    @pytest.fixture
    def template(self, line: ProductLine) -> JobTemplate:
        return make_template(name="web", product_line=line, spec=SPEC, parameters=PARAMETERS)

    @pytest.fixture
    def job(self, template: JobTemplate, line: ProductLine) -> Job:
        return make_job_from(template, {"level": "info"}, product_line=line, name="web")

    def plan(self, client: APIClient, **body: Any) -> list[dict[str, Any]]:
        answer = client.post(f"{TEMPLATES}web/update/plan/", body)
        assert answer.status_code == 200, answer.content
        jobs: list[dict[str, Any]] = answer.json()["jobs"]
        return jobs

    def apply(self, client: APIClient, *jobs: dict[str, Any], **body: Any) -> dict[str, Any]:
        answer = client.post(f"{TEMPLATES}web/update/", {"jobs": list(jobs), **body})
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def test_the_plan_names_each_change_and_writes_nothing(
        self, dev: APIClient, template: JobTemplate, job: Job
    ) -> None:
        make_template_version(template, spec={"cpus": 0.5, "command": "serve -v --level {{ level }}"})
        [part] = self.plan(dev)
        assert part == {
            "job": job.tag,
            "outcome": "changes",
            "from_version": 1,
            "version": 1,
            "parameters": {"level": "info", "instances": 2},
            "changes": [
                {
                    "field": "command",
                    "change": "changed",
                    "old": "serve --level info",
                    "new": "serve -v --level info",
                },
                {"field": "cpus", "change": "changed", "old": 0.2, "new": 0.5},
            ],
            "conflicts": [],
            "errors": [],
        }
        assert job.versions.count() == 1

    def test_the_chosen_jobs_get_new_versions_and_nothing_is_published(
        self, dev: APIClient, template: JobTemplate, job: Job
    ) -> None:
        other = make_job_from(template, {"level": "debug"}, product_line=job.product_line, name="other")
        make_template_version(template, spec={"cpus": 0.5})
        done = self.apply(dev, {"job": job.tag, "version": 1})
        assert (done["publish"], [part["outcome"] for part in done["jobs"]]) == ([job.tag], ["saved"])
        version = job.versions.get(number=2)
        assert (version.spec["cpus"], version.note) == (0.5, "template web, version 2")
        assert other.versions.count() == 1
        assert not Operation.objects.exists()
        uses = {row["job"]: row for row in dev.get(f"{TEMPLATES}web/jobs/").json()["results"]}
        assert (uses[job.tag]["version"], uses[job.tag]["behind"], uses[job.tag]["changed"]) == (
            2,
            False,
            False,
        )
        assert (uses[other.tag]["version"], uses[other.tag]["behind"]) == (1, True)
        assert self.plan(dev)[0]["job"] == other.tag

    def test_what_the_job_changed_by_itself_is_kept(
        self, dev: APIClient, template: JobTemplate, job: Job
    ) -> None:
        by = make_member(job.product_line)
        job_version_add(job=job, patch={"memory_mib": 512, "env": {"MINE": "1"}}, by=by)
        make_template_version(template, spec={"cpus": 0.5, "env": {"THEIRS": "2"}})
        self.apply(dev, {"job": job.tag})
        spec = job.versions.get(number=3).spec
        assert (spec["memory_mib"], spec["cpus"], spec["env"]) == (512, 0.5, {"MINE": "1", "THEIRS": "2"})
        [use] = dev.get(f"{TEMPLATES}web/jobs/").json()["results"]
        assert (use["behind"], use["changed"]) == (False, True)

    def test_what_both_changed_is_left_for_a_person(
        self, dev: APIClient, template: JobTemplate, job: Job
    ) -> None:
        job_version_add(job=job, patch={"cpus": 0.9}, by=make_member(job.product_line))
        make_template_version(template, spec={"cpus": 0.5})
        [part] = self.plan(dev)
        assert (part["outcome"], part["conflicts"]) == (
            "conflict", [{"field": "cpus", "base": 0.2, "job": 0.9, "template": 0.5}],
        )  # fmt: skip
        assert self.apply(dev, {"job": job.tag})["jobs"][0]["outcome"] == "conflict"
        assert job.versions.count() == 2
        done = self.apply(dev, {"job": job.tag, "take": {"cpus": "template"}})
        assert (done["jobs"][0]["outcome"], job.versions.get(number=3).spec["cpus"]) == ("saved", 0.5)

    def test_deciding_for_the_job_moves_its_template_on_without_a_version(
        self, dev: APIClient, template: JobTemplate, job: Job
    ) -> None:
        job_version_add(job=job, patch={"cpus": 0.9}, by=make_member(job.product_line))
        make_template_version(template, spec={"cpus": 0.5})
        done = self.apply(dev, {"job": job.tag, "take": {"cpus": "job"}})
        assert (done["jobs"][0]["outcome"], done["publish"]) == ("unchanged", [])
        assert JobOrigin.objects.get(job=job).version.number == 2
        assert self.plan(dev) == []

    def test_a_new_parameter_without_default_is_given_for_all(
        self, dev: APIClient, template: JobTemplate, job: Job
    ) -> None:
        parameters = [*PARAMETERS, {"name": "team", "required": True}]
        make_template_version(template, spec={"labels": {"team": "{{ team }}"}}, parameters=parameters)
        [part] = self.plan(dev)
        assert (part["outcome"], part["errors"][0]["field"]) == ("invalid", "parameters.team")
        done = self.apply(dev, {"job": job.tag}, parameters={"team": "weather"})
        assert done["jobs"][0]["parameters"] == {"level": "info", "instances": 2, "team": "weather"}
        assert job.versions.get(number=2).spec["labels"] == {"team": "weather"}

    def test_somebody_saved_since_the_preview(self, dev: APIClient, template: JobTemplate, job: Job) -> None:
        make_template_version(template, spec={"cpus": 0.5})
        job_version_add(job=job, patch={"memory_mib": 512}, by=make_member(job.product_line))
        assert self.apply(dev, {"job": job.tag, "version": 1})["jobs"][0]["outcome"] == "stale"
        assert job.versions.count() == 2

    def test_what_would_be_no_spec_is_said(self, dev: APIClient, template: JobTemplate, job: Job) -> None:
        job_version_add(
            job=job, patch={"kill_grace_s": 5, "hooks": {"pre_stop": {"command": "x y", "timeout_s": 4}}},
            by=make_member(job.product_line),
        )  # fmt: skip
        make_template_version(template, spec={"command": "{{ level }}", "image": None})
        JobTemplateVersion.objects.filter(template=template, number=2).update(
            spec={**SPEC, "args": ["x"], "command": None, "image": "nginx"}
        )
        [part] = self.plan(dev)
        assert part["outcome"] == "invalid"
        assert part["errors"][0]["field"] == "spec.hooks.pre_stop.command"

    def test_jobs_of_others_are_unknown_and_those_one_only_sees_stay(
        self, template: JobTemplate, job: Job, dev: APIClient
    ) -> None:
        JobTemplate.objects.update(product_line=None)
        make_template_version(template, spec={"cpus": 0.5})
        foreign = make_job_from(make_template(name="other"), name="foreign")
        answer = dev.post(f"{TEMPLATES}web/update/plan/", {"jobs": [{"job": foreign.tag}]})
        assert field_codes(answer) == {"jobs[0].job": "unknown_job"}
        viewer = api_client(make_member(job.product_line, role=Role.VIEWER))
        assert [part["outcome"] for part in self.plan(viewer)] == ["forbidden"]
        assert self.apply(viewer, {"job": job.tag})["jobs"][0]["outcome"] == "forbidden"
        assert self.plan(api_client(make_user())) == []
        assert job.versions.count() == 1

    def test_a_managed_job_stays(self, dev: APIClient, template: JobTemplate, job: Job) -> None:
        Job.objects.filter(pk=job.pk).update(managed_by="rds /x")
        make_template_version(template, spec={"cpus": 0.5})
        assert [part["outcome"] for part in self.plan(dev)] == ["forbidden"]

    def test_a_running_job_runs_on(self, dev: APIClient, template: JobTemplate, line: ProductLine) -> None:
        job = make_running_job(product_line=line)
        JobOrigin.objects.create(job=job, version=template.versions.get(), parameters={"level": "x"})
        make_template_version(template, spec={"backoff": {"first_s": 9}})
        self.apply(dev, {"job": job.tag})
        job.refresh_from_db()
        assert (job.latest_version, job.target_version, job.running_version) == (2, 1, 1)
