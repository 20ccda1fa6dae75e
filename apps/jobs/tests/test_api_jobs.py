"""Jobs over the API: list, create, change, and what one can ask of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import ProductLine, Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import Cluster, Operation
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_cluster, make_watch
from apps.jobs.explain import Change, Problem
from apps.jobs.models import Job
from apps.jobs.tests.factories import (
    make_job,
    make_job_operation,
    make_running_job,
    make_template,
    make_version,
)

pytestmark = pytest.mark.django_db

JOBS = "/api/v1/jobs/"


@pytest.fixture
def line() -> ProductLine:
    return make_product_line(pdl="ocean")


@pytest.fixture
def dev(line: ProductLine) -> User:
    return make_member(line, username="dev")


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


@pytest.fixture
def job(line: ProductLine) -> Job:
    return make_running_job(product_line=line, name="web")


@pytest.fixture
def staging() -> Cluster:
    return make_cluster(name="staging")


def body(**overrides: Any) -> dict[str, Any]:
    return {
        "product_line": "pdl.ocean_owt.inf_cop.xiaomi",
        "service": "weather-api",
        "cluster": "staging",
        "name": "weather-api",
        "spec": {"command": "python3 -m http.server $PORT0", "instances": 3, "ports": [{"name": "http"}]},
        **overrides,
    }


TAG = "job.weather-api_service.weather-api_cluster.staging_pdl.ocean_owt.inf_cop.xiaomi"


class TestCreate:
    def test_a_job_is_created_as_a_draft(self, client: APIClient, staging: Cluster) -> None:
        answer = client.post(JOBS, body(note="first"))

        assert answer.status_code == 201
        assert answer["Location"] == f"http://testserver/api/v1/jobs/{TAG}/"
        made = answer.json()
        spec = made.pop("spec")
        created, since = made.pop("created"), made.pop("since")
        assert created.endswith("Z")
        assert since.endswith("Z")
        assert made == {
            "tag": TAG,
            "product_line": "pdl.ocean_owt.inf_cop.xiaomi",
            "service": "weather-api",
            "cluster": "staging",
            "name": "weather-api",
            "state": "draft",
            "version": 1,
            "running_version": None,
            "serving": "",
            "instances": {"wanted": 0, "running": 0, "healthy": 0, "staging": 0},
            "expiry": None,
            "operation": None,
            "problems": [],
            "favourite": False,
            "template": None,
            "managed_by": "",
            "workload_id": "/xiaomi/inf/ocean/staging/weather-api/weather-api",
            "created_by": "dev",
            "cloned_from": None,
        }
        assert (spec["instances"], spec["memory_mib"], spec["strategy"]["kind"]) == (3, 128, "rolling")
        assert client.get(answer["Location"]).json()["spec"] == spec
        assert not Operation.objects.exists()

    def test_what_the_spec_leaves_out_comes_from_the_template(
        self, client: APIClient, staging: Cluster
    ) -> None:
        make_template(name="small", spec={"command": "sleep 9", "cpus": 0.2, "memory_mib": 32})
        answer = client.post(JOBS, body(template="small", spec={"memory_mib": 64}))
        spec = answer.json()["spec"]
        assert (spec["command"], spec["cpus"], spec["memory_mib"]) == ("sleep 9", 0.2, 64)

    @pytest.mark.parametrize(
        ("change", "errors"),
        [
            ({"spec": {"command": "x1", "cpus": -1}}, {"spec.cpus": "min_value"}),
            (
                {"spec": {"command": "x1", "ports": [{"name": "p"}], "health_checks": [{"type": "http", "path": "x"}]}},
                {"spec.health_checks[0].path": "invalid_path"},
            ),
            ({"spec": {"command": "x1", "cpu": 1}}, {"spec.cpu": "unknown_field"}),
            ({"spec": {}}, {"spec.command": "required"}),
            ({"spec": []}, {"spec": "not_a_dict"}),
            ({"name": "A_b", "service": ".", "spec": {}},
             {"name": "invalid_name", "service": "invalid_name", "spec.command": "required"}),
            ({"cluster": "nowhere", "product_line": "pdl.x"}, {"cluster": "unknown", "product_line": "unknown"}),
            ({"template": "none"}, {"template": "unknown"}),
            ({"colour": "red"}, {"colour": "unknown_field"}),
            ({"spec": {"command": "x1", "env": {"PASSWORD": {"secret": "none"}}}},
             {"spec.env.PASSWORD": "unknown_secret"}),
        ],
    )  # fmt: skip
    def test_bad_input_is_named_at_its_field(
        self, client: APIClient, staging: Cluster, change: dict[str, Any], errors: dict[str, str]
    ) -> None:
        assert field_codes(client.post(JOBS, body(**change))) == errors
        assert not Job.objects.exists()

    def test_missing_fields_are_all_named(self, client: APIClient) -> None:
        missing = ("product_line", "service", "cluster", "name", "spec")
        assert field_codes(client.post(JOBS, {})) == dict.fromkeys(missing, "required")

    @pytest.mark.parametrize("whole", [[], "text", 5, None])
    def test_a_body_that_is_no_object_is_bad_input(self, client: APIClient, whole: Any) -> None:
        assert client.post(JOBS, whole).status_code == 400

    def test_a_taken_name_is_bad_input(self, client: APIClient, staging: Cluster) -> None:
        client.post(JOBS, body())
        assert field_codes(client.post(JOBS, body())) == {"name": "unique"}

    def test_the_product_line_of_others_is_as_unknown_as_none(
        self, client: APIClient, staging: Cluster
    ) -> None:
        other = make_product_line()
        assert field_codes(client.post(JOBS, body(product_line=other.tag))) == {"product_line": "unknown"}

    def test_a_viewer_may_not_create(self, line: ProductLine, staging: Cluster) -> None:
        viewer = make_member(line, role=Role.VIEWER)
        assert problem_type(api_client(viewer).post(JOBS, body())) == "forbidden"
        assert not Job.objects.exists()

    def test_the_same_key_creates_once(self, client: APIClient, staging: Cluster) -> None:
        first = client.post(JOBS, body(), headers={"Idempotency-Key": "k1"})
        again = client.post(JOBS, body(), headers={"Idempotency-Key": "k1"})
        other = client.post(JOBS, body(name="other"), headers={"Idempotency-Key": "k1"})
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert problem_type(other) == "idempotency-key-reused"
        assert Job.objects.count() == 1

    def test_the_same_key_after_the_jobs_end_finds_nothing(self, client: APIClient, staging: Cluster) -> None:
        client.post(JOBS, body(), headers={"Idempotency-Key": "k1"})
        Job.objects.update(deleted_at=timezone.now())
        again = client.post(JOBS, body(), headers={"Idempotency-Key": "k1"})
        assert problem_type(again) == "not-found"


class TestRead:
    def test_the_list_shows_ones_own_product_lines_only(self, client: APIClient, job: Job) -> None:
        make_running_job()
        listed = client.get(JOBS).json()
        assert [row["tag"] for row in listed["results"]] == [job.tag]
        assert listed["count"] == 1
        assert listed["results"][0]["instances"] == {"wanted": 3, "running": 3, "healthy": 3, "staging": 0}

    def test_an_sre_sees_all(self, job: Job) -> None:
        make_running_job()
        assert api_client(make_sre()).get(JOBS).json()["count"] == 2

    def test_a_job_names_the_operation_that_works_on_it(self, client: APIClient, job: Job) -> None:
        make_job_operation(job, state=Operation.State.SUCCEEDED)
        operation = make_job_operation(job)
        assert client.get(f"{JOBS}{job.tag}/").json()["operation"] == operation.pk
        assert client.get(JOBS).json()["results"][0]["operation"] == operation.pk

    def test_a_job_shows_its_latest_spec_and_what_runs(self, client: APIClient, job: Job) -> None:
        make_version(job, spec={"cpus": 0.7})
        shown = client.get(f"{JOBS}{job.tag}/").json()
        assert (shown["version"], shown["running_version"], shown["spec"]["cpus"]) == (2, 1, 0.7)

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("", ["api", "web"]),
            ("state=degraded", ["api"]),
            ("state=degraded&state=running", ["api", "web"]),
            ("service=weather", ["api"]),
            ("name=web", ["web"]),
            ("cluster=staging", ["api"]),
            ("product_line=pdl.ocean_owt.inf_cop.xiaomi", ["api", "web"]),
            ("product_line=pdl.browser_owt.miui_cop.xiaomi", []),
            ("search=weather+staging", ["api"]),
            ("search=weather+nothing", []),
            ("ordering=-name", ["web", "api"]),
        ],
    )
    def test_filters(
        self, client: APIClient, line: ProductLine, staging: Cluster, query: str, names: list[str]
    ) -> None:
        make_job(product_line=line, name="api", service="weather", cluster=staging, state=Job.State.DEGRADED)
        make_job(product_line=line, name="web", state=Job.State.RUNNING)
        assert [row["name"] for row in client.get(f"{JOBS}?{query}").json()["results"]] == names

    def test_a_bad_state_is_bad_input(self, client: APIClient) -> None:
        assert field_codes(client.get(f"{JOBS}?state=happy")) == {"state": "invalid_choice"}

    def test_why_it_is_not_as_wanted_is_said_in_the_readers_language(
        self, client: APIClient, job: Job
    ) -> None:
        make_watch(job.cluster)
        assert client.get(f"{JOBS}{job.tag}/explain/").json() == []
        change = Change("spec.cpus", 400, 16)
        problem = Problem("error", "x", "%(count)s wait.", "", "Ask less.", {"count": 2}, change, ("node1",))
        Job.objects.filter(pk=job.pk).update(problems=[problem.as_json()])
        assert client.get(f"{JOBS}{job.tag}/explain/").json() == [
            {
                "severity": "error",
                "code": "x",
                "what": "2 wait.",
                "why": "",
                "hint": "Ask less.",
                "change": {"field": "spec.cpus", "from": 400, "to": 16},
            }
        ]

    def test_what_is_no_trouble_but_remarkable_is_said(self, client: APIClient, line: ProductLine) -> None:
        job = make_job(product_line=line)
        make_watch(job.cluster)

        def said() -> list[tuple[str, str]]:
            found = client.get(f"{JOBS}{job.tag}/explain/").json()
            return [(problem["code"], problem["severity"]) for problem in found]

        assert said() == [("draft", "info")]
        Job.objects.filter(pk=job.pk).update(target_version=1, state=Job.State.STOPPED)
        assert said() == [("stopped", "info")]
        make_version(job, spec={"cpus": 0.2})
        Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
        assert said() == [("unpublished_version", "info")]
        operation = make_job_operation(job, kind="job.publish", memory={"phase": "hold"})
        assert said() == [("unpublished_version", "info"), ("holding", "info")]
        Operation.objects.filter(pk=operation.pk).update(paused_at=timezone.now())
        assert said() == [("unpublished_version", "info"), ("paused", "info")]

    def test_an_old_mirror_comes_first(self, client: APIClient, job: Job) -> None:
        problems = client.get(f"{JOBS}{job.tag}/explain/").json()
        assert [problem["severity"] for problem in problems] == ["warning"]
        assert job.cluster.name in problems[0]["why"]


class TestChange:
    def test_a_patch_saves_the_next_version(self, client: APIClient, job: Job) -> None:
        answer = client.patch(f"{JOBS}{job.tag}/", {"spec": {"cpus": 0.5}, "version": 1, "note": "more"})
        assert answer.status_code == 200
        assert (answer.json()["version"], answer.json()["spec"]["cpus"]) == (2, 0.5)
        assert job.versions.get(number=2).note == "more"
        assert not Operation.objects.exists()

    def test_a_stale_version_is_refused(self, client: APIClient, job: Job) -> None:
        make_version(job, spec={"cpus": 0.2})
        answer = client.patch(f"{JOBS}{job.tag}/", {"spec": {"cpus": 0.5}, "version": 1})
        assert answer.status_code == 409
        assert problem_type(answer) == "stale-version"
        assert answer.json()["version"] == 2
        assert job.versions.count() == 2

    def test_bad_input_is_named_at_its_field(self, client: APIClient, job: Job) -> None:
        url = f"{JOBS}{job.tag}/"
        assert field_codes(client.patch(url, {"spec": {"cpus": "x"}})) == {"spec.cpus": "invalid"}
        assert field_codes(client.patch(url, {})) == {"spec": "required"}
        assert field_codes(client.patch(url, {"spec": {}, "name": "x"})) == {"name": "unknown_field"}

    def test_a_viewer_may_look_but_not_change(self, line: ProductLine, job: Job) -> None:
        viewer = api_client(make_member(line, role=Role.VIEWER))
        assert viewer.get(f"{JOBS}{job.tag}/").status_code == 200
        assert problem_type(viewer.patch(f"{JOBS}{job.tag}/", {"spec": {"cpus": 1}})) == "forbidden"
        assert job.versions.count() == 1

    def test_a_job_that_a_service_owns_is_read_only(self, client: APIClient, line: ProductLine) -> None:
        owned = make_running_job(product_line=line, managed_by="elb 1")
        assert problem_type(client.post(f"{JOBS}{owned.tag}/scale/", {"instances": 1})) == "forbidden"


ACTIONS = [
    ("publish", {}, "job.publish"),
    ("publish", {"version": 1, "strategy": {"deadline_s": 60}}, "job.publish"),
    ("rollback", {"version": 1}, "job.rollback"),
    ("scale", {"instances": 6}, "job.scale"),
    ("scale", {"instances": 0}, "job.stop"),
    ("restart", {}, "job.restart"),
    ("retry", {}, "job.retry"),
    ("stop", {}, "job.stop"),
]


class TestAsk:
    @pytest.mark.parametrize(("action", "given", "kind"), ACTIONS)
    def test_an_action_answers_202_with_its_operation(
        self, client: APIClient, job: Job, action: str, given: dict[str, Any], kind: str
    ) -> None:
        answer = client.post(f"{JOBS}{job.tag}/{action}/", given)

        assert answer.status_code == 202
        operation = answer.json()
        assert answer["Location"] == f"http://testserver/api/v1/operations/{operation['id']}/"
        assert client.get(answer["Location"]).json() == operation
        assert (operation["kind"], operation["target"], operation["state"]) == (kind, job.tag, "queued")
        assert (operation["requested_by"], operation["progress"], operation["log"]) == ("dev", 0, [])

    def test_delete_answers_202(self, client: APIClient, job: Job) -> None:
        answer = client.delete(f"{JOBS}{job.tag}/")
        assert (answer.status_code, answer.json()["kind"]) == (202, "job.delete")

    @pytest.mark.parametrize(("action", "given", "kind"), ACTIONS)
    def test_why_it_was_asked_is_kept(
        self, client: APIClient, job: Job, action: str, given: dict[str, Any], kind: str
    ) -> None:
        url = f"{JOBS}{job.tag}/{action}/"
        too_long = client.post(url, {**given, "reason": "x" * 301})
        assert field_codes(too_long) == {"reason": "max_length"}
        answer = client.post(url, {**given, "reason": "报警太多"})
        assert (answer.status_code, answer.json()["reason"]) == (202, "报警太多")

    def test_why_it_was_deleted_is_kept(self, client: APIClient, job: Job) -> None:
        answer = client.delete(f"{JOBS}{job.tag}/", {"reason": "moved to c3"})
        assert (answer.status_code, answer.json()["reason"]) == (202, "moved to c3")

    def test_a_stopped_job_is_started_with_as_many_as_before(
        self, client: APIClient, line: ProductLine
    ) -> None:
        stopped = make_running_job(
            instances=0, product_line=line, wanted_before_stop=4, state=Job.State.STOPPED
        )
        answer = client.post(f"{JOBS}{stopped.tag}/start/")
        assert (answer.status_code, answer.json()["kind"]) == (202, "job.start")
        assert client.get(f"{JOBS}{stopped.tag}/").json()["instances"]["wanted"] == 4

    def test_a_second_one_meets_the_first(self, client: APIClient, job: Job) -> None:
        first = client.post(f"{JOBS}{job.tag}/scale/", {"instances": 5})
        second = client.post(f"{JOBS}{job.tag}/restart/")
        assert second.status_code == 409
        assert problem_type(second) == "target-busy"
        assert second.json()["operation"] == first.json()["id"]
        assert second["Location"] == first["Location"]
        assert Operation.objects.count() == 1

    def test_the_same_key_asks_once(self, client: APIClient, job: Job) -> None:
        url, key = f"{JOBS}{job.tag}/scale/", {"Idempotency-Key": "k1"}
        first = client.post(url, {"instances": 5}, headers=key)
        again = client.post(url, {"instances": 5}, headers=key)
        other = client.post(url, {"instances": 7}, headers=key)
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json()["id"] == again.json()["id"]
        assert problem_type(other) == "idempotency-key-reused"
        assert Operation.objects.count() == 1

    def test_keys_are_a_persons_own(self, client: APIClient, line: ProductLine, job: Job) -> None:
        key = {"Idempotency-Key": "k1"}
        client.post(f"{JOBS}{job.tag}/stop/", headers=key)
        colleague = api_client(make_member(line))
        assert problem_type(colleague.post(f"{JOBS}{job.tag}/stop/", headers=key)) == "target-busy"

    def test_a_key_has_a_length(self, client: APIClient, job: Job) -> None:
        answer = client.post(f"{JOBS}{job.tag}/stop/", headers={"Idempotency-Key": "k" * 201})
        assert field_codes(answer) == {"Idempotency-Key": "max_length"}
        assert not Operation.objects.exists()

    @pytest.mark.parametrize(
        ("action", "given", "errors"),
        [
            ("scale", {}, {"instances": "required"}),
            ("scale", {"instances": -1}, {"instances": "min_value"}),
            ("scale", {"instances": 100_001}, {"instances": "out_of_range"}),
            ("scale", {"instances": "many"}, {"instances": "invalid"}),
            ("scale", {"instances": True}, {"instances": "invalid"}),
            ("publish", {"version": 9}, {"version": "unknown_version"}),
            ("publish", {"strategy": {"batch": 0}}, {"strategy.batch": "min_value"}),
            ("publish", {"force": True}, {"force": "unknown_field"}),
            ("rollback", {}, {"version": "no_earlier_version"}),
            ("stop", {"instances": 1}, {"instances": "unknown_field"}),
            ("start", {}, {"": "not_stopped"}),
        ],
    )
    def test_bad_input_is_named_at_its_field(
        self, client: APIClient, job: Job, action: str, given: dict[str, Any], errors: dict[str, str]
    ) -> None:
        assert field_codes(client.post(f"{JOBS}{job.tag}/{action}/", given)) == errors
        assert not Operation.objects.exists()
