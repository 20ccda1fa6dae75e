"""Finding and choosing in a browser: the search of every page by keys, stars, views, several jobs at once, and two
moments of a job's past."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import Error, Page, Route, expect

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.live import announce
from apps.jobs.models import Favourite, Job, SavedView
from apps.jobs.services.history import Happening, history_add
from apps.jobs.tests.factories import make_instance, make_job, make_running_job
from embedded.waiting import wait_until
from tests.e2e.test_frame import PHONE, live, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_program("chromium")]


@pytest.fixture
def dev() -> User:
    return make_member(make_product_line(), username="dev")


@pytest.fixture
def jobs(dev: User) -> list[Job]:
    line = dev.product_lines.get()
    return [make_job(name=f"web-{number}", service="web", product_line=line) for number in range(3)]


def test_the_search_is_worked_by_keys_alone(page: Page, dev: User, jobs: list[Job]) -> None:
    make_instance(job=jobs[2], ip="10.1.2.3")
    sign_in(page, dev)
    page.goto("/operations/")
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="What to look for")
    expect(field).to_be_focused()
    field.press_sequentially("web-")
    options = page.locator("#search-found").get_by_role("option")
    expect(options).to_have_count(3)
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(options.nth(1).get_attribute("id")))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(field).to_be_hidden()
    page.keyboard.press("Control+k")
    field.fill("10.1.2.3")
    expect(options).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(jobs[2].get_absolute_url())))


def test_a_slash_in_a_field_is_a_slash_and_on_a_phone_there_is_a_button(page: Page, dev: User) -> None:
    sign_in(page, dev)
    page.set_viewport_size(PHONE)
    page.goto("/jobs/")
    page.locator("input[name=search]").press_sequentially("a/b")
    expect(page.locator("#search")).to_be_hidden()
    page.get_by_role("link", name="Search").locator("visible=true").click()
    expect(page.get_by_role("combobox", name="What to look for")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_a_star_is_given_without_leaving_the_list(page: Page, dev: User, jobs: list[Job]) -> None:
    sign_in(page, dev)
    page.goto("/jobs/")
    star = page.get_by_role("button", name="Favourite: web-1")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    assert [row.job for row in Favourite.objects.all()] == [jobs[1]]
    page.get_by_role("list", name="Views").get_by_role("link", name="Favourites").click()
    expect(page.get_by_role("link", name="web-1")).to_be_visible()
    expect(page.get_by_role("link", name="web-0")).to_be_hidden()


def test_a_list_that_was_asked_for_before_the_star_was_given_does_not_take_it_away(
    page: Page, dev: User, jobs: list[Job]
) -> None:
    sign_in(page, dev)
    page.goto("/jobs/")
    live(page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held or route.request.headers.get("hx-target") != "jobs":
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile("/jobs/$"), hold)
    announce("jobs")
    wait_until(lambda: page.evaluate("1") == 1 and bool(held), what="the list asks anew", timeout_s=10)
    old = page.request.get("/jobs/", headers={"HX-Request": "true", "HX-Target": "jobs"})
    star = page.get_by_role("button", name="Favourite: web-1")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    with contextlib.suppress(Error):  # it may have been called off
        held[0].fulfill(response=old)
    page.evaluate("new Promise((done) => setTimeout(done, 300))")
    expect(star).to_have_attribute("aria-pressed", "true")


def test_a_view_keeps_what_the_filters_say_at_that_moment(page: Page, dev: User, jobs: list[Job]) -> None:
    sign_in(page, dev)
    page.goto("/jobs/")
    page.locator("select[name=state]").select_option("draft")
    expect(page).to_have_url(re.compile("state=draft"))
    page.get_by_role("button", name="Views…").click()
    page.get_by_label("Name", exact=True).fill("My drafts")
    page.get_by_role("button", name="Save the view").click()
    link = page.get_by_role("list", name="Views", exact=True).get_by_role("link", name="My drafts")
    expect(link).to_have_attribute("aria-current", "true")
    assert "state=draft" in SavedView.objects.get().query.split("&")


def test_what_is_chosen_stays_chosen_while_the_list_comes_anew(
    page: Page, dev: User, jobs: list[Job]
) -> None:
    sign_in(page, dev)
    page.goto("/jobs/")
    live(page)
    page.get_by_label("Choose web-0").check()
    page.get_by_label("Choose web-2").check()
    bar = page.get_by_role("form", name="Actions on several jobs")
    expect(bar).to_contain_text("Chosen: 2")
    Job.objects.filter(pk=jobs[0].pk).update(state=Job.State.DEGRADED)
    announce("jobs")
    expect(page.locator('[data-state="degraded"]').first).to_be_visible()
    expect(page.get_by_label("Choose web-0")).to_be_checked()
    page.locator("input[name=search]").fill("web-1")
    expect(page.get_by_label("Choose web-0")).to_be_hidden()
    expect(bar).to_contain_text("Chosen: 2")
    page.get_by_label("All on this page").check()
    expect(bar).to_contain_text("Chosen: 3")
    bar.get_by_role("button", name="Choose none").click()
    expect(bar).to_contain_text("Chosen: 0")
    page.locator("input[name=search]").fill("web-")
    expect(page.get_by_label("Choose web-2")).to_be_visible()
    bar.get_by_role("button", name="All that match").click()
    expect(bar).to_contain_text("Chosen: 3")
    with page.expect_request(re.compile("/releases/new/")) as asked:
        bar.get_by_role("button", name="Restart…").click()
    assert asked.value.method == "GET"
    assert "action=restart" in asked.value.url
    assert asked.value.url.count("job=") == 3
    assert "csrf" not in asked.value.url


def test_two_lines_of_the_history_are_compared(page: Page, dev: User) -> None:
    job = make_running_job(product_line=dev.product_lines.get())
    for number in range(3):
        history_add(job, Happening(f"x-{number}", str(number), f"Line {number}."))
    sign_in(page, dev)
    page.goto(f"/jobs/{job.tag}/history/")
    boxes = page.locator("#history input[type=checkbox]")
    for number in range(3):
        boxes.nth(number).check()
    expect(boxes.nth(0)).not_to_be_checked()  # two at most: the first made room
    page.get_by_role("button", name="Compare the chosen moments").click()
    expect(page).to_have_url(re.compile(r"/compare/\?at=.*&at="))
    expect(page.get_by_role("heading", name="What happened in between")).to_be_visible()
