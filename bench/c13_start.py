"""C13, start-up cost: `ocean --help` within 0.5 s, the console's first page after its process starts, and at most
150 MiB for a web process that has answered 200 pages."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.c4_lists import list_looks
from bench.figures import Figure, median
from bench.house import CHECKOUT
from bench.options import Options
from bench.pages import company_console
from bench.people import at_work

ROUNDS = 5


def run(options: Options) -> Iterator[Figure]:
    command = Path(sys.executable).with_name("ocean")
    if command.exists():
        times = [_timed([str(command), "--help"]) for _ in range(ROUNDS)]
        yield Figure("C13", "ocean --help", median(times), "s", "<=", 0.5)
    with company_console(options) as (house, web):
        web.end()
        began = time.monotonic()
        web = house.web()
        yield Figure("C13", "first page after the web process starts", time.monotonic() - began, "s")
        at_work(house, list_looks(options.size), seconds=20, rate=10)
        yield Figure("C13", "a web process after 200 pages", web.peak_mib, "MiB", "<=", 150)


def _timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True)
    return time.monotonic() - began
