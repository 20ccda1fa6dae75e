"""The job form's tab "Autoscaling": saved with the form or not at all, each error at its field."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from apps.accounts.models import ProductLine, User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import AuditEntry
from apps.core.tests.client import api_client
from apps.core.tests.factories import make_cluster, make_group
from apps.elastic.models import ScalingPolicy, ScalingSchedule
from apps.elastic.tests.factories import CPU, make_policy, make_schedule
from apps.jobs.models import Job, JobVersion
from apps.jobs.tests.factories import make_job
from apps.jobs.tests.pages import add_row, browser, errors_at, form_data

pytestmark = pytest.mark.django_db
FORM = "job-form"
SLIDE = {
    "scaling-enabled": "on",
    "scaling-metrics-0-metric": "cpu",
    "scaling-metrics-0-mode": "threshold",
    "scaling-metrics-0-out_samples": "3",
    "scaling-metrics-0-out_above": "80",
    "scaling-metrics-0-in_samples": "3",
    "scaling-metrics-0-in_below": "60",
    "scaling-max": "5",
    "scaling-min": "1",
    "scaling-step": "1",
}


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def dev(line: ProductLine) -> User:
    return make_member(line)


@pytest.fixture
def job(line: ProductLine) -> Job:
    return make_job(product_line=line)


def edit(job: Job) -> str:
    return f"/jobs/{job.tag}/edit/"


def filled(dev: User, url: str, **changed: str) -> dict[str, Any]:
    """What the form would send, with these fields typed over; `_` stands for `-`."""
    data = form_data(browser(dev).get(url), FORM)
    return {**data, "scaling-shrinking": data["scaling-shrinking"] or "steps", **changed}


def test_the_tab_stands_third_and_begins_with_the_slides_numbers(dev: User, job: Job) -> None:
    make_group(name="sre_ocean")
    response = browser(dev).get(edit(job))
    html = response.content.decode()
    places = [html.index(f'id="tab-{tab}-label"') for tab in ("job", "runtime", "scaling", "advanced")]
    assert places == sorted(places)
    data = form_data(response, FORM)
    names = ("max", "min", "step", "metrics-0-metric", "metrics-0-mode", "metrics-0-target")
    assert [data[f"scaling-{name}"] for name in names] == ["5", "1", "1", "cpu", "target", "65"]
    rule = ("out_samples", "out_above", "in_samples", "in_below")
    assert [data[f"scaling-metrics-0-{name}"] for name in rule] == ["3", "80", "3", "60"]
    assert "sre_ocean" in html


def test_saving_the_form_as_it_is_makes_no_policy(dev: User, job: Job) -> None:
    answer = browser(dev).post(edit(job), {**filled(dev, edit(job)), "save": "1"})
    assert answer.status_code == 302
    assert ScalingPolicy.objects.count() == 0
    assert JobVersion.objects.filter(job=job).count() == 1


def test_the_slides_form_becomes_a_policy_and_no_version(dev: User, job: Job) -> None:
    make_group(name="sre_ocean")
    data = {**filled(dev, edit(job)), **SLIDE, "scaling-notify": "sre_ocean"}
    answer = browser(dev).post(edit(job), data, follow=True)
    assert "The scaling policy is saved, and holds from now on." in answer.content.decode()
    policy = ScalingPolicy.objects.get()
    assert (policy.enabled, policy.min, policy.max, policy.step, policy.notify) == (
        True,
        1,
        5,
        1,
        ["sre_ocean"],
    )
    assert policy.metrics == [CPU]
    assert policy.updated_by == dev
    assert JobVersion.objects.filter(job=job).count() == 1
    assert AuditEntry.objects.filter(action="scaling.set").count() == 1
    again = form_data(browser(dev).get(edit(job)), FORM)
    assert {name: again.get(name) for name in SLIDE} == SLIDE
    assert again["scaling-notify"] == "sre_ocean"


def test_a_new_job_gets_its_policy_in_the_same_save(dev: User, line: ProductLine) -> None:
    cluster = make_cluster()
    url = "/jobs/new/"
    place = {"product_line": line.tag, "service": "web", "cluster": cluster.name, "name": "web"}
    answer = browser(dev).post(url, {**filled(dev, url), **place, **SLIDE, "command": "./run"})
    assert answer.status_code == 302
    assert ScalingPolicy.objects.get().job == Job.objects.get(name="web")


def test_several_metrics_stand_side_by_side(dev: User, job: Job) -> None:
    more = {
        "scaling-enabled": "on",
        "scaling-metrics-TOTAL_FORMS": "3",
        "scaling-metrics-2-kept": "1",
        "scaling-metrics-2-metric": "latency",
        "scaling-metrics-2-mode": "target",
        "scaling-metrics-2-target": "120.5",
    }
    browser(dev).post(edit(job), {**filled(dev, edit(job)), **more})
    assert ScalingPolicy.objects.get().metrics == [
        {"metric": "cpu", "mode": "target", "target": 65.0},
        {"metric": "latency", "mode": "target", "target": 120.5},
    ]


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"scaling-max": ""}, "scaling-max", "This field is required."),
        ({"scaling-max": "many"}, "scaling-max", "A valid integer is required."),
        ({"scaling-min": "9"}, "scaling-max", "At least the smallest number of instances, 9."),
        (
            {"scaling-metrics-0-in_below": "80"},
            "scaling-metrics-0-in_below",
            "Must be less than the threshold for adding instances",
        ),
        (
            {"scaling-metrics-0-out_above": "hot"},
            "scaling-metrics-0-out_above",
            "A valid number is required.",
        ),
        (
            {"scaling-metrics-0-out_above": "", "scaling-metrics-0-in_below": ""},
            "scaling-metrics-0-out_above",
            "when to add instances",
        ),
        (
            {"scaling-metrics-0-mode": "target", "scaling-metrics-0-target": ""},
            "scaling-metrics-0-target",
            "at which value to hold",
        ),
        (
            {"scaling-metrics-0-out_above": "nan"},
            "scaling-metrics-0-out_above",
            "A valid number is required.",
        ),
        (
            {"scaling-metrics-0-mode": "target", "scaling-metrics-0-target": "0"},
            "scaling-metrics-0-target",
            "greater than or equal to 0.001",
        ),
        ({"scaling-max": "1000000000"}, "scaling-max", "less than or equal to"),
        ({"scaling-shrink_percent": "101"}, "scaling-shrink_percent", "less than or equal to 100"),
    ],
)
def test_an_error_stands_at_its_field_and_nothing_is_saved(
    dev: User, job: Job, typed: dict[str, str], field: str, words: str
) -> None:
    data = {**filled(dev, edit(job)), **SLIDE, "command": "./changed", **typed}
    answer = browser(dev).post(edit(job), data)
    assert answer.status_code == 422
    assert words in errors_at(answer).get(field, ""), errors_at(answer)
    kept = form_data(answer, FORM)
    assert {name: kept[name] for name in typed} == typed
    assert kept["command"] == "./changed"
    assert ScalingPolicy.objects.count() == 0
    assert JobVersion.objects.filter(job=job).count() == 1
    assert 'id="tab-scaling-label"' in answer.content.decode()


def test_errors_of_the_spec_and_of_the_policy_are_said_together(dev: User, job: Job) -> None:
    data = {**filled(dev, edit(job)), **SLIDE, "cpus": "much", "scaling-max": "0"}
    answer = browser(dev).post(edit(job), data)
    assert answer.status_code == 422
    assert {"cpus", "scaling-max"} <= errors_at(answer).keys()


def test_a_policy_that_somebody_else_saved_meanwhile_is_not_overwritten_unseen(dev: User, job: Job) -> None:
    policy = make_policy(job=job)
    data = {**filled(dev, edit(job)), "scaling-max": "7"}
    ScalingPolicy.objects.filter(pk=policy.pk).update(max=9, version=2)
    answer = browser(dev).post(edit(job), data)
    assert answer.status_code == 422
    assert "Somebody changed the scaling policy meanwhile" in answer.content.decode()
    policy.refresh_from_db()
    assert policy.max == 9
    again = browser(dev).post(edit(job), form_data(answer, FORM))
    assert again.status_code == 302, errors_at(again)
    policy.refresh_from_db()
    assert (policy.max, policy.version) == (7, 3)


def test_what_was_sent_twice_is_saved_once(dev: User, job: Job) -> None:
    page = browser(dev)
    row = {"start": "2016-10-01 02:00", "days": "1", "time": "", "instances": "2", "time_zone": "UTC"}
    data = {**filled(dev, edit(job)), **SLIDE}
    data = add_row(data, "scaling-schedules", **row, kind="floor", misfire="make_up")
    assert [page.post(edit(job), data).status_code for _twice in range(2)] == [302, 302]
    assert ScalingPolicy.objects.get().version == 1
    assert ScalingSchedule.objects.get().instances == 2


def test_a_policy_that_only_somebody_else_changed_is_left_as_they_saved_it(dev: User, job: Job) -> None:
    policy = make_policy(job=job)
    data = {**filled(dev, edit(job)), "command": "./changed"}
    ScalingPolicy.objects.filter(pk=policy.pk).update(max=9, version=2)
    assert browser(dev).post(edit(job), data).status_code == 302
    policy.refresh_from_db()
    assert (policy.max, policy.version) == (9, 2)
    assert JobVersion.objects.filter(job=job).count() == 2


def test_a_policy_that_somebody_removed_meanwhile_comes_back_only_by_a_second_save(
    dev: User, job: Job
) -> None:
    policy = make_policy(job=job)
    data = {**filled(dev, edit(job)), "scaling-max": "7"}
    policy.delete()
    answer = browser(dev).post(edit(job), data)
    assert "Somebody changed the scaling policy meanwhile" in answer.content.decode()
    again = browser(dev).post(edit(job), form_data(answer, FORM))
    assert again.status_code == 302, errors_at(again)
    assert ScalingPolicy.objects.get().max == 7


def test_a_policy_that_somebody_changed_is_not_removed_unseen(dev: User, job: Job) -> None:
    policy = make_policy(job=job)
    data = {**filled(dev, edit(job)), "scaling-metrics-0-metric": "scheduled"}
    ScalingPolicy.objects.filter(pk=policy.pk).update(max=9, version=2)
    answer = browser(dev).post(edit(job), data)
    assert answer.status_code == 422
    assert "Somebody changed the scaling policy meanwhile" in answer.content.decode()
    assert browser(dev).post(edit(job), form_data(answer, FORM)).status_code == 302
    assert not ScalingPolicy.objects.exists()


def test_schedules_that_somebody_added_meanwhile_are_not_removed_unseen(dev: User, job: Job) -> None:
    """Two tabs: what the first to be saved added is no row that the other took out."""
    page, mine = browser(dev), make_schedule(job=job)
    data = filled(dev, edit(job))
    make_schedule(job=job, start="2016-10-01T07:00", instances=4)
    assert page.post(edit(job), {**data, "command": "./changed"}).status_code == 302
    assert ScalingSchedule.objects.count() == 2

    answer = page.post(edit(job), {**data, "edited_version": "2", "scaling-schedules-0-instances": "3"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Somebody changed the schedules meanwhile" in text
    assert "2016-10-01 07:00 Asia/Shanghai P1D: 4" in text
    mine.refresh_from_db()
    assert (mine.instances, ScalingSchedule.objects.count()) == (2, 2)
    assert page.post(edit(job), form_data(answer, FORM)).status_code == 302
    assert [row.instances for row in ScalingSchedule.objects.all()] == [3]


def test_a_schedule_is_switched_off_and_on_in_its_row(dev: User, job: Job) -> None:
    row = make_schedule(job=job, enabled=False)
    data = filled(dev, edit(job))
    assert data["scaling-schedules-0-off"] == "on"
    del data["scaling-schedules-0-off"]
    assert browser(dev).post(edit(job), data).status_code == 302
    row.refresh_from_db()
    assert row.enabled
    assert row.next_at is not None


def test_a_policy_that_is_saved_switched_off_says_that_nothing_comes_of_it(dev: User, job: Job) -> None:
    data = {name: value for name, value in SLIDE.items() if name != "scaling-enabled"}
    answer = browser(dev).post(edit(job), {**filled(dev, edit(job)), **data}, follow=True)
    assert "saved, but switched off: nothing is scaled by it." in answer.content.decode()


def test_without_a_metric_and_switched_off_there_is_no_policy(dev: User, job: Job) -> None:
    data = {**filled(dev, edit(job)), "scaling-metrics-0-DELETE": "on"}
    assert browser(dev).post(edit(job), data).status_code == 302
    assert not ScalingPolicy.objects.exists()
    on = browser(dev).post(edit(job), {**data, "scaling-enabled": "on"})
    assert on.status_code == 422
    assert "Say by which metric to scale." in on.content.decode()


def test_by_time_alone_there_is_no_policy(dev: User, job: Job) -> None:
    make_policy(job=job)
    data = {**filled(dev, edit(job)), "scaling-metrics-0-metric": "scheduled"}
    answer = browser(dev).post(edit(job), data, follow=True)
    assert "The job is no longer scaled by metric." in answer.content.decode()
    assert ScalingPolicy.objects.count() == 0


def test_what_was_typed_goes_along_with_the_yaml_and_back(dev: User, job: Job) -> None:
    page = browser(dev)
    data = {**filled(dev, edit(job)), **SLIDE, "scaling-max": "8"}
    as_yaml = form_data(page.post(edit(job), {**data, "to_yaml": "1"}), "yaml-form")
    assert as_yaml["scaling-max"] == "8"
    back = page.post(edit(job), {**as_yaml, "to_form": "1"})
    assert form_data(back, FORM)["scaling-max"] == "8"
    assert page.post(edit(job), as_yaml).status_code == 302
    assert ScalingPolicy.objects.get().max == 8


def test_groups_that_can_be_named_are_the_lines_and_everybodys(
    dev: User, job: Job, line: ProductLine
) -> None:
    make_group(name="for_all")
    make_group(name="of_the_line", product_line=line)
    make_group(name="of_another", product_line=make_product_line())
    make_policy(job=job, notify=["deleted_one"])
    html = browser(dev).get(edit(job)).content.decode()
    for name, there in (("for_all", 1), ("of_the_line", 1), ("of_another", 0), ("deleted_one", 1)):
        assert html.count(f'value="{name}"') == there
    assert "deleted_one (no longer there)" in html


# --- the calls of the API that do the same --------------------------------------------------------------


def calls(dev: User, url: str, data: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """The calls that the form shows: method, path below the API, body."""
    page = unescape(browser(dev).post(f"{url}api-call/", data).content.decode())
    shown = re.findall(r"<pre[^>]*>curl -X (\w+) http://testserver/api/v1/(\S+) (.*?)</pre>", page, re.DOTALL)
    return [
        (
            method,
            path,
            json.loads(body[1]) if (body := re.search(r"END'\n(.*)\nEND", rest, re.DOTALL)) else None,
        )
        for method, path, rest in shown
    ]


def make_them(dev: User, shown: list[tuple[str, str, Any]]) -> list[int]:
    api = api_client(dev)
    return [
        getattr(api, method.lower())(f"/api/v1/{path}", body, format="json").status_code
        for method, path, body in shown
    ]


TIME = {
    "scaling-schedules-TOTAL_FORMS": "1",
    "scaling-schedules-0-kept": "1",
    "scaling-schedules-0-start": "2016-10-01 02:00",
    "scaling-schedules-0-days": "1",
    "scaling-schedules-0-time": "00:00",
    "scaling-schedules-0-instances": "4",
    "scaling-schedules-0-time_zone": "Asia/Shanghai",
    "scaling-schedules-0-kind": "floor",
    "scaling-schedules-0-misfire": "make_up",
}


def test_the_calls_that_the_form_shows_save_the_policy_and_the_times(dev: User, job: Job) -> None:
    data = {**filled(dev, edit(job)), **SLIDE, **TIME}
    shown = calls(dev, edit(job), data)
    assert [call[:2] for call in shown] == [
        ("PUT", f"jobs/{job.tag}/scaling/"),
        ("POST", f"jobs/{job.tag}/schedules/"),
    ]
    policy, schedule = shown[0][2], shown[1][2]
    assert {name: policy[name] for name in ("metric", "out", "in", "max", "version")} == {
        **{name: CPU[name] for name in ("metric", "out", "in")},
        "max": 5,
        "version": 0,
    }
    assert schedule == {
        "start": "2016-10-01T02:00",
        "interval": "P1D",
        "instances": 4,
        "time_zone": "Asia/Shanghai",
        "kind": "floor",
        "misfire": "make_up",
        "enabled": True,
    }
    assert ScalingPolicy.objects.count() == 0
    assert make_them(dev, shown) == [200, 201]
    assert (ScalingPolicy.objects.get().metrics, ScalingSchedule.objects.get().instances) == ([CPU], 4)


def test_what_the_policy_already_says_is_no_call_beside_the_jobs_own(dev: User, job: Job) -> None:
    make_policy(job=job)
    make_schedule(job=job)
    data = filled(dev, edit(job))
    unchanged = ("PATCH", f"jobs/{job.tag}/", {"spec": {}, "version": 1, "note": ""})
    assert calls(dev, edit(job), data) == [unchanged]
    [of_job, of_policy] = calls(dev, edit(job), {**data, "cpus": "2", "scaling-max": "7"})
    assert of_job == ("PATCH", f"jobs/{job.tag}/", {"spec": {"cpus": 2.0}, "version": 1, "note": ""})
    assert (of_policy[0], of_policy[2]["max"], of_policy[2]["version"]) == ("PUT", 7, 1)


def test_a_changed_and_a_removed_time_are_calls_of_their_own(dev: User, job: Job) -> None:
    changed, removed = make_schedule(job=job), make_schedule(job=job, start="2017-10-01T02:00")
    data = filled(dev, edit(job))
    rows = {data[f"scaling-schedules-{row}-schedule"]: row for row in range(2)}
    data[f"scaling-schedules-{rows[str(changed.pk)]}-instances"] = "9"
    del data[f"scaling-schedules-{rows[str(removed.pk)]}-kept"]
    shown = calls(dev, edit(job), data)
    assert shown == [
        ("DELETE", f"jobs/{job.tag}/schedules/{removed.pk}/", None),
        ("PATCH", f"jobs/{job.tag}/schedules/{changed.pk}/", {"instances": 9}),
    ]
    assert make_them(dev, shown) == [204, 200]
    assert [row.instances for row in ScalingSchedule.objects.all()] == [9]


def test_a_policy_that_is_dropped_is_deleted_by_a_call(dev: User, job: Job) -> None:
    make_policy(job=job)
    data = {**filled(dev, edit(job)), "scaling-metrics-0-metric": "scheduled"}
    assert calls(dev, edit(job), data) == [("DELETE", f"jobs/{job.tag}/scaling/", None)]


def test_the_calls_of_a_new_job_name_it_as_it_will_be(dev: User, line: ProductLine) -> None:
    cluster = make_cluster()
    place = {"product_line": line.tag, "service": "web", "cluster": cluster.name, "name": "web"}
    shown = calls(dev, "/jobs/new/", {**filled(dev, "/jobs/new/"), **place, **SLIDE, "command": "./run"})
    assert make_them(dev, shown) == [201, 200]
    assert ScalingPolicy.objects.get().job == Job.objects.get(name="web")


def test_what_is_wrong_in_the_tab_is_said_in_place_of_the_calls(dev: User, job: Job) -> None:
    page = browser(dev).post(
        f"{edit(job)}api-call/", {**filled(dev, edit(job)), **SLIDE, "scaling-max": "many"}
    )
    assert "A valid integer is required." in page.content.decode()
    assert "curl" not in page.content.decode()
