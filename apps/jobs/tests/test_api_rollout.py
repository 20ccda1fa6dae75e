"""Publishing by the API: strategies, what one tells a publish under way, taking over, undoing."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.jobs.models import Job
from apps.jobs.spec.strategy import complete_strategy
from apps.jobs.tests.factories import make_job_operation, make_running_job, make_spec, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    job = make_running_job(instances=10)
    make_version(job, spec={"cpus": 2.0})
    return job


@pytest.fixture
def client(job: Job) -> APIClient:
    return api_client(make_member(job.product_line))


def publishing(job: Job, **fields: Any) -> Operation:
    """A canary of version 2, under way."""
    parameters = {
        "version": 2,
        "instances": 10,
        "strategy": complete_strategy({"kind": "canary"}),
        "previous": {"version": 1, "wanted": 10},
        "asked": {},
    }
    return make_job_operation(
        job, **{"kind": "job.publish", "state": "waiting", "parameters": parameters, **fields}
    )


def post(client: APIClient, operation: Operation, control: str, body: Any = None) -> Any:
    return client.post(f"/api/v1/operations/{operation.pk}/{control}/", body or {})


class TestStrategies:
    def test_a_canary_is_kept_whole_with_the_operation(self, client: APIClient, job: Job) -> None:
        body = {"strategy": {"kind": "canary", "canary_percent": 10, "hold_s": 60}}
        answer = client.post(f"/api/v1/jobs/{job.tag}/publish/", body)
        assert answer.status_code == 202
        strategy = Operation.objects.get().parameters["strategy"]
        assert (strategy["kind"], strategy["canary_percent"], strategy["hold_s"]) == ("canary", 10, 60)

    @pytest.mark.parametrize(
        ("strategy", "codes"),
        [
            ({"kind": "big-bang"}, {"strategy.kind": "invalid_choice"}),
            ({"canary_percent": 100}, {"strategy.canary_percent": "max_value"}),
            ({"canary_instances": 0}, {"strategy.canary_instances": "min_value"}),
            ({"canary_instances": 1, "canary_percent": 1}, {"strategy.canary_percent": "invalid"}),
            ({"hold_s": -1}, {"strategy.hold_s": "min_value"}),
            ({"slow_tolerated": -1}, {"strategy.slow_tolerated": "min_value"}),
            ({"min_up_s": -1}, {"strategy.min_up_s": "min_value"}),
            ({"min_up_s": 3601}, {"strategy.min_up_s": "max_value"}),
        ],
    )
    def test_what_makes_no_sense_is_named_at_its_field(
        self, strategy: dict[str, Any], codes: dict[str, str], client: APIClient, job: Job
    ) -> None:
        answer = client.post(f"/api/v1/jobs/{job.tag}/publish/", {"strategy": strategy})
        assert field_codes(answer) == codes
        assert not Operation.objects.exists()

    @pytest.mark.parametrize("kind", ["canary", "blue-green"])
    def test_data_cannot_be_in_two_places(self, kind: str, client: APIClient, job: Job) -> None:
        make_version(job, spec={"volumes": [{"path": "data", "size_mib": 10, "persistent": True}]})
        answer = client.post(f"/api/v1/jobs/{job.tag}/publish/", {"strategy": {"kind": kind}})
        assert field_codes(answer) == {"strategy.kind": "invalid"}
        spec = {**make_spec(), "volumes": [{"path": "data", "size_mib": 10}], "strategy": {"kind": kind}}
        answer = client.patch(f"/api/v1/jobs/{job.tag}/", {"spec": spec})
        assert field_codes(answer) == {"spec.strategy.kind": "invalid"}


class TestControls:
    def test_an_operation_says_what_it_can_be_told(self, client: APIClient, job: Job) -> None:
        operation = publishing(job)
        row = client.get(f"/api/v1/operations/{operation.pk}/").json()
        assert (row["controls"], row["next"], row["takes_over"]) == (["cancel", "pause", "undo"], None, None)

    def test_paused_and_resumed(self, client: APIClient, job: Job) -> None:
        operation = publishing(job)
        answer = post(client, operation, "pause", {"reason": "lunch"})
        assert (answer.status_code, answer.json()["controls"]) == (202, ["cancel", "resume", "undo"])
        assert [line["text"] for line in answer.json()["log"]][1:] == ["Because: lunch"]
        assert post(client, operation, "pause").status_code == 202
        assert post(client, operation, "resume").json()["controls"] == ["cancel", "pause", "undo"]
        assert operation.log.count() == 3

    def test_a_hold_is_ended_by_go_on_and_by_nothing_before_it(self, client: APIClient, job: Job) -> None:
        operation = publishing(job)
        answer = post(client, operation, "go-on")
        assert (answer.status_code, problem_type(answer)) == (409, "not-now")
        Operation.objects.update(memory={"phase": "hold"})
        answer = post(client, operation, "go-on")
        assert (answer.status_code, answer.json()["controls"]) == (202, ["cancel", "pause", "undo"])
        operation.refresh_from_db()
        assert operation.went_on_at is not None

    def test_undone_it_can_be_told_nothing_more(self, client: APIClient, job: Job) -> None:
        operation = publishing(job)
        assert post(client, operation, "undo").json()["controls"] == []
        assert post(client, operation, "undo").status_code == 202
        assert problem_type(post(client, operation, "pause")) == "not-now"

    @pytest.mark.parametrize("control", ["pause", "resume", "go-on"])
    def test_what_is_no_publish_can_only_be_cancelled(
        self, control: str, client: APIClient, job: Job
    ) -> None:
        operation = make_job_operation(job, kind="job.scale")
        assert problem_type(post(client, operation, control)) == "not-now"

    @pytest.mark.parametrize("control", ["cancel", "pause", "resume", "go-on", "undo"])
    def test_whoever_may_not_change_the_job_tells_it_nothing(self, control: str, job: Job) -> None:
        operation = publishing(job)
        viewer = api_client(make_member(job.product_line, role=Role.VIEWER))
        assert post(viewer, operation, control).status_code == 403
        assert post(api_client(make_member()), operation, control).status_code == 404
        assert not operation.log.exists()


class TestTakingOver:
    def test_without_asking_for_it_the_second_is_told_of_the_first(self, client: APIClient, job: Job) -> None:
        first = publishing(job)
        answer = client.post(f"/api/v1/jobs/{job.tag}/publish/", {})
        assert (answer.status_code, answer.json()["operation"]) == (409, first.pk)

    def test_it_waits_in_line_and_both_say_so(self, client: APIClient, job: Job) -> None:
        first = publishing(job)
        body = {"replace": True, "version": 1}
        key: Any = {"HTTP_IDEMPOTENCY_KEY": "once"}
        row = client.post(f"/api/v1/jobs/{job.tag}/publish/", body, **key).json()
        again = client.post(f"/api/v1/jobs/{job.tag}/publish/", body, **key).json()
        assert (row["state"], row["takes_over"], row["controls"], again["id"]) == (
            "queued", first.pk, ["cancel"], row["id"],
        )  # fmt: skip
        shown = client.get(f"/api/v1/operations/{first.pk}/").json()
        assert shown["next"] == row["id"]
        assert client.get(f"/api/v1/jobs/{job.tag}/").json()["operation"] == first.pk

    def test_with_nothing_under_way_it_is_any_publish(self, client: APIClient, job: Job) -> None:
        row = client.post(f"/api/v1/jobs/{job.tag}/publish/", {"replace": True}).json()
        assert (row["state"], row["takes_over"]) == ("queued", None)
        assert Operation.objects.get().after is None


class TestUndo:
    def test_it_undoes_the_publish_under_way(self, client: APIClient, job: Job) -> None:
        first = publishing(job)
        answer = client.post(f"/api/v1/jobs/{job.tag}/undo/", {"reason": "errors"})
        assert (answer.status_code, answer.json()["id"]) == (202, first.pk)
        first.refresh_from_db()
        assert first.cancel_requested_at is not None

    def test_a_key_undoes_once_though_it_has_ended_since(self, client: APIClient, job: Job) -> None:
        first = publishing(job)
        key: Any = {"HTTP_IDEMPOTENCY_KEY": "once"}
        client.post(f"/api/v1/jobs/{job.tag}/undo/", {}, **key)
        Operation.objects.update(state="cancelled")
        answer = client.post(f"/api/v1/jobs/{job.tag}/undo/", {}, **key)
        assert answer.json()["id"] == first.pk
        assert Operation.objects.count() == 1

    def test_without_one_the_version_before_is_published(self, client: APIClient, job: Job) -> None:
        for version in (1, 2):
            publishing(job, state="succeeded", parameters={"version": version})
        Job.objects.update(running_version=2, target_version=2)
        row = client.post(f"/api/v1/jobs/{job.tag}/undo/", {}).json()
        assert (row["kind"], Operation.objects.get(pk=row["id"]).parameters["version"]) == ("job.rollback", 1)

    @pytest.mark.parametrize("state", ["cancelled", "failed"])
    def test_what_was_put_back_is_not_undone_a_second_time(
        self, client: APIClient, job: Job, state: str
    ) -> None:
        for version in (1, 2):
            publishing(job, state="succeeded", parameters={"version": version})
        publishing(job, state=state, parameters={"version": 3})
        Job.objects.update(running_version=2, target_version=2)
        answer = client.post(f"/api/v1/jobs/{job.tag}/undo/", {})
        assert field_codes(answer) == {"version": "undone_already"}

    def test_what_failed_and_stayed_is_undone_to_the_version_before_it(
        self, client: APIClient, job: Job
    ) -> None:
        for version in (1, 2):
            publishing(job, state="succeeded", parameters={"version": version})
        publishing(job, state="failed", parameters={"version": 3})
        Job.objects.update(running_version=2, target_version=3)
        row = client.post(f"/api/v1/jobs/{job.tag}/undo/", {}).json()
        assert Operation.objects.get(pk=row["id"]).parameters["version"] == 2

    def test_with_nothing_to_go_back_to_it_says_so(self, client: APIClient, job: Job) -> None:
        answer = client.post(f"/api/v1/jobs/{job.tag}/undo/", {})
        assert field_codes(answer) == {"version": "no_earlier_version"}

    def test_another_kind_of_operation_is_not_undone(self, client: APIClient, job: Job) -> None:
        for version in (1, 2):
            publishing(job, state="succeeded", parameters={"version": version})
        Job.objects.update(running_version=2, target_version=2)
        scaling = make_job_operation(job, kind="job.scale")
        answer = client.post(f"/api/v1/jobs/{job.tag}/undo/", {})
        assert (answer.status_code, answer.json()["operation"]) == (409, scaling.pk)


def test_instances_say_where_they_run_and_whether_they_serve(client: APIClient, job: Job) -> None:
    first = job.instances.all()[0]
    job.instances.filter(pk=first.pk).update(slot="side")
    Job.objects.update(serving="side")
    assert client.get(f"/api/v1/jobs/{job.tag}/").json()["serving"] == "side"
    rows = client.get(f"/api/v1/jobs/{job.tag}/instances/?slot=side").json()["results"]
    assert [(row["task_id"], row["serving"]) for row in rows] == [(first.task_id, True)]
    rows = client.get(f"/api/v1/jobs/{job.tag}/instances/?slot=main").json()["results"]
    assert {row["serving"] for row in rows} == {False}
