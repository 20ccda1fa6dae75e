"""The frame of all pages in a browser: signing in, language, theme, keyboard, phone, and pages that follow by
themselves."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from playwright.sync_api import Page, ViewportSize, expect

from apps.accounts.models import User
from apps.accounts.services import token_create
from apps.accounts.tests.factories import make_member, make_user
from apps.core.models import Operation
from apps.core.operations.services import announce_operation, operation_log
from apps.core.tests.factories import make_operation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_program("chromium")]
WITHIN_MS = 5_000
"""Soon enough to prove that the stream brought it (the page looks by itself only every 10 s) on a slow machine too."""
PHONE = ViewportSize(width=390, height=844)


def sign_in(page: Page, user: User) -> None:
    """Give the window the person's session, as the log-in page would."""
    client = Client()
    client.force_login(user)
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "domain": "127.0.0.1", "path": "/"}])


def live(page: Page) -> None:
    """Wait until the page listens."""
    expect(page.locator("html")).to_have_attribute("data-live-state", "open")


def test_a_person_signs_in_and_out(page: Page) -> None:
    make_user(username="dev", password="right-and-long-enough")
    page.goto("/operations/")
    page.get_by_label("Username").fill("dev")
    page.get_by_label("Password").fill("guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Please enter a correct username and password")
    page.get_by_label("Password").fill("right-and-long-enough")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/operations/$"))
    expect(
        page.get_by_role("navigation", name="Main navigation").get_by_role("link", name="Operations")
    ).to_have_attribute("aria-current", "page")
    page.locator("#person-bar").click()
    page.get_by_role("button", name="Log out").locator("visible=true").click()
    expect(page).to_have_url(re.compile("/accounts/login/$"))


def test_the_language_is_switched_before_and_after_signing_in(page: Page) -> None:
    user = make_user()
    page.goto("/accounts/login/")
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    sign_in(page, user)
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.get_by_role("button", name="English").locator("visible=true").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    user.refresh_from_db()
    assert user.language == "en"


def test_the_theme_changes_at_once_and_stays(page: Page) -> None:
    user = make_user()
    sign_in(page, user)
    page.goto("/operations/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.locator("#theme-bar").click()
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Light").locator("visible=true").click()
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "light")
    user.refresh_from_db()
    assert user.theme == "light"


def test_the_first_key_leads_past_the_navigation(page: Page) -> None:
    sign_in(page, make_user())
    page.goto("/operations/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_on_a_phone_the_navigation_opens_by_its_button_and_nothing_is_cut_off(page: Page) -> None:
    user = make_user()
    make_operation(
        requested_by=user,
        target="job.weather-api_service.weather-api_cluster.staging_pdl.ocean_owt.inf_cop.xiaomi",
    )
    sign_in(page, user)
    page.set_viewport_size(PHONE)
    page.goto("/operations/")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    link = page.get_by_role("link", name="Dashboard")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Show or hide the navigation").click()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")


def test_an_operations_page_follows_by_itself_and_keeps_the_focus(page: Page) -> None:
    member = make_member()
    operation = make_operation(
        product_line=member.product_lines.get(),
        requested_by=member,
        state=Operation.State.WAITING,
        progress=10,
    )
    sign_in(page, member)
    page.goto(operation.get_absolute_url())
    live(page)
    page.locator("#cancel-button").focus()

    operation_log(operation, "%(count)s instances are healthy.", count=2)
    expect(page.get_by_text("2 instances are healthy.")).to_be_visible(timeout=WITHIN_MS)
    expect(page.locator("#cancel-button")).to_be_focused()

    Operation.objects.filter(pk=operation.pk).update(state=Operation.State.SUCCEEDED, progress=100)
    announce_operation(operation)
    expect(page.locator("[data-state=succeeded]")).to_be_visible(timeout=WITHIN_MS)
    expect(page.locator("#cancel-button")).to_have_count(0)
    expect(page.locator("#operation")).not_to_have_attribute("data-live", re.compile(".*"))


def test_a_list_gets_a_new_row_while_somebody_types_in_its_search(page: Page) -> None:
    user = make_user()
    make_operation(requested_by=user, target="web-1")
    sign_in(page, user)
    page.goto("/operations/")
    live(page)
    search = page.get_by_role("searchbox", name="Search")
    search.press_sequentially("web")
    expect(page).to_have_url(re.compile(r"\?search=web$"))
    announce_operation(make_operation(requested_by=user, target="web-2"))
    announce_operation(make_operation(requested_by=user, target="other"))
    expect(page.get_by_text("web-2")).to_be_visible(timeout=WITHIN_MS)
    expect(page.get_by_text("other", exact=True)).to_have_count(0)
    expect(search).to_be_focused()
    expect(search).to_have_value("web")


def test_the_address_leads_back_through_pages_and_sorting(page: Page) -> None:
    user = make_user()
    for number in range(12):
        make_operation(requested_by=user, target=f"web-{number:02}")
    sign_in(page, user)
    page.goto("/operations/?per_page=10")
    page.get_by_role("link", name="Target").click()
    expect(page.locator("tbody tr").first).to_contain_text("web-00")
    page.get_by_role("link", name="2", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile("page=2"))
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(10)
    expect(page.locator("tbody tr").first).to_contain_text("web-00")


def test_without_the_stream_the_page_says_so_and_looks_again_by_itself(page: Page) -> None:
    user = make_user()
    operation = make_operation(requested_by=user, state=Operation.State.WAITING)
    sign_in(page, user)
    page.clock.install()
    page.route("**/live/**", lambda route: route.fulfill(status=204))
    page.goto(operation.get_absolute_url())
    expect(page.get_by_text("The live connection is interrupted")).to_be_visible()
    Operation.objects.filter(pk=operation.pk).update(state=Operation.State.SUCCEEDED)
    page.clock.fast_forward("00:11")
    expect(page.locator("[data-state=succeeded]")).to_be_visible()


def test_a_dialog_says_what_will_happen_and_lets_one_back_out(page: Page) -> None:
    user = make_user()
    token_create(user=user, name="ci")
    sign_in(page, user)
    page.goto("/accounts/profile/")
    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke the token?")
    expect(dialog).to_contain_text("Whatever uses “ci” loses its access to the API")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert user.api_tokens.count() == 1
    page.get_by_role("button", name="Revoke").click()
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("no longer works")).to_be_visible()
    assert user.api_tokens.count() == 0


def test_a_new_key_is_shown_without_leaving_the_page(page: Page) -> None:
    sign_in(page, make_user())
    page.goto("/accounts/profile/")
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Create a token").click()
    expect(page.locator("#new-key")).to_have_text(re.compile("^ocean_"))
    expect(page.get_by_label("Name")).to_have_value("")
