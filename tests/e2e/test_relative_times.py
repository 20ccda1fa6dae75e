"""The browser's words for a time are the server's: what a page says at first does not change as its scripts begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation
from playwright.sync_api import Page, expect

from apps.core.relative_time import relative_time

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_program("chromium")]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = (0, -1, -75, -7200, -86_400, -200_000, -40 * 86_400, -900 * 86_400, 2, 60, 90_000)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_time_reads_the_same_from_both(page: Page, language: str) -> None:
    moments = [NOW + timedelta(seconds=seconds) for seconds in SECONDS]
    page.clock.set_fixed_time(NOW)
    page.context.add_cookies(
        [{"name": "django_language", "value": language, "domain": "127.0.0.1", "path": "/"}]
    )
    page.goto("/accounts/login/")
    page.evaluate(
        """moments => {
            for (const moment of moments) {
                const time = document.createElement("time");
                time.dateTime = moment;
                time.dataset.relative = "";
                document.querySelector("main").append(time);
            }
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        [moment.isoformat() for moment in moments],
    )
    with translation.override(language):
        expected = [relative_time(moment, now=NOW) for moment in moments]
    expect(page.locator("time[data-relative]")).to_have_text(expected)
