"""C4, lists: jobs, instances, operations and hosts, on pages and by the API, with random filters, sorting and pages
(deep ones too), by 50 people who open 10 of them a second together. p99 at most 100 ms from the last byte asked to the
last answered. (That their number of queries does not grow is a test: tests/api/test_lists.py.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import urlencode

from bench.company import CLUSTER, LINES, Size, name, service
from bench.figures import Figure, percentile
from bench.options import Options
from bench.pages import company_console
from bench.people import CLIENTS, at_work

RATE = 10.0
WARM_UP_S = 3.0


def run(options: Options) -> Iterator[Figure]:
    seconds = options.lasting(full=120, small=20)
    looks = list_looks(options.size)
    with company_console(options) as (house, web):
        at_work(house, looks, seconds=WARM_UP_S, rate=RATE)
        before_s = web.cpu_s
        answers = at_work(house, looks, seconds=seconds, rate=RATE)
        each_ms = (web.cpu_s - before_s) * 1000 / len(answers.all_seconds)
        for kind, times in sorted(answers.seconds.items()):
            yield Figure("C4", f"{kind}: p50", percentile(times, 50) * 1000, "ms")
            yield Figure("C4", f"{kind}: p99", percentile(times, 99) * 1000, "ms", "<=", 100)
        note = f"{CLIENTS} people, {len(answers.all_seconds)} pages, {each_ms:.0f} ms of CPU of `web` each"
        yield Figure(
            "C4", "all lists: p99", percentile(answers.all_seconds, 99) * 1000, "ms", "<=", 100, note=note
        )
        yield Figure("C4", "failed", len(answers.failed), "", "=", 0, note="; ".join(answers.failed[:3]))


def list_looks(size: Size) -> list[tuple[str, Callable[[Random], str]]]:
    def jobs(chance: Random) -> str:
        some: list[dict[str, object]] = [
            {},
            {"page": chance.randrange(1, max(2, size.jobs // 50))},
            {"state": chance.choice(["degraded", "running", "stopped"])},
            {"service": service(chance.randrange(size.jobs))},
            {"search": name(chance.randrange(size.jobs))[-5:]},
            {"product_line": f"pdl.line-{chance.randrange(LINES):03}_owt.company_cop.bench"},
        ]
        query = chance.choice(some) | {
            "sort": chance.choice(["tag", "-state", "instances", "-since", "product_line"])
        }
        return f"/jobs/?{urlencode(query)}"

    def api_jobs(chance: Random) -> str:
        page = chance.randrange(1, max(2, size.jobs // 50))
        ordering = chance.choice(["tag", "-state", "wanted"])
        return f"/api/v1/jobs/?{urlencode({'page': page, 'page_size': 50, 'ordering': ordering})}"

    def hosts(chance: Random) -> str:
        some: list[dict[str, object]] = [
            {},
            {"rack": f"r{chance.randrange(50)}"},
            {"page": chance.randrange(1, 8)},
        ]
        return f"/hosts/?{urlencode(chance.choice(some) | {'cluster': CLUSTER})}"

    def operations(chance: Random) -> str:
        deep: dict[str, object] = {"page": chance.randrange(1, max(2, size.operations // 50))}
        some: list[dict[str, object]] = [{}, deep, {"state": "failed"}, {"kind": "job.scale"}]
        return f"/operations/?{urlencode(chance.choice(some))}"

    return [
        ("jobs", jobs),
        ("jobs by API", api_jobs),
        ("hosts", hosts),
        ("operations", operations),
    ]
