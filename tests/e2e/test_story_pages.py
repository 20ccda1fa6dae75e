"""The whole story in a browser, against a running Ocean: from the form to the end, without ever reloading a page."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.api_client import Api, JobHandle
from tests.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.needs_program("chromium")]
SOON_MS = 60_000
"""A publish with its health checks, on a slow machine."""


def window(browser: Browser, stack: RunningStack, login: str) -> Page:
    page = browser.new_context(base_url=stack.url, locale="en-GB").new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill(login)
    page.get_by_label("Password").fill(stack.people[login].password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    return page


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    page = window(browser, stack, "dev")
    yield page
    page.context.close()


@pytest.fixture
def name(stack: RunningStack) -> Iterator[str]:
    """The name of a job of service `story`, which is gone afterwards."""
    name = f"story-{uuid4().hex[:8]}"
    yield name
    dev = Api.of(stack, "dev")
    for job in dev.get(f"jobs/?name={name}")["results"]:
        JobHandle(dev, job["tag"]).remove()


def count(page: Page, what: str) -> Locator:
    return page.locator(f"#job-header [data-count={what}]")


def state(page: Page, word: str) -> Locator:
    return page.locator(f"#job-header .job-facts [data-state={word}]")


def test_from_the_form_to_the_end(page: Page, name: str, browser: Browser, stack: RunningStack) -> None:
    # The form, from a template, published at once.
    page.goto("/jobs/new/?template=web-service")
    page.get_by_label("Service").fill("story")
    page.get_by_label("Cluster").select_option("staging")
    page.get_by_label("Job name").fill(name)
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#publish-words")).to_contain_text("Starts 3 instances of version 1")
    page.get_by_role("button", name="Publish").click()

    # It comes up while one looks on.
    expect(page.locator("[data-operation]")).to_contain_text("Publish · v1")
    expect(state(page, "running")).to_be_visible(timeout=SOON_MS)
    expect(count(page, "healthy")).to_have_text("3")
    rows = page.locator("#instances tbody tr")
    expect(rows).to_have_count(3)
    for row in rows.all():
        address = row.locator("a[href^='http://127.0.0.1:']").get_attribute("href") or ""
        with urllib.request.urlopen(address, timeout=5) as response:
            assert response.status == 200
    page_of_the_job = page.url

    # Another product line's developer knows of nothing.
    stranger = window(browser, stack, "dev2")
    answer = stranger.goto(page_of_the_job)
    assert answer is not None
    assert answer.status == 404
    stranger.context.close()

    # More of it.
    page.get_by_role("link", name="Scale").click()
    page.get_by_role("dialog").get_by_label("Instances").fill("4")
    page.keyboard.press("Enter")
    expect(count(page, "healthy")).to_have_text("4", timeout=SOON_MS)
    expect(rows).to_have_count(4)

    # A version that never gets healthy: the old one serves on, and the reason is there.
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_role("tabpanel", name="Job").get_by_label("Command").fill("echo not a server >&2; sleep 1000")
    page.get_by_role("tab", name="Advanced").click()
    page.get_by_label("Deadline").fill("8")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator(".job-changes")).to_contain_text("command")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#job-header")).to_contain_text(
        "The last operation, publish, failed", timeout=SOON_MS
    )
    expect(page.locator("#job-header")).to_contain_text("Version 1 goes on serving.")
    expect(state(page, "running")).to_be_visible(timeout=SOON_MS)
    expect(count(page, "healthy")).to_have_text("4", timeout=SOON_MS)

    # What it said is read from its host; a log that grows is followed.
    page.get_by_role("link", name="Logs").click()
    page.get_by_label("File").select_option("stderr")
    log = page.get_by_role("log", name="Log lines")
    expect(log).to_contain_text("GET / HTTP/1.1", timeout=SOON_MS)
    expect(log).not_to_have_text(log.inner_text(), timeout=SOON_MS)

    # One instance ends and another takes its place.
    page.get_by_role("link", name="Instances").click()
    victim = rows.first.get_attribute("id")
    rows.first.get_by_role("link", name="Kill", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(page.locator(f"#{victim}")).to_have_count(0, timeout=SOON_MS)
    expect(count(page, "healthy")).to_have_text("4", timeout=SOON_MS)
    expect(state(page, "running")).to_be_visible(timeout=SOON_MS)

    # The end, each time after its name was typed.
    end(page, "Stop", name)
    expect(state(page, "stopped")).to_be_visible(timeout=SOON_MS)
    expect(rows).to_have_count(0)
    end(page, "Delete", name)
    expect(page.locator("#operation [data-state=succeeded]")).to_be_visible(timeout=SOON_MS)
    page.goto(f"/jobs/?search={name}")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def end(page: Page, action: str, name: str) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name=action).click()
    page.get_by_role("dialog").get_by_label("Reason").fill("The story ends.")
    page.get_by_role("dialog").get_by_label("The job's name, to confirm").fill(name)
    page.keyboard.press("Enter")
