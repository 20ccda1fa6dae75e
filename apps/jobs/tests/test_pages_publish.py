"""The publish preview: what it promises is what is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.jobs.models import Instance, Job
from apps.jobs.spec.strategy import complete_strategy
from apps.jobs.tests.factories import (
    make_instance,
    make_job,
    make_job_operation,
    make_running_job,
    make_version,
)
from apps.jobs.tests.pages import browser, errors_at, form_data, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    """Six instances of version 1 run; version 2 has been saved."""
    job = make_running_job(instances=6)
    make_version(job, spec={"cpus": 2.0}, note="bigger")
    return job


@pytest.fixture
def client(job: Job) -> Client:
    return browser(make_member(job.product_line))


def confirm(client: Client, path: str, **typed: str) -> dict[str, str]:
    """What the button of the preview at `path` sends."""
    return {**form_data(client.get(path), "publish-form"), **typed}


def test_the_preview_says_what_changes_and_what_will_happen(client: Client, job: Job) -> None:
    page = text_of(client.get(f"/jobs/{job.tag}/publish/"))

    assert "Publish version 2" in page
    assert "From version 1 to version 2 cpus changed 0.1 2.0" in page
    assert "Replaces 6 instances by version 2, at most 1 at a time." in page
    assert "given up and version 1 serves on." in page
    assert "bigger" in page
    assert not Operation.objects.exists()


def test_scaling_by_hand_is_not_undone_by_a_publish(client: Client, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(wanted=9, running=9)

    assert "Replaces 9 instances by version 2" in text_of(client.get(f"/jobs/{job.tag}/publish/"))


def test_the_first_publish_shows_the_whole(client: Client, job: Job) -> None:
    draft = make_job(product_line=job.product_line)

    page = text_of(client.get(f"/jobs/{draft.tag}/publish/"))

    assert "Starts 3 instances of version 1; none runs now." in page
    assert "Memory 128 MiB" in page


def test_confirming_publishes_what_was_previewed_and_goes_to_the_job(client: Client, job: Job) -> None:
    data = confirm(client, f"/jobs/{job.tag}/publish/")
    make_version(job, spec={"cpus": 64.0})

    answer = client.post(f"/jobs/{job.tag}/publish/", data)

    assert answer.headers["Location"] == f"/jobs/{job.tag}/"
    operation = Operation.objects.get()
    assert (operation.kind, operation.parameters["version"], operation.parameters["instances"]) == (
        "job.publish",
        2,
        6,
    )
    assert "Publish · v2" in text_of(client.get(f"/jobs/{job.tag}/"))


def test_a_second_click_is_not_a_second_publish(client: Client, job: Job) -> None:
    data = confirm(client, f"/jobs/{job.tag}/publish/")

    first = client.post(f"/jobs/{job.tag}/publish/", data)
    second = client.post(f"/jobs/{job.tag}/publish/", data)

    assert first.status_code == second.status_code == 302
    assert Operation.objects.count() == 1


def test_another_strategy_counts_for_this_publish_only(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/publish/"
    typed = {"strategy-batch": "3", "strategy-max_surge": "3", "strategy-deadline_s": "60"}

    looked_at = client.get(
        path, {**confirm(client, path), **typed}, headers={"HX-Request": "true", "HX-Target": "publish-words"}
    )
    client.post(path, confirm(client, path, **typed))

    assert "at most 3 at a time" in text_of(looked_at)
    assert "<html" not in looked_at.content.decode()
    strategy = Operation.objects.get().parameters["strategy"]
    assert strategy == {
        "kind": "rolling", "batch": 3, "max_unavailable": 0, "max_surge": 3, "deadline_s": 60,
        "canary_instances": None, "canary_percent": None, "hold_s": None, "slow_tolerated": 0,
        "min_up_s": 3,
    }  # fmt: skip
    assert job.versions.get(number=2).spec["strategy"]["batch"] == 1


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("batch", "0"),
        ("max_surge", "0"),
        ("deadline_s", "soon"),
        ("kind", "big-bang"),
        ("canary_percent", "100"),
        ("max_unavailable", ""),
    ],
)
def test_a_bad_strategy_is_named_at_its_field_and_nothing_is_published(
    client: Client, job: Job, field: str, typed: str
) -> None:
    path = f"/jobs/{job.tag}/publish/"

    answer = client.post(path, confirm(client, path, **{f"strategy-{field}": typed}))

    assert answer.status_code == 422
    assert set(errors_at(answer)) == {f"strategy-{field}"}
    assert field == "kind" or form_data(answer, "publish-form")[f"strategy-{field}"] == typed
    assert not Operation.objects.exists()


def test_a_busy_job_is_said_with_a_link_and_nothing_typed_is_lost(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/publish/"
    data = confirm(client, path, **{"strategy-batch": "2"})
    other = make_job_operation(job)

    answer = client.post(path, data)

    assert answer.status_code == 409
    assert f'href="/operations/{other.pk}/"' in answer.content.decode()
    assert form_data(answer, "publish-form")["strategy-batch"] == "2"
    assert Operation.objects.get() == other


def test_a_rollback_goes_to_the_version_that_ran_before(client: Client, job: Job) -> None:
    for version in (1, 2):
        make_job_operation(job, kind="job.publish", state="succeeded", parameters={"version": version})
    Job.objects.filter(pk=job.pk).update(running_version=2, target_version=2)
    path = f"/jobs/{job.tag}/rollback/"

    page = text_of(client.get(path))
    client.post(path, confirm(client, path))

    assert "Roll back to version 1" in page
    assert "From version 2 to version 1" in page
    operation = Operation.objects.get(state="queued")
    assert (operation.kind, operation.parameters["version"]) == ("job.rollback", 1)


def test_without_an_earlier_version_a_rollback_says_so(client: Client, job: Job) -> None:
    answer = client.get(f"/jobs/{job.tag}/rollback/")

    assert answer.status_code == 400
    assert "No other version has run yet" in answer.content.decode()


def test_an_unknown_version_is_unknown(client: Client, job: Job) -> None:
    for version in ("7", "99999999999999999999"):
        path = f"/jobs/{job.tag}/publish/?version={version}"
        assert client.get(path).status_code in {200, 404}
    assert client.get(f"/jobs/{job.tag}/publish/?version=7").status_code == 404
    assert client.post(f"/jobs/{job.tag}/publish/", {"version": "7"}).status_code == 404


UNDER_WAY: dict[str, Any] = {
    "kind": "job.publish",
    "state": "waiting",
    "parameters": {
        "version": 2,
        "instances": 6,
        "strategy": complete_strategy({"kind": "canary"}),
        "previous": {"version": 1, "wanted": 6},
    },
    "memory": {"asked": True, "phase": "hold"},
}


def test_while_a_publish_is_under_way_another_version_can_take_over(client: Client, job: Job) -> None:
    first = make_job_operation(job, **UNDER_WAY)
    make_version(job, spec={"cpus": 3.0})
    path = f"/jobs/{job.tag}/publish/"
    page = client.get(path)

    assert f"Operation #{first.pk} is publishing version 2 now." in text_of(page)
    data = form_data(page, "publish-form")
    assert client.post(path, data).status_code == 409
    assert client.post(path, {**data, "replace": "true"}).status_code == 302
    second = Operation.objects.get(after=first)
    assert (second.state, second.parameters["version"]) == ("queued", 3)
    header = text_of(client.get(f"/jobs/{job.tag}/"))
    assert f"Version 3 waits to take over: #{second.pk}" in header
    assert "Publish · v2" in header


def test_a_hold_shows_its_parts_and_what_one_can_tell_it(client: Client, job: Job) -> None:
    operation = make_job_operation(job, **UNDER_WAY)
    Instance.objects.filter(job=job).first().delete()  # type: ignore[union-attr]
    make_instance(job=job, slot="side", version=2)
    answer = client.get(f"/jobs/{job.tag}/")
    page, source = text_of(answer), answer.content.decode()

    assert "the first ones hold the rest" in page
    assert "old 5 new, beside 1" in page
    assert 'aria-current="step"' in source
    assert f'action="/operations/{operation.pk}/tell/go-on/"' in source
    assert f'href="/jobs/{job.tag}/undo/"' in source
    assert "v2 beside" in page


def test_viewers_see_it_and_tell_it_nothing(job: Job) -> None:
    make_job_operation(job, **UNDER_WAY)
    source = (
        browser(make_member(job.product_line, role=Role.VIEWER)).get(f"/jobs/{job.tag}/").content.decode()
    )

    assert "the first ones" in source
    assert "/tell/" not in source
    assert "/undo/" not in source


def test_undoing_says_what_comes_back_and_undoes_the_publish_under_way(client: Client, job: Job) -> None:
    operation = make_job_operation(job, **UNDER_WAY)
    path = f"/jobs/{job.tag}/undo/"
    page = client.get(path)

    assert "Version 1 serves again with 6 instances; what was started of version 2 ends." in text_of(page)
    client.post(path, {**form_data(page, "question"), "reason": "errors"})
    operation.refresh_from_db()
    assert operation.cancel_requested_at is not None
    assert [line.rendered for line in operation.log.all()][-1] == "Because: errors"


def test_a_strategy_that_data_forbids_is_named_at_its_field(client: Client, job: Job) -> None:
    make_version(job, spec={"volumes": [{"path": "data", "size_mib": 10, "persistent": True}]})
    path = f"/jobs/{job.tag}/publish/"

    answer = client.post(path, confirm(client, path, **{"strategy-kind": "canary"}))

    assert answer.status_code == 422
    assert set(errors_at(answer)) == {"strategy-kind"}
    assert not Operation.objects.exists()


def test_the_preview_says_a_canary_in_numbers(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/publish/"
    typed = {"strategy-kind": "canary", "strategy-canary_percent": "30", "strategy-hold_s": "60"}
    page = text_of(client.get(path, {**confirm(client, path), **typed}))

    assert "Starts 2 of 6 instances of version 2 first, beside the old ones." in page
    assert "60 s later the rest follows, unless you undo." in page
