"""The pages of scaling in a browser: the form's tab by keyboard, its errors, and the chart's moments."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Locator, Page, expect

from apps.accounts.tests.factories import make_member
from apps.core.live import announce
from apps.elastic.models import ScalingPolicy, ScalingSchedule
from apps.elastic.tests.factories import make_decision, make_policy
from apps.jobs.models import Job, JobVersion
from apps.jobs.tests.factories import make_running_job
from tests.e2e.test_frame import live, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_program("chromium")]


@pytest.fixture
def job(page: Page) -> Job:
    job = make_running_job(name="shop", instances=3)
    sign_in(page, make_member(job.product_line))
    return job


def of(page: Page, name: str) -> Locator:
    """A control of the tab by its name."""
    return page.locator(f"[name='scaling-{name}']")


def unit_of(page: Page, name: str) -> Locator:
    return page.locator(f".input-group:has([name='scaling-{name}']) .input-group-text").locator(
        "visible=true"
    )


def test_the_slides_form_by_keyboard_with_the_units_of_its_metric(page: Page, job: Job) -> None:
    page.goto(f"/jobs/{job.tag}/edit/#tab-scaling")
    expect(of(page, "metrics-0-metric")).to_have_value("cpu")
    for name, value in (("max", "5"), ("min", "1"), ("step", "1")):
        expect(of(page, name)).to_have_value(value)
        expect(unit_of(page, name)).to_have_text("instances")
    expect(unit_of(page, "metrics-0-target")).to_have_text("%")

    expect(of(page, "metrics-0-share")).to_be_hidden()
    of(page, "metrics-0-metric").select_option("qps")
    expect(of(page, "metrics-0-share")).to_be_visible()
    of(page, "metrics-0-metric").select_option("cpu")

    of(page, "metrics-0-mode").focus()
    page.keyboard.press("ArrowDown")
    expect(of(page, "metrics-0-target")).to_be_hidden()
    for side, limit, sign in (("out", "above", ">"), ("in", "below", "<")):
        expect(of(page, f"metrics-0-{side}_samples")).to_have_value("3")
        expect(unit_of(page, f"metrics-0-{side}_{limit}")).to_have_text([sign, "%"])
    expect(of(page, "metrics-0-out_above")).to_have_value("80")
    expect(of(page, "metrics-0-in_below")).to_have_value("60")

    of(page, "metrics-0-metric").select_option("qps")
    expect(unit_of(page, "metrics-0-out_above")).to_have_text([">", "req/s"])
    of(page, "metrics-0-metric").select_option("scheduled")
    expect(of(page, "metrics-0-mode")).to_be_hidden()
    of(page, "metrics-0-metric").select_option("cpu")

    page.get_by_role("button", name="Add a time").focus()
    page.keyboard.press("Enter")
    expect(of(page, "schedules-1-start")).to_be_focused()
    page.keyboard.type("2016-10-01 02:00")
    of(page, "schedules-1-instances").fill("2")
    of(page, "enabled").check()
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(page.get_by_text("The scaling policy is saved")).to_be_visible()
    policy = ScalingPolicy.objects.get()
    assert policy.metrics == [
        {
            "metric": "cpu",
            "mode": "threshold",
            "out": {"samples": 3, "above": 80.0},
            "in": {"samples": 3, "below": 60.0},
        }
    ]
    assert (policy.min, policy.max, policy.step) == (1, 5, 1)
    schedule = ScalingSchedule.objects.get()
    assert (schedule.start, schedule.interval, schedule.instances) == ("2016-10-01T02:00", "P1D", 2)


@pytest.mark.parametrize(
    ("wrong", "at", "says"),
    [
        ({"max": "1", "min": "3"}, "max", "At least the smallest number of instances, 3"),
        ({"metrics-0-out_above": "50"}, "metrics-0-in_below", "Must be less than the threshold"),
        ({"metrics-0-out_above": "", "metrics-0-in_below": ""}, "metrics-0-out_above", "Say"),
        ({"max": "many"}, "max", "valid integer"),
        ({"schedules-1-time_zone": "Mars/Base"}, "schedules-1-time_zone", "no time zone of this name"),
        ({"schedules-1-start": ""}, "schedules-1-start", ""),
        ({"schedules-1-time": "25:99"}, "schedules-1-time", "Write hours and minutes as 02:00"),
    ],
)
def test_an_error_stands_at_its_field_and_what_was_typed_is_kept(
    page: Page, job: Job, wrong: dict[str, str], at: str, says: str
) -> None:
    make_policy(job=job)
    page.goto(f"/jobs/{job.tag}/edit/#tab-scaling")
    if any(name.startswith("schedules") for name in wrong):
        page.get_by_role("button", name="Add a time").click()
        of(page, "schedules-1-start").fill("2026-12-01 02:00")
        of(page, "schedules-1-instances").fill("2")
    for name, value in wrong.items():
        of(page, name).fill(value)
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("Nothing has been saved yet")).to_be_visible()
    field = of(page, at)
    expect(field).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(f".ocean-field:has([name='scaling-{at}']) .ocean-errors")).to_contain_text(says)
    for name, value in wrong.items():
        expect(of(page, name)).to_have_value(value)
    assert ScalingPolicy.objects.get().version == 1
    assert not ScalingSchedule.objects.exists()


def test_a_double_click_saves_once_and_what_came_of_it_is_shown(page: Page, job: Job) -> None:
    page.goto(f"/jobs/{job.tag}/edit/")
    page.locator("[name='command']").fill("./changed")
    page.get_by_role("tab", name="Autoscaling").click()
    of(page, "enabled").check()
    page.get_by_role("button", name="Save", exact=True).dblclick()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    expect(page.get_by_text("The scaling policy is saved")).to_be_visible()
    assert JobVersion.objects.filter(job=job).count() == 2
    assert ScalingPolicy.objects.get().version == 1


def test_a_pause_in_hand_survives_what_happens_meanwhile(page: Page, job: Job) -> None:
    policy = make_policy(job=job)
    page.goto(f"/jobs/{job.tag}/scaling/")
    live(page)
    page.get_by_role("button", name="Pause").press("Enter")
    reason = page.get_by_role("dialog").get_by_label("Reason")
    reason.fill("a load test")
    with page.expect_response(lambda answer: answer.request.headers.get("hx-target") == "scaling-standing"):
        announce(f"scaling:{job.pk}")
    expect(reason).to_have_value("a load test")
    reason.press("Enter")
    expect(page.locator("#scaling-standing")).to_contain_text("a load test")
    policy.refresh_from_db()
    assert policy.paused_reason == "a load test"


def test_scaling_is_paused_and_saved_without_scripts(browser: Browser, web: str) -> None:
    job = make_running_job(name="shop", instances=3)
    policy = make_policy(job=job)
    context = browser.new_context(base_url=web, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    sign_in(page, make_member(job.product_line))
    page.goto(f"/jobs/{job.tag}/scaling/")
    page.get_by_label("Reason").fill("a load test")
    page.locator("#pause-scaling").get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#scaling-standing")).to_contain_text("a load test")
    page.goto(f"/jobs/{job.tag}/edit/")
    of(page, "max").fill("7")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The scaling policy is saved")).to_be_visible()
    policy.refresh_from_db()
    assert (policy.max, policy.paused_reason) == (7, "a load test")
    context.close()


def test_a_moment_of_the_chart_is_read_by_keys_and_stays_when_the_chart_goes_on(page: Page, job: Job) -> None:
    make_policy(job=job)
    now = timezone.now()
    for minutes, value in ((3, 61.0), (2, 72.0), (1, 95.0)):
        at = now - timedelta(minutes=minutes)
        make_decision(job=job, at=at, last_at=at, inputs={"cpu": value}, healthy=3)
    page.goto(f"/jobs/{job.tag}/scaling/")
    live(page)
    chart, says = page.locator("#chart-frame"), page.locator("#chart-says")
    chart.focus()
    page.keyboard.press("End")
    expect(says).to_contain_text("CPU 95 %")
    page.keyboard.press("ArrowLeft")
    expect(says).to_contain_text("CPU 72 %")
    expect(page.locator("[data-cursor]")).to_have_attribute("visibility", "visible")

    page.get_by_text("Every moment as a list").click()
    moments = page.locator("[data-readings] li")
    expect(moments).to_have_count(3)
    make_decision(job=job, inputs={"cpu": 97.0}, healthy=3)
    announce(f"scaling:{job.pk}")
    expect(moments).to_have_count(4)
    expect(moments.last).to_be_visible()
    expect(says).to_contain_text("CPU 72 %")
    expect(page.locator("[data-cursor]")).to_have_attribute("visibility", "visible")
