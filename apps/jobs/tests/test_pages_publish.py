"""The publish preview: what it promises is what is asked for."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_job, make_job_operation, make_running_job, make_version
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
