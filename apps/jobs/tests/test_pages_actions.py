"""Scaling, restarting, stopping, starting, deleting, killing: asked in numbers, and done once."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.tests.factories import make_member
from apps.core.models import Operation
from apps.jobs.explain import Problem
from apps.jobs.models import Instance, Job
from apps.jobs.tests.factories import make_job, make_job_operation, make_running_job
from apps.jobs.tests.pages import browser, errors_at, form_data, text_of

pytestmark = pytest.mark.django_db
IN_DIALOG = {"HX-Request": "true", "HX-Target": "dialog"}


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=6, name="weather")


@pytest.fixture
def client(job: Job) -> Client:
    return browser(make_member(job.product_line))


def answer_with(client: Client, path: str, **typed: str) -> dict[str, str]:
    return {**form_data(client.get(path), "question"), **typed}


def wanted(job: Job) -> int:
    return Job.objects.get(pk=job.pk).wanted


@pytest.mark.parametrize("asked", [9, 3])
def test_scaling_asks_for_the_number(client: Client, job: Job, asked: int) -> None:
    path = f"/jobs/{job.tag}/scale/"

    page = text_of(client.get(path))
    answer = client.post(path, answer_with(client, path, instances=str(asked)))

    assert "Instances wanted now: 6; running: 6." in page
    assert answer.headers["Location"] == f"/jobs/{job.tag}/"
    assert Operation.objects.get().kind == "job.scale"
    assert wanted(job) == asked


@pytest.mark.parametrize("asked", ["2", "0"])
def test_ending_more_than_half_asks_for_the_name(client: Client, job: Job, asked: str) -> None:
    path = f"/jobs/{job.tag}/scale/"
    data = answer_with(client, path, instances=asked, reason="fewer readers at night")

    unnamed = client.post(path, data)
    misnamed = client.post(path, {**data, "confirm": "Weather"})
    unreasoned = client.post(path, {**data, "reason": " ", "confirm": "weather"})

    ends = 6 - int(asked)
    assert errors_at(unnamed)["confirm"] == f"This ends {ends} of 6 instances. Type weather to go on."
    assert unnamed.status_code == misnamed.status_code == 422
    assert form_data(misnamed, "question")["instances"] == asked
    assert errors_at(unreasoned) == {"reason": "This field is required."}
    assert wanted(job) == 6

    client.post(path, {**data, "confirm": "weather"})

    assert wanted(job) == int(asked)


@pytest.mark.parametrize("typed", ["", "many", "-1", "100001"])
def test_a_number_that_is_none_is_named_at_its_field(client: Client, job: Job, typed: str) -> None:
    path = f"/jobs/{job.tag}/scale/"

    answer = client.post(path, answer_with(client, path, instances=typed))

    assert answer.status_code == 422
    assert set(errors_at(answer)) == {"instances"}
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("stop", "Ends all its 6 instances. Nothing of it serves until it is started again."),
        (
            "delete",
            "Ends all its 6 instances. It leaves the scheduler and the lists, with all its versions (1)",
        ),
    ],
)
def test_stopping_and_deleting_say_in_numbers_what_they_do_and_ask_for_name_and_reason(
    client: Client, job: Job, action: str, says: str
) -> None:
    path = f"/jobs/{job.tag}/{action}/"
    data = answer_with(client, path, reason="replaced by climate")

    assert says in text_of(client.get(path))
    for typed in ("", "weathers", "WEATHER"):
        answer = client.post(path, {**data, "confirm": typed})
        assert (answer.status_code, set(errors_at(answer))) == (422, {"confirm"})
        assert form_data(answer, "question")["reason"] == "replaced by climate"
    unreasoned = client.post(path, {**data, "reason": "", "confirm": "weather"})
    assert (unreasoned.status_code, set(errors_at(unreasoned))) == (422, {"reason"})
    assert not Operation.objects.exists()

    answer = client.post(path, {**data, "confirm": "weather"})

    operation = Operation.objects.get()
    assert (operation.kind, operation.reason) == (f"job.{action}", "replaced by climate")
    watched = operation.get_absolute_url() if action == "delete" else job.get_absolute_url()
    assert answer.headers["Location"] == watched, "where it can be seen to its end"


def test_a_stopped_job_is_started_with_as_many_as_before(client: Client, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(wanted=0, running=0, wanted_before_stop=4)
    path = f"/jobs/{job.tag}/start/"

    assert "Starts 4 instances of version 1." in text_of(client.get(path))
    client.post(path, answer_with(client, path))

    assert Operation.objects.get().kind == "job.start"
    assert wanted(job) == 4


def test_restarting_says_how_it_goes(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/restart/"

    assert "Replaces 6 instances by version 1, at most 1 at a time." in text_of(client.get(path))
    client.post(path, answer_with(client, path))

    assert Operation.objects.get().kind == "job.restart"


def test_what_is_held_back_can_be_tried_again_at_once(client: Client, job: Job) -> None:
    problem = Problem("warning", "backing_off", "Instances wait.")
    Job.objects.filter(pk=job.pk).update(state=Job.State.DEGRADED, problems=[problem.as_json()])
    path = f"/jobs/{job.tag}/retry/"
    assert f'href="{path}"' in client.get(f"/jobs/{job.tag}/").content.decode()

    assert "are started now, and the wait begins anew" in text_of(client.get(path))
    client.post(path, answer_with(client, path))

    assert Operation.objects.get().kind == "job.retry"
    assert f'href="{path}"' not in client.get(f"/jobs/{job.tag}/").content.decode(), "an operation is at work"


@pytest.mark.parametrize(("ticked", "left"), [({}, 6), ({"shrink": "on"}, 5)])
def test_one_instance_is_ended_with_or_without_another_in_its_place(
    client: Client, job: Job, ticked: dict[str, str], left: int
) -> None:
    instance = Instance.objects.filter(job=job)[2]
    path = f"/jobs/{job.tag}/instances/{instance.task_id}/kill/"

    assert f"Ends the instance on {instance.host}" in text_of(client.get(path))
    client.post(path, answer_with(client, path, **ticked))

    operation = Operation.objects.get()
    assert (operation.kind, operation.parameters["task_id"]) == ("job.kill_instance", instance.task_id)
    assert operation.reason == "", "offered, not asked for"
    assert wanted(job) == left


def test_an_instance_of_another_job_is_unknown(client: Client, job: Job) -> None:
    other = Instance.objects.filter(job=make_running_job(instances=1)).get()

    assert client.get(f"/jobs/{job.tag}/instances/{other.task_id}/kill/").status_code == 404


@pytest.mark.parametrize("action", ["scale", "restart", "stop", "start"])
def test_what_makes_no_sense_is_refused_in_words(client: Client, job: Job, action: str) -> None:
    draft = make_job(product_line=job.product_line, name="draft")
    path = f"/jobs/{draft.tag}/{action}/"

    answer = client.post(path, answer_with(client, path, confirm="draft", instances="3", reason="r"))

    assert answer.status_code == 422
    assert "The job has not been published yet: publish it first." in text_of(answer)


@pytest.mark.parametrize("headers", [{}, IN_DIALOG])
def test_a_busy_job_is_said_with_a_link(client: Client, job: Job, headers: dict[str, str]) -> None:
    other = make_job_operation(job)
    path = f"/jobs/{job.tag}/scale/"

    answer = client.post(path, answer_with(client, path, instances="7"), headers=headers)

    assert answer.status_code == 409
    assert f'href="/operations/{other.pk}/"' in answer.content.decode()
    assert form_data(answer, "question")["instances"] == "7"


def test_the_same_address_fills_the_dialog(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/stop/"

    asked = client.get(path, headers=IN_DIALOG)
    data = {**form_data(asked, "question"), "reason": "r"}
    wrong = client.post(path, {**data, "confirm": "x"}, headers=IN_DIALOG)
    right = client.post(path, {**data, "confirm": "weather"}, headers=IN_DIALOG)

    assert "<html" not in asked.content.decode()
    assert (wrong.status_code, set(errors_at(wrong))) == (422, {"confirm"})
    assert "<html" not in wrong.content.decode()
    assert right.headers["HX-Redirect"] == f"/jobs/{job.tag}/"


def test_a_second_click_is_not_a_second_operation(client: Client, job: Job) -> None:
    path = f"/jobs/{job.tag}/scale/"
    data = answer_with(client, path, instances="8")

    answers = [client.post(path, data) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert Operation.objects.count() == 1
