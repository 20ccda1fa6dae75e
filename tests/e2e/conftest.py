"""A browser, and a web process of its own on the test database, for tests of what only a browser shows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from embedded.probes import http_status
from embedded.services import free_port
from embedded.waiting import wait_until

expect.set_options(timeout=15_000)
CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def web(django_db_setup: None) -> Iterator[str]:
    """The address of a real web process (uvicorn, as in production) on the test database and Redis."""
    values = connection.settings_dict
    database = f"postgresql://{values['USER']}:{values['PASSWORD']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "uvicorn",
            "ocean_portal.asgi:application",
            "--port",
            str(port),
            "--lifespan",
            "off",
        ],
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": database, "REDIS_URL": settings.REDIS_URL},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: http_status(port, "/accounts/login/") == 200, what="the web process answers", timeout_s=60
        )
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium of the system. Playwright keeps an event loop in this thread, which Django would take for a sign
    that the tests are asynchronous, and beside which no asynchronous test can run: so not for the session."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(browser: Browser, web: str) -> Iterator[Page]:
    """A fresh window. A script error or a refusal by the content security policy fails the test; a form that comes
    back with its errors (422) is an answer."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of 422" not in message.text:
            complaints.append(message.text)

    context = browser.new_context(base_url=web, locale="en-GB", timezone_id="Asia/Shanghai")
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", note)
    yield page
    context.close()
    assert complaints == []
