"""Several jobs as one: in their order, each once, and all back if one fails.

The jobs' own operations are played: a test ends them, and lets the release take its steps.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apps.accounts.models import Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import Operation
from apps.core.operations.kinds import Cancelled, Done, Failed, get_kind
from apps.core.operations.runner import run_operation
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_cluster
from apps.jobs.models import Job, JobEvent, Release, ReleaseItem
from apps.jobs.releases import steps
from apps.jobs.releases.plan import ItemWish, Wish
from apps.jobs.services.releases import release_cancel, release_create, release_undo, releases_prune
from apps.jobs.tests.factories import (
    make_job,
    make_job_operation,
    make_release,
    make_running_job,
    make_spec,
    make_version,
)

pytestmark = pytest.mark.django_db

URL = "/api/v1/releases/"
Action = Release.Action


@pytest.fixture
def jobs() -> list[Job]:
    """`db`, `api`, which depends on it, and `web`, which depends on that; each runs version 1 and has a version 2."""
    line, cluster = make_product_line(), make_cluster()
    made: list[Job] = []
    for name in ("db", "api", "web"):
        spec = make_spec(depends_on=[made[-1].tag] if made else [])
        job = make_running_job(product_line=line, name=name, spec=spec, cluster=cluster)
        make_version(job, spec={"cpus": 0.5})
        made.append(job)
    return made


@pytest.fixture
def dev(jobs: list[Job]) -> User:
    return make_member(jobs[0].product_line, username="dev")


@pytest.fixture
def client(dev: User) -> APIClient:
    return api_client(dev)


def ask(jobs: list[Job], by: User, *, action: Release.Action = Action.PUBLISH, **wish: Any) -> Release:
    items = [ItemWish(job.tag) for job in jobs]
    return release_create(wish=Wish(**{"action": action, "items": items, **wish}), by=by)


def step(release: Release) -> Operation:
    """What the worker does; returns the release's operation as it is then."""
    release.refresh_from_db()
    operation = release.operation
    assert operation is not None
    Operation.objects.filter(pk=operation.pk).update(wake_at=None)
    run_operation(operation.pk)
    operation.refresh_from_db()
    return operation


def end(job: Job, *, failed: bool = False, cancelled: bool = False) -> None:
    """The job's operation under way comes to its end, as its kind would end it."""
    operation = Operation.objects.active().get(target_type="job", target_id=job.pk)
    if failed or cancelled:
        state = Operation.State.CANCELLED if cancelled else Operation.State.FAILED
        fields: dict[str, Any] = {"state": state, "error": "It did not get healthy." if failed else ""}
    else:
        state, fields = Operation.State.SUCCEEDED, {"state": Operation.State.SUCCEEDED}
        operation.memory["asked"] = True
    Operation.objects.filter(pk=operation.pk).update(**fields, finished_at=timezone.now())
    outcome = Cancelled("Cancelled.") if cancelled else Failed("x") if failed else Done()
    get_kind(operation.kind).ended(operation, outcome)


def states(release: Release) -> dict[str, str]:
    return {item.job.name: item.state for item in release.items.select_related("job")}


def under_way() -> set[tuple[str, str]]:
    active = Operation.objects.active().filter(target_type="job")
    return {(operation.kind, Job.objects.get(pk=operation.target_id).name) for operation in active}


def versions(jobs: list[Job]) -> list[int | None]:
    return [Job.objects.get(pk=job.pk).target_version for job in jobs]


