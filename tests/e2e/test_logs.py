"""The logs page in a browser: following, holding, searching, links, and a job that writes faster than anybody reads."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from apps.accounts.tests.factories import make_member
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job
from embedded.waiting import wait_until
from tests.e2e.test_accessibility import violations
from tests.e2e.test_frame import PHONE, sign_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_program("chromium")]

TASK = "a_b_web.instance-5f0c1d2e-1111._app.1"
OTHER = "a_b_web.instance-77aa88bb-2222._app.1"


class Api:
    """What the page gets from `logs/merged/`: each answer once, then nothing new."""

    def __init__(self, page: Page) -> None:
        self.answers: list[dict[str, Any]] = []
        self.asked: list[dict[str, list[str]]] = []
        page.route(re.compile("/logs/merged/"), self.answer)

    def say(self, *texts: str, **fields: Any) -> None:
        """The next answer: a line for each text."""
        line = {"source": "log", "task_id": TASK, "host": "node1", "version": 1, "file": "stdout", **fields}
        self.answers.append(
            {
                "lines": [
                    {"time": f"2026-11-20T08:34:{number % 60:02}.123Z", "text": text, **line}
                    for number, text in enumerate(texts)
                ]
            }
        )

    def answer(self, route: Route) -> None:
        self.asked.append(parse_qs(urlsplit(route.request.url).query))
        body = {"lines": [], "sources": [], "gone": [], "left_out": 0}
        given = self.answers.pop(0) if self.answers else {}
        more = bool(self.answers)
        route.fulfill(json={**body, **given, "cursor": f"c{len(self.asked)}", "more": more})


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=2, name="weather")


@pytest.fixture
def api(page: Page, job: Job) -> Api:
    sign_in(page, make_member(job.product_line))
    return Api(page)


@pytest.fixture
def log(page: Page) -> Locator:
    return page.get_by_role("log", name="Log lines")


def open_logs(page: Page, job: Job, query: str = "") -> None:
    page.goto(f"/jobs/{job.tag}/logs/{query}")


def is_at_end(log: Locator) -> bool:
    return bool(log.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight < 24"))


def test_lines_say_when_who_and_what_and_are_never_read_as_html(
    page: Page, api: Api, log: Locator, job: Job
) -> None:
    api.say("<b>bold</b> \x1b[31mred\x1b[0m")
    api.say("written to stderr", file="stderr", task_id=OTHER, host="node2", estimated=True)
    api.say("1 of 3 instances are new.", source="operation", level="info", operation=12)
    api.say("It fell.", source="event", level="error")
    open_logs(page, job)
    lines = log.locator(".log-line")
    expect(lines).to_have_count(4)
    expect(lines.nth(0).locator(".log-text")).to_have_text("<b>bold</b> red")
    expect(lines.nth(0).locator(".log-who")).to_have_text("node1 1d2e")
    expect(lines.nth(1)).to_have_class(re.compile("log-stderr"))
    expect(lines.nth(1).locator(".log-time")).to_contain_text("~08:34:00.123")
    expect(lines.nth(2).locator(".log-time")).to_have_attribute("href", "/operations/12/")
    expect(lines.nth(3)).to_have_class(re.compile("log-error"))
    assert api.asked[0] == {"file": ["both"], "limit": ["1000"]}
    expect(page.locator("[data-log-empty]")).to_be_hidden()
    page.wait_for_function("performance.getEntriesByType('resource').length > 0")
    assert api.asked[-1]["cursor"] == [f"c{len(api.asked) - 1}"]


def test_it_follows_until_it_is_held_and_says_how_much_waits(
    page: Page, api: Api, log: Locator, job: Job
) -> None:
    api.say(*(f"line {number}" for number in range(300)))
    open_logs(page, job)
    expect(log).to_contain_text("line 299")
    assert is_at_end(log)

    pause = page.get_by_role("button", name="Pause")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    api.say("while paused", "and another")
    new = page.get_by_role("button", name="New lines: 2")
    expect(new).to_be_visible()
    expect(log).not_to_contain_text("while paused")
    new.click()
    expect(log).to_contain_text("and another")
    expect(pause).to_have_attribute("aria-pressed", "false")

    # Who scrolls up wants to read: nothing moves until they are at the end again.
    log.hover()
    page.mouse.wheel(0, -2000)
    api.say("far below")
    expect(page.get_by_role("button", name="New lines: 1")).to_be_visible()
    page.get_by_role("button", name="To the end").click()
    expect(log).to_contain_text("far below")
    assert is_at_end(log)


def test_a_log_of_the_past_opens_at_its_last_line_in_sight(
    page: Page, api: Api, log: Locator, job: Job
) -> None:
    page.set_viewport_size({"width": 900, "height": 640})
    long_line = "a line that is so long that it takes several rows of the page " * 8
    api.say(*(f"{number} {long_line}" for number in range(1, 900)))
    open_logs(page, job)
    last = log.locator(".log-line").last
    expect(last).to_contain_text("899 a line")
    expect(last).to_be_in_viewport()
    wait_until(lambda: is_at_end(log), what="the last line is at the end", timeout_s=5)
    wait_until(
        lambda: log.evaluate("e => e.getBoundingClientRect().bottom <= innerHeight"),
        what="the end of the log is in the window",
        timeout_s=5,
    )


def test_searching_marks_every_place_and_goes_from_one_to_the_next_by_keyboard(
    page: Page, api: Api, log: Locator, job: Job
) -> None:
    api.say(*(f"{'Error' if number % 100 == 50 else 'fine'} {number} of error" for number in range(300)))
    open_logs(page, job)
    expect(log).to_contain_text("299 of error")
    log.focus()
    page.keyboard.press("/")
    expect(page.get_by_label("Search in what is loaded")).to_be_focused()
    page.keyboard.type("ERROR 1")
    expect(page.locator("[data-log-found]")).to_have_text("1")
    page.keyboard.press("Enter")
    current = log.locator(".log-current")
    expect(current).to_contain_text("Error 150")
    expect(current).to_be_in_viewport()
    expect(current.locator("mark")).to_have_text("Error 1")

    page.get_by_label("Search in what is loaded").fill("Error ")
    expect(page.locator("[data-log-found]")).to_have_text("3")
    log.focus()
    page.keyboard.press("n")
    first = current.inner_text()
    page.keyboard.press("n")
    assert current.inner_text() != first
    page.keyboard.press("Shift+N")
    assert current.inner_text() == first
    # What comes is searched too.
    page.keyboard.press("End")
    api.say("Error late")
    expect(page.locator("[data-log-found]")).to_have_text(re.compile("4$"))
    page.get_by_label("Search in what is loaded").press("Escape")
    expect(log.locator("mark")).to_have_count(0)


def test_a_link_to_a_line_opens_there(page: Page, api: Api, log: Locator, job: Job) -> None:
    task = job.instances.all()[0].task_id
    api.say("the line", position="4711.5", task_id=task)
    open_logs(page, job)
    link = log.get_by_role("link").get_attribute("href")
    assert link == f"?task={task}&file=stdout&at=4711.5"
    api.say("the line", *(f"after it {number}" for number in range(200)), position="4711.5")
    before = len(api.asked)
    open_logs(page, job, link)
    expect(log.locator(".log-current")).to_have_text(re.compile("the line"))
    expect(log.locator(".log-current")).to_be_in_viewport()
    assert api.asked[before]["at"] == ["4711.5"]
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")


def test_a_console_that_is_away_is_said_and_asked_again(page: Page, api: Api, log: Locator, job: Job) -> None:
    page.add_init_script("""
        const real = window.fetch;
        window.isAway = true;
        window.fetch = (...asked) => (window.isAway ? Promise.reject(new TypeError("away")) : real(...asked));
    """)
    api.say("back")
    open_logs(page, job)
    expect(page.get_by_text("Ocean cannot be reached now; this page goes on trying.")).to_be_visible()
    page.evaluate("window.isAway = false")
    expect(log).to_contain_text("back")
    expect(page.get_by_text("Ocean cannot be reached now")).to_be_hidden()


def test_what_is_loaded_stays_bounded_and_an_instance_that_comes_can_be_chosen(
    page: Page, api: Api, log: Locator, job: Job
) -> None:
    for block in range(8):
        api.say(*(f"{block} {number}" for number in range(1000)))
    api.answers[-1]["sources"] = [{"task_id": "new.1", "host": "node9", "state": "running"}]
    open_logs(page, job)
    expect(log).to_contain_text("7 999")
    count = log.locator(".log-line").count()
    assert 4900 <= count <= 5100
    expect(page.get_by_label("Instance")).to_contain_text("node9 · running · new.1")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_of_all_kinds_can_be_read_by_everybody(
    page: Page, api: Api, log: Locator, job: Job, theme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=theme)
    for number in range(9):
        api.say(f"error {number}", task_id=f"web.{number}", position=str(number))
    api.say("to stderr: error", file="stderr", estimated=True)
    for level in ("info", "warning", "error"):
        api.say("error told", source="event", level=level)
    open_logs(page, job)
    expect(log.locator(".log-line")).to_have_count(13)
    page.get_by_label("Search in what is loaded").fill("error")
    page.keyboard.press("Enter")
    expect(log.locator("mark")).to_have_count(13)
    assert violations(page) == []


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, api: Api, log: Locator, job: Job) -> None:
    page.set_viewport_size(PHONE)
    api.say("x" * 500, "a line of words " * 30)
    open_logs(page, job)
    expect(log).to_contain_text("words")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert log.evaluate("e => e.scrollWidth <= e.clientWidth")
