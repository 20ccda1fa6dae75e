"""How long the pages take that people look at most, with one thousand jobs in the list."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import requests

from tests.api_client import LINE, Api
from tests.running_stack import RunningStack

JOBS = 1000
ROUNDS = 30


def run(stack: RunningStack) -> Iterator[str]:
    """The median and the slowest of 30 in a row, by the API, one client."""
    api = Api.of(stack, "dev")
    for number in range(JOBS):
        body = {
            "product_line": LINE,
            "service": "pages",
            "cluster": "production-c3",
            "name": f"draft-{number:04}",
            "spec": {"command": "sleep 60"},
        }
        assert api.post("jobs/", body).status == 201
    session = requests.Session()
    session.headers["Authorization"] = f"Token {api.token}"
    for name, path in {
        "first page of jobs": "jobs/?page_size=50",
        "last page of jobs": f"jobs/?page_size=50&page={JOBS // 50}",
        "search": "jobs/?search=draft-0777",
        "operations": "operations/?page_size=50",
    }.items():
        times = []
        for _ in range(ROUNDS):
            start = time.monotonic()
            session.get(f"{stack.url}/api/v1/{path}", timeout=30).raise_for_status()
            times.append((time.monotonic() - start) * 1000)
        yield (
            f"pages: {name}, of {JOBS} jobs: median {statistics.median(times):.0f} ms, "
            f"slowest {max(times):.0f} ms (goal 100 ms)"
        )
