"""A job that writes 10,000 lines a second: the page that follows it stays quick, and nothing grows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.api_client import Api, JobHandle, create
from tests.e2e.test_story_pages import window
from tests.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.needs_program("chromium")]

LINES_A_SECOND = 10_000
WATCHED_S = 25
COMMAND = f"""exec python3 -uc '
import sys, time
start, n = time.time(), 0
while True:
    sys.stdout.write("".join(f"line {{n + i}} of a job that says more than anybody can read\\n" for i in range(500)))
    n += 500
    time.sleep(max(0, start + n / {LINES_A_SECOND} - time.time()))
'"""
LATENCY = """() => {
  window.latencies = [];
  const search = document.getElementById("log-search");
  // The event's own time is when the browser got it.
  search.addEventListener("input", (event) => window.latencies.push(performance.now() - event.timeStamp));
}"""


@dataclass(frozen=True, slots=True)
class Weight:
    """What the page and the web process hold: bytes of JavaScript, DOM nodes, bytes of memory."""

    heap: int
    nodes: int
    web: int


def weight(devtools: CDPSession, web_pid: int) -> Weight:
    devtools.send("HeapProfiler.collectGarbage")
    metrics = {
        each["name"]: int(each["value"]) for each in devtools.send("Performance.getMetrics")["metrics"]
    }
    resident = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{web_pid}/status").read_text())
    assert resident
    return Weight(metrics["JSHeapUsedSize"], metrics["Nodes"], int(resident[1]) * 1024)


@pytest.fixture
def job(stack: RunningStack) -> Iterator[JobHandle]:
    job = create(
        Api.of(stack, "dev"),
        command=COMMAND,
        cpus=0.1,
        memory_mib=64,
        instances=1,
        ports=[],
        health_checks=[],
    )
    yield job
    job.remove()


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    page = window(browser, stack, "dev")
    yield page
    page.context.close()


def test_the_page_stays_quick_and_light_beside_a_job_that_never_stops_writing(
    page: Page, stack: RunningStack, job: JobHandle
) -> None:
    job.api.ended(int(job.api.post(f"{job.path}/publish/").body["id"]))
    page.goto(f"/jobs/{job.tag}/logs/")
    log = page.get_by_role("log", name="Log lines")
    expect(log).to_contain_text("of a job that says")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    page.evaluate(LATENCY)
    page.locator("#log-search").focus()

    def type_for(seconds: int) -> None:
        for number in range(seconds * 5):
            page.keyboard.press("Backspace" if number % 4 == 3 else "9")
            page.wait_for_timeout(200)

    type_for(8)  # until as many lines are loaded as ever will be
    before, line_before = weight(devtools, stack.pid("web")), last_number(page)
    type_for(WATCHED_S)
    after, line_after = weight(devtools, stack.pid("web")), last_number(page)

    assert line_after - line_before > LINES_A_SECOND * WATCHED_S / 2, "it is followed"
    assert quantiles(page.evaluate("latencies"), n=100)[94] < 200
    assert log.locator(".log-line").count() <= 5_100
    assert after.nodes < 60_000
    assert after.heap < 40_000_000
    assert after.heap < before.heap + 10_000_000
    assert after.web < before.web + 64_000_000


def last_number(page: Page) -> int:
    texts = page.locator(".log-line .log-text").all_inner_texts()
    return max(int(found[1]) for text in texts if (found := re.match(r"line (\d+)", text)))