class TestRun:
    def test_each_begins_when_what_it_depends_on_is_done(self, jobs: list[Job], dev: User) -> None:
        db, api, web = jobs
        release = ask([web, db, api], dev, reason="the new protocol")

        step(release)
        assert under_way() == {("job.publish", "db")}
        step(release)
        assert under_way() == {("job.publish", "db")}
        end(db)
        step(release)
        assert under_way() == {("job.publish", "api")}
        end(api)
        step(release)
        end(web)
        operation = step(release)

        assert (operation.state, operation.message_text) == ("succeeded", "All 3 jobs are done.")
        release.refresh_from_db()
        assert (release.state, release.finished_at is not None) == (Release.State.SUCCEEDED, True)
        assert versions(jobs) == [2, 2, 2]
        reasons = set(Operation.objects.filter(target_type="job").values_list("reason", flat=True))
        assert reasons == {"the new protocol"}
        assert (
            JobEvent.objects.filter(job=db, kind="release").get().rendered
            == f"Part of release #{release.pk}."
        )

    def test_one_fails_and_all_go_back_the_last_first(self, jobs: list[Job], dev: User) -> None:
        db, api, web = jobs
        release = ask(jobs, dev)
        for job in (db, api):
            step(release)
            end(job)
        step(release)
        end(web, failed=True)

        step(release)
        assert under_way() == {("job.rollback", "api")}
        assert states(release) == {"db": "done", "api": "undoing", "web": "failed"}
        end(api)
        step(release)
        assert under_way() == {("job.rollback", "db")}
        end(db)
        operation = step(release)

        assert operation.state == "failed"
        assert operation.error_text == (
            "web: It did not get healthy. Every job that was changed is back as before."
        )
        assert states(release) == {"db": "undone", "api": "undone", "web": "failed"}
        release.refresh_from_db()
        assert release.state == Release.State.UNDONE
        assert versions(jobs) == [1, 1, 1]

    def test_what_is_under_way_is_called_off_when_another_fails(self, dev: User, jobs: list[Job]) -> None:
        line = jobs[0].product_line
        one, two, three = (make_running_job(product_line=line, name=name) for name in ("a", "b", "c"))
        for job in (one, two, three):
            make_version(job, spec={"cpus": 0.5})
        release = ask([one, two, three], dev, parallel=2)
        step(release)
        end(one, failed=True)

        step(release)

        called_off = Operation.objects.get(target_id=two.pk)
        assert called_off.cancel_requested_at is not None
        assert states(release) == {"a": "failed", "b": "running", "c": "skipped"}
        end(two, cancelled=True)
        operation = step(release)
        assert operation.state == "failed"
        assert states(release) == {"a": "failed", "b": "undone", "c": "skipped"}
        assert not Operation.objects.filter(target_id=three.pk).exists()

    def test_leaving_what_is_done(self, jobs: list[Job], dev: User) -> None:
        db, api, _ = jobs
        release = ask(jobs, dev, on_failure=Release.OnFailure.LEAVE)
        step(release)
        end(db)
        step(release)
        end(api, failed=True)
        step(release)
        operation = step(release)

        assert operation.error_text == "1 of 3 jobs failed, 1 are done. api: It did not get healthy."
        assert states(release) == {"db": "done", "api": "failed", "web": "skipped"}
        assert versions(jobs) == [2, 1, 1]

    def test_scaled_numbers_come_back_too(self, dev: User, jobs: list[Job]) -> None:
        db, api, _ = jobs
        Job.objects.filter(pk=db.pk).update(wanted=7)
        make_version(db, spec={"instances": 2})
        release = ask([db, api], dev)
        step(release)
        assert Job.objects.get(pk=db.pk).wanted == 2
        end(db)
        step(release)
        end(api, failed=True)

        step(release)
        end(db)
        assert Job.objects.get(pk=db.pk).wanted == 3, "what version 1 says"
        step(release)
        assert under_way() == {("job.scale", "db")}
        end(db)
        step(release)

        assert (versions([db]), Job.objects.get(pk=db.pk).wanted) == ([1], 7)

    def test_what_never_ran_is_stopped_again(self, dev: User, jobs: list[Job]) -> None:
        draft = make_job(product_line=jobs[0].product_line, cluster=jobs[0].cluster, name="draft")
        depends = make_version(jobs[1], spec={"depends_on": [draft.tag]})
        release = ask([draft, jobs[1]], dev)
        assert depends.number == 3
        step(release)
        end(draft)
        step(release)
        end(jobs[1], failed=True)
        step(release)
        assert under_way() == {("job.stop", "draft")}

    def test_somebody_elses_newer_version_stays(self, jobs: list[Job], dev: User) -> None:
        db, api, _ = jobs
        release = ask([db, api], dev)
        step(release)
        end(db)
        step(release)
        Job.objects.filter(pk=db.pk).update(target_version=3)
        end(api, failed=True)
        step(release)
        operation = step(release)

        assert states(release) == {"db": "kept", "api": "failed"}
        assert operation.error_text.startswith("1 of 2 jobs failed")
        assert release.items.get(job=db).rendered == (
            "Somebody published another version since, so it stays."
        )

    def test_the_same_version_afresh_has_nothing_to_go_back_to_and_is_as_before(
        self, jobs: list[Job], dev: User
    ) -> None:
        db, api, _ = jobs
        Job.objects.filter(pk=db.pk).update(target_version=2, running_version=2)
        release = ask([db, api], dev)
        step(release)
        end(db)
        step(release)
        end(api, failed=True)
        step(release)
        operation = step(release)

        assert states(release) == {"db": "kept", "api": "failed"}
        assert operation.error_text.endswith("Every job that was changed is back as before.")
        release.refresh_from_db()
        assert release.state == Release.State.UNDONE

    @pytest.mark.parametrize(
        ("action", "order", "back"),
        [
            (Action.STOP, ["web", "api", "db"], "job.scale"),
            (Action.START, ["db", "api", "web"], "job.stop"),
        ],
    )
    def test_stopping_and_starting_and_back(
        self, jobs: list[Job], dev: User, action: Release.Action, order: list[str], back: str
    ) -> None:
        if action == Action.START:
            Job.objects.update(wanted=0, wanted_before_stop=3)
        by_name = {job.name: job for job in jobs}
        release = ask(jobs, dev, action=action)
        for name in order[:2]:
            step(release)
            assert under_way() == {(f"job.{action}", name)}
            end(by_name[name])
        step(release)
        end(by_name[order[2]], failed=True)
        step(release)
        assert under_way() == {(back, order[1])}

    def test_a_restart_that_fails_leaves_the_restarted_as_they_are(self, jobs: list[Job], dev: User) -> None:
        db, api, _ = jobs
        release = ask([db, api], dev, action=Action.RESTART)
        step(release)
        end(db)
        step(release)
        end(api, failed=True)
        step(release)
        operation = step(release)

        assert states(release) == {"db": "kept", "api": "failed"}
        assert operation.state == "failed"

    def test_a_busy_job_is_waited_for_and_then_given_up(self, jobs: list[Job], dev: User) -> None:
        db = jobs[0]
        holder = make_job_operation(db)
        release = ask([db], dev)
        step(release)
        assert release.items.get().rendered == f"db: waits for operation #{holder.pk}, which holds the job."
        step(release)
        assert states(release) == {"db": "waiting"}
        ReleaseItem.objects.update(busy_since=timezone.now() - steps.BUSY_FOR - timedelta(seconds=1))
        step(release)
        operation = step(release)

        assert operation.error_text == (
            f"db: Operation #{holder.pk} held the job for more than 10 minutes. "
            "Every job that was changed is back as before."
        )

    def test_a_busy_job_that_is_free_again_begins(self, jobs: list[Job], dev: User) -> None:
        holder = make_job_operation(jobs[0])
        release = ask([jobs[0]], dev)
        step(release)
        Operation.objects.filter(pk=holder.pk).update(state=Operation.State.SUCCEEDED)
        step(release)
        assert under_way() == {("job.publish", "db")}

    def test_a_job_deleted_meanwhile_fails_its_item(self, jobs: list[Job], dev: User) -> None:
        release = ask([jobs[0]], dev)
        Job.objects.filter(pk=jobs[0].pk).update(deleted_at=timezone.now())
        step(release)
        assert release.items.get().rendered == "The job was deleted meanwhile."

    def test_a_right_that_was_taken_away_fails_its_item(self, jobs: list[Job], dev: User) -> None:
        release = ask([jobs[0]], dev)
        dev.memberships.update(role=Role.VIEWER)
        step(release)
        assert states(release) == {"db": "failed"}
        assert not Operation.objects.filter(target_type="job").exists()

    def test_a_worker_killed_at_any_line_starts_nothing_twice(self, jobs: list[Job], dev: User) -> None:
        """Killed after the item's operation was written, before the step's outcome was."""
        release = ask(jobs, dev)
        operation = release.operation
        assert operation is not None
        killed = patch("apps.core.operations.runner.record", side_effect=KeyboardInterrupt)
        with killed, pytest.raises(KeyboardInterrupt):
            run_operation(operation.pk)
        Operation.objects.filter(pk=operation.pk).update(
            lease_expires_at=timezone.now() - timedelta(seconds=1)
        )
        run_operation(operation.pk)

        assert Operation.objects.filter(target_type="job").count() == 1
        assert states(release) == {"db": "running", "api": "waiting", "web": "waiting"}

    def test_a_worker_killed_between_the_operation_and_its_note_leaves_neither(
        self, jobs: list[Job], dev: User
    ) -> None:
        release = ask(jobs, dev)
        operation = release.operation
        assert operation is not None
        with patch.object(steps, "_part", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            run_operation(operation.pk)

        assert not Operation.objects.filter(target_type="job").exists()
        assert states(release)["db"] == "waiting"


class TestCallOff:
    def test_cancelling_takes_back_what_is_done(self, jobs: list[Job], dev: User) -> None:
        db, api, _ = jobs
        release = ask(jobs, dev)
        step(release)
        end(db)
        step(release)

        assert release_cancel(release=release, by=dev)
        step(release)
        end(api, cancelled=True)
        step(release)
        assert under_way() == {("job.rollback", "db")}
        end(db)
        operation = step(release)

        assert operation.state == "cancelled"
        assert states(release) == {"db": "undone", "api": "undone", "web": "skipped"}
        release.refresh_from_db()
        assert release.state == Release.State.UNDONE

    def test_cancelling_one_that_leaves_leaves(self, jobs: list[Job], dev: User) -> None:
        db, api, _ = jobs
        release = ask(jobs, dev, on_failure=Release.OnFailure.LEAVE)
        step(release)
        end(db)
        step(release)
        release_cancel(release=release, by=dev)
        step(release)
        end(api, cancelled=True)
        operation = step(release)

        assert operation.message_text == "Called off: 1 of 3 jobs are done and stay so."
        release.refresh_from_db()
        assert (release.state, versions(jobs)) == (Release.State.CANCELLED, [2, 1, 1])

    def test_a_finished_one_is_undone_by_an_operation_of_its_own(self, jobs: list[Job], dev: User) -> None:
        db, api, _ = jobs
        release = ask([db, api], dev)
        for job in (db, api):
            step(release)
            end(job)
        step(release)

        operation = release_undo(release=release, by=dev, reason="wrong protocol")
        assert (operation.kind, operation.reason) == ("release.undo", "wrong protocol")
        step(release)
        assert under_way() == {("job.rollback", "api")}
        end(api)
        step(release)
        end(db)
        operation = step(release)

        assert (operation.state, versions([db, api])) == ("succeeded", [1, 1])
        release.refresh_from_db()
        assert release.state == Release.State.UNDONE
        assert "Nothing of it is left" in api_client(dev).post(f"{URL}{release.pk}/undo/").json()["detail"]

    def test_undone_twice_it_goes_back_once(self, jobs: list[Job], dev: User) -> None:
        release = ask(jobs[:1], dev)
        step(release)
        end(jobs[0])
        step(release)

        first = release_undo(release=release, by=dev)
        assert release_undo(release=release, by=dev) == first
        step(release)
        end(jobs[0])
        assert (step(release).state, versions(jobs[:1])) == ("succeeded", [1])

    def test_what_could_not_go_back_is_said_and_can_be_tried_again(self, jobs: list[Job], dev: User) -> None:
        db = jobs[0]
        release = ask([db], dev)
        step(release)
        end(db)
        step(release)
        release_undo(release=release, by=dev)
        step(release)
        end(db, failed=True)
        operation = step(release)
        assert (operation.state, operation.error_text) == ("failed", "Could not go back: db.")
        assert states(release) == {"db": "stuck"}

        release_undo(release=release, by=dev)
        step(release)
        assert under_way() == {("job.rollback", "db")}

    def test_a_paused_one_begins_nothing(self, jobs: list[Job], dev: User) -> None:
        release = ask(jobs, dev)
        Operation.objects.filter(target_type="release").update(paused_at=timezone.now())
        step(release)
        assert under_way() == set()
        Operation.objects.filter(target_type="release").update(paused_at=None)
        step(release)
        assert under_way() == {("job.publish", "db")}


class TestApi:
    def test_the_plan_shows_the_stages_and_writes_nothing(self, client: APIClient, jobs: list[Job]) -> None:
        db, api, web = jobs
        body = {
            "action": "publish",
            "items": [{"job": web.tag}, {"job": db.tag}, {"job": api.tag, "version": 1}],
        }
        shown = client.post(f"{URL}plan/", body).json()
        assert shown["stages"] == [
            [{"job": db.tag, "from": 1, "to": 2, "instances": 3}],
            [{"job": api.tag, "from": 1, "to": 1, "instances": 3}],
            [{"job": web.tag, "from": 1, "to": 2, "instances": 3}],
        ]
        assert shown["warnings"] == ["api runs version 1 already: the same is started afresh."]
        assert not Release.objects.exists()
        assert not Operation.objects.exists()

    def test_stopping_warns_of_those_that_go_on_without(self, client: APIClient, jobs: list[Job]) -> None:
        shown = client.post(f"{URL}plan/", {"action": "stop", "items": [{"job": jobs[0].tag}]}).json()
        assert shown["stages"] == [[{"job": jobs[0].tag, "from": 1, "to": None, "instances": 0}]]
        assert shown["warnings"] == [f"{jobs[1].tag} depends on one of these and goes on running without it."]

    def test_it_answers_202_with_its_operation(self, client: APIClient, jobs: list[Job]) -> None:
        body = {"action": "restart", "items": [{"job": job.tag} for job in jobs], "reason": "leak"}
        answer = client.post(URL, body, headers={"Idempotency-Key": "k"})
        again = client.post(URL, body, headers={"Idempotency-Key": "k"})
        other = client.post(URL, {**body, "parallel": 2}, headers={"Idempotency-Key": "k"})

        assert (answer.status_code, answer.json()["kind"], answer.json()["reason"]) == (
            202,
            "release.run",
            "leak",
        )
        assert again.json()["id"] == answer.json()["id"]
        assert problem_type(other) == "idempotency-key-reused"
        release = Release.objects.get()
        assert answer.json()["target"] == f"release.{release.pk}"
        shown = client.get(f"{URL}{release.pk}/").json()
        items = shown.pop("items")
        assert items[0] == {
            "job": jobs[0].tag,
            "stage": 1,
            "to": 1,
            "state": "waiting",
            "progress": 0,
            "message": "",
            "operation": None,
            "undo_operation": None,
            "from": None,
        }
        assert [item["stage"] for item in items] == [1, 2, 3]
        assert shown | {"created": "", "id": 0} == {
            "id": 0,
            "action": "restart",
            "state": "running",
            "progress": 0,
            "message": "",
            "error": "",
            "on_failure": "undo",
            "parallel": 10,
            "reason": "leak",
            "requested_by": "dev",
            "operation": answer.json()["id"],
            "created": "",
            "finished": None,
        }
        assert client.post(f"{URL}{release.pk}/cancel/").status_code == 202
        assert Operation.objects.get().cancel_requested_at is not None

    def test_every_bad_item_is_named_at_once(self, client: APIClient, jobs: list[Job]) -> None:
        theirs, draft = make_running_job(), make_job(product_line=jobs[0].product_line)
        owned = make_running_job(product_line=jobs[0].product_line, managed_by="elb 1")
        items = [
            {"job": "job.none"},
            {"job": theirs.tag},
            {"job": jobs[0].tag},
            {"job": jobs[0].tag},
            {"job": draft.tag},
            {"job": owned.tag},
            {"job": jobs[1].tag, "version": 2},
        ]
        answer = client.post(URL, {"action": "restart", "items": items})
        assert field_codes(answer) == {
            "items[0].job": "unknown",
            "items[1].job": "unknown",
            "items[3].job": "duplicate",
            "items[4].job": "not_published",
            "items[5].job": "forbidden",
            "items[6].version": "not_taken",
        }
        assert not Release.objects.exists()

    @pytest.mark.parametrize(
        ("body", "codes"),
        [
            ({"action": "fly"}, {"action": "invalid_choice"}),
            ({"items": []}, {"items": "min_length"}),
            ({"parallel": 0}, {"parallel": "min_value"}),
            ({"on_failure": "cry"}, {"on_failure": "invalid_choice"}),
            ({"action": "publish", "version": 9}, {"items[0].version": "unknown_version"}),
            ({"action": "publish", "strategy": {"batch": 0}}, {"items[0].strategy.batch": "min_value"}),
            ({"action": "start"}, {"items[0].job": "not_stopped"}),
            ({"colour": "red"}, {"colour": "unknown_field"}),
        ],
    )
    def test_bad_input_is_named(
        self, client: APIClient, jobs: list[Job], body: dict[str, Any], codes: dict[str, str]
    ) -> None:
        of_item = {name: body[name] for name in ("version", "strategy") if name in body}
        rest = {name: value for name, value in body.items() if name not in of_item}
        whole: dict[str, Any] = {"action": "restart", "items": [{"job": jobs[0].tag, **of_item}], **rest}
        for path in (URL, f"{URL}plan/"):
            assert field_codes(client.post(path, whole)) == codes

    def test_a_circle_is_refused_in_words(self, client: APIClient, jobs: list[Job]) -> None:
        make_version(jobs[0], spec={"depends_on": [jobs[1].tag]})
        answer = client.post(URL, {"action": "publish", "items": [{"job": job.tag} for job in jobs]})
        assert field_codes(answer) == {"items": "circle"}
        assert f"{jobs[1].tag} → {jobs[0].tag}" in answer.json()["detail"]

    def test_a_release_of_others_is_unknown(self, jobs: list[Job], dev: User) -> None:
        release = ask(jobs, dev)
        stranger = api_client(make_member())
        paths = [("get", ""), ("post", "undo/"), ("post", "cancel/"), ("post", "pause/"), ("post", "resume/")]
        for method, path in paths:
            assert getattr(stranger, method)(f"{URL}{release.pk}/{path}").status_code == 404
        assert stranger.get(URL).json()["count"] == 0

    def test_a_viewer_sees_it_and_changes_nothing(self, jobs: list[Job], dev: User) -> None:
        release = ask(jobs, dev)
        viewer = api_client(make_member(jobs[0].product_line, role=Role.VIEWER))
        assert viewer.get(f"{URL}{release.pk}/").status_code == 200
        for path in ("undo/", "cancel/", "pause/", "resume/"):
            assert problem_type(viewer.post(f"{URL}{release.pk}/{path}")) == "forbidden"
        body = {"action": "restart", "items": [{"job": jobs[0].tag}]}
        assert field_codes(viewer.post(URL, body)) == {"items[0].job": "forbidden"}

    def test_of_a_release_over_several_lines_one_sees_ones_own_jobs(self, jobs: list[Job]) -> None:
        other = make_running_job()
        release = ask([jobs[0], other], make_sre(), action=Action.RESTART)
        member = api_client(make_member(other.product_line))
        assert [item["job"] for item in member.get(f"{URL}{release.pk}/").json()["items"]] == [other.tag]
        assert member.post(f"{URL}{release.pk}/undo/").status_code == 403

    def test_what_it_says_is_for_those_who_may_know_of_all_its_jobs(self, jobs: list[Job]) -> None:
        hidden, seen = make_running_job(name="hidden"), make_running_job(name="seen")
        release = ask([hidden, seen], make_sre(), action=Action.RESTART)
        Operation.objects.filter(target_type="release", target_id=release.pk).update(
            message="%(job)s: at work", message_values={"job": hidden.name}, error="hidden is ill"
        )
        row = api_client(make_member(seen.product_line)).get(f"{URL}{release.pk}/").json()
        assert (row["message"], row["error"]) == (None, None)
        assert "hidden" not in json.dumps(row)
        row = api_client(make_sre()).get(f"{URL}{release.pk}/").json()
        assert (row["message"], row["error"]) == ("hidden: at work", "hidden is ill")

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("action=restart", 1),
            ("state=running", 2),
            ("state=failed", 0),
            ("mine=true", 1),
            ("search=leak", 1),
        ],
    )
    def test_filters(self, client: APIClient, jobs: list[Job], dev: User, query: str, count: int) -> None:
        make_release(jobs[0], requested_by=dev, reason="a leak")
        make_release(jobs[1], action=Action.STOP)
        assert client.get(f"{URL}?{query}").json()["count"] == count

    def test_releases_of_a_job_are_found(self, client: APIClient, jobs: list[Job], dev: User) -> None:
        wanted = make_release(jobs[0], requested_by=dev)
        make_release(jobs[1], requested_by=dev)
        shown = client.get(URL, {"job": jobs[0].tag}).json()["results"]
        assert [row["id"] for row in shown] == [wanted.pk]

    @pytest.mark.parametrize("count", [2, 40])
    def test_plans_and_pages_take_a_fixed_number_of_queries(
        self, count: int, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        line = make_product_line()
        many = [make_running_job(instances=1, product_line=line) for _ in range(count)]
        client = api_client(make_member(line))
        body = {"action": "publish", "items": [{"job": job.tag} for job in many]}
        with django_assert_num_queries(6):
            assert client.post(f"{URL}plan/", body).status_code == 200
        release = make_release(*many)
        with django_assert_num_queries(3):
            assert len(client.get(f"{URL}{release.pk}/").json()["items"]) == count


def test_old_releases_go(jobs: list[Job]) -> None:
    old = make_release(jobs[0], finished_at=timezone.now() - timedelta(days=400))
    young = make_release(jobs[0], finished_at=timezone.now())
    assert releases_prune(now=timezone.now()) == 1
    assert list(Release.objects.all()) == [young]
    assert old.pk != young.pk
