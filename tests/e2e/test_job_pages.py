"""What only a browser shows of the job pages: a form that answers while one types, dialogs, a page that follows."""

from __future__ import annotations

import re

import pytest
from django.utils.text import slugify
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.live import announce
from apps.core.models import Operation
from apps.core.tests.factories import make_cluster
from apps.jobs.explain import Change, Problem
from apps.jobs.models import Instance, Job, JobVersion
from apps.jobs.tests.factories import make_instance, make_job, make_running_job, make_template
from tests.e2e.test_frame import PHONE, WITHIN_MS, live, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_program("chromium")]


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=3, name="weather")


@pytest.fixture
def page_of_developer(page: Page, job: Job) -> Page:
    sign_in(page, make_member(job.product_line))
    return page


def last_row(page: Page, rows: str) -> Locator:
    return page.locator(f"[data-rows={rows}] [data-row]").last


def test_the_tag_shows_itself_as_one_types_and_a_template_fills_the_form_in(page: Page) -> None:
    line = make_product_line(pdl="ocean")
    make_cluster(name="staging")
    make_template(
        name="web", title="Web service", spec={"command": "serve $PORT0", "ports": [{"name": "http"}]}
    )
    sign_in(page, make_member(line))
    page.goto("/jobs/new/")
    page.get_by_label("Start from the template").select_option("Web service")
    expect(page.get_by_label("Command", exact=True)).to_have_value("serve $PORT0")

    page.get_by_label("Service").fill("api")
    page.get_by_label("Cluster").select_option("staging")
    page.get_by_label("Job name").fill("weather")
    tag = "job.weather_service.api_cluster.staging_pdl.ocean_owt.inf_cop.xiaomi"
    expect(page.get_by_role("heading", level=1)).to_have_text(tag)

    page.get_by_text("Show the API call").click()
    expect(page.locator("#api-call")).to_contain_text('"name": "weather"')
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(re.escape(tag)))
    assert JobVersion.objects.get().spec["ports"][0]["name"] == "http"


def test_rows_come_go_and_show_the_fields_of_their_type(page_of_developer: Page, job: Job) -> None:
    page = page_of_developer
    page.goto(f"/jobs/{job.tag}/edit/")
    page.get_by_role("button", name="Add a variable").click()
    variable = last_row(page, "env")
    expect(variable.get_by_label("Name", exact=True)).to_be_focused()
    variable.get_by_label("Name", exact=True).fill("LEVEL")
    variable.get_by_label("Value").fill("info")
    variable.get_by_label("Kind").select_option("secret")
    expect(variable.get_by_label("Value")).to_be_hidden()
    variable.get_by_label("Kind").select_option("text")
    expect(variable.get_by_label("Name of the secret")).to_be_hidden()

    page.get_by_role("tab", name="Runtime").click()
    page.get_by_role("button", name="Add a check").click()
    check = last_row(page, "health_checks")
    check.get_by_label("Type").select_option("command")
    expect(check.get_by_label("Path")).to_be_hidden()
    check.get_by_label("Command").fill("test -f ready")
    page.locator("[data-rows=health_checks] [data-row-remove]").first.click()

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    spec = JobVersion.objects.get(number=2).spec
    assert spec["env"] == {"LEVEL": "info"}
    assert [check["command"] for check in spec["health_checks"]] == ["test -f ready"]


def test_the_first_error_is_under_the_cursor_whichever_tab_it_is_on(
    page_of_developer: Page, job: Job
) -> None:
    page = page_of_developer
    page.goto(f"/jobs/{job.tag}/edit/")
    page.get_by_role("tab", name="Advanced").click()
    page.get_by_label("Kill grace").fill("long")
    page.get_by_role("tab", name="Runtime").click()
    page.get_by_label("Memory").fill("much")
    page.get_by_role("tab", name="Job").click()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_label("Memory")).to_be_focused()
    expect(page.get_by_label("Memory")).to_have_value("much")
    expect(page.get_by_role("tab", name="Runtime has errors")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tab", name="Advanced has errors")).to_be_visible()


def test_what_was_typed_is_not_left_behind_without_a_word(page_of_developer: Page, job: Job) -> None:
    page = page_of_developer
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.goto(f"/jobs/{job.tag}/edit/")
    page.get_by_role("tabpanel", name="Job").get_by_label("Command").fill("other")
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(re.compile(f"{re.escape(job.tag)}/$"))
    assert asked == ["beforeunload"]


def test_jobs_to_depend_on_are_suggested(page_of_developer: Page, job: Job) -> None:
    page = page_of_developer
    other = make_job(product_line=job.product_line, cluster=job.cluster, name="database")
    page.goto(f"/jobs/{job.tag}/edit/")
    page.get_by_role("tab", name="Advanced").click()
    page.get_by_role("button", name="Add a job").click()
    last_row(page, "depends_on").get_by_label("Job").press_sequentially("data")
    option = page.locator("#dependency-options option")
    expect(option).to_have_attribute("value", other.tag)


def test_the_preview_s_words_follow_the_strategy_that_is_typed(page_of_developer: Page, job: Job) -> None:
    page = page_of_developer
    page.goto(f"/jobs/{job.tag}/publish/")
    words = page.locator("#publish-words")
    expect(words).to_contain_text("at most 1 at a time")
    page.get_by_text("Another strategy for this publish").click()
    page.get_by_label("Batch").fill("3")
    page.get_by_label("May be extra").fill("3")
    expect(words).to_contain_text("at most 3 at a time")


def test_a_dangerous_action_asks_in_a_dialog_and_says_what_is_wrong_there(
    page_of_developer: Page, job: Job
) -> None:
    page = page_of_developer
    page.goto(f"/jobs/{job.tag}/")
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Stop").click()
    dialog = page.get_by_role("dialog", name="Stop weather")
    expect(dialog).to_contain_text("Ends all its 3 instances.")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("end of the season")
    name = dialog.get_by_label("The job's name, to confirm")
    name.fill("whether")
    dialog.get_by_role("button", name="Stop").click()
    expect(dialog).to_contain_text("This is not the job's name: type weather.")
    assert not Operation.objects.exists()
    name.fill("weather")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("[data-operation]")).to_contain_text("Stop")
    assert Operation.objects.get().kind == "job.stop"


def test_the_job_s_page_follows_by_itself(page_of_developer: Page, job: Job) -> None:
    page = page_of_developer
    page.goto(f"/jobs/{job.tag}/")
    live(page)
    expect(page.locator("#instances tbody tr")).to_have_count(3)

    make_instance(job=job, host="the-new-one")
    Job.objects.filter(pk=job.pk).update(running=4, state=Job.State.DEPLOYING)
    announce(f"job:{job.pk}")

    expect(page.locator("#instances tbody tr")).to_have_count(4, timeout=WITHIN_MS)
    expect(page.get_by_text("the-new-one")).to_be_visible()
    expect(page.locator("[data-count=running]")).to_have_text("4", timeout=WITHIN_MS)
    expect(page.locator("#job-header [data-state=deploying]")).to_be_visible()


def test_other_reasons_stay_unfolded_while_the_first_changes(page_of_developer: Page, job: Job) -> None:
    page = page_of_developer
    second = Problem("warning", "y", "The second.", change=Change("spec.cpus", 0.1, 0.05)).as_json()
    Job.objects.filter(pk=job.pk).update(problems=[Problem("error", "x", "The first.").as_json(), second])
    page.goto(f"/jobs/{job.tag}/")
    live(page)
    expect(page.get_by_text("The second.")).not_to_be_visible()
    page.locator("#more-problems summary").click()
    expect(page.get_by_text("The second.")).to_be_visible()

    Job.objects.filter(pk=job.pk).update(problems=[Problem("error", "x", "Another.").as_json(), second])
    announce(f"job:{job.pk}")
    expect(page.get_by_text("Another.")).to_be_visible(timeout=WITHIN_MS)
    expect(page.get_by_text("The second.")).to_be_visible()

    page.get_by_role("link", name="Edit with this change").click()
    expect(page.locator("[name=cpus]")).to_have_value("0.05")


def test_a_page_whose_job_is_gone_says_so(browser: Browser, web: str, job: Job) -> None:
    page = browser.new_context(base_url=web).new_page()
    sign_in(page, make_member(job.product_line))
    page.goto(f"/jobs/{job.tag}/")
    live(page)
    Job.objects.filter(pk=job.pk).update(deleted_at=job.created_at)
    announce(f"job:{job.pk}")
    expect(page.locator("#job-header")).to_have_count(0, timeout=WITHIN_MS)
    page.context.close()


def test_what_a_failing_instance_says_stays_while_the_header_follows(
    page_of_developer: Page, job: Job
) -> None:
    page = page_of_developer
    Job.objects.filter(pk=job.pk).update(state=Job.State.DEGRADED)
    failing = Instance.objects.filter(job=job)[0]
    Instance.objects.filter(pk=failing.pk).update(healthy=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "logs/piece" in request.url else None)
    page.goto(f"/jobs/{job.tag}/")
    live(page)
    tail = page.locator(f"#failing-log-{slugify(failing.task_id)}")
    expect(tail).to_contain_text(f"End of stderr on {failing.host}")
    before = len(asked)

    Job.objects.filter(pk=job.pk).update(running=2)
    announce(f"job:{job.pk}")

    expect(page.locator("[data-count=running]")).to_have_text("2", timeout=WITHIN_MS)
    expect(tail).to_contain_text(f"End of stderr on {failing.host}")
    assert len(asked) <= before + 1, "it looks every few seconds, not at every change"


@pytest.mark.parametrize(
    "path", ["", "edit/", "publish/", "history/", "versions/", "configuration/", "logs/", "stop/"]
)
def test_on_a_phone_nothing_is_cut_off(page_of_developer: Page, job: Job, path: str) -> None:
    page = page_of_developer
    page.set_viewport_size(PHONE)
    page.goto(f"/jobs/{job.tag}/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_without_scripts_a_job_can_be_made_and_stopped(browser: Browser, web: str, job: Job) -> None:
    context = browser.new_context(base_url=web, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, make_member(job.product_line))
    page.goto(f"/jobs/new/?cluster={job.cluster.name}&service=api&name=plain")
    page.get_by_label("Command", exact=True).first.fill("sleep 60")
    page.locator("[name=env-0-name]").fill("LEVEL")
    page.locator("[name=env-0-value]").fill("info")
    page.get_by_label("Memory").fill("77")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("job.plain_service.api"))
    spec = JobVersion.objects.get(job__name="plain").spec
    assert (spec["env"], spec["memory_mib"]) == ({"LEVEL": "info"}, 77)

    page.goto(f"/jobs/{job.tag}/stop/")
    page.get_by_label("Reason").fill("end of the season")
    page.get_by_label("The job's name, to confirm").fill("weather")
    page.get_by_role("button", name="Stop").click()
    assert Operation.objects.get().kind == "job.stop"
    context.close()
