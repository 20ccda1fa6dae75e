"""C5, dashboards: the console's first page, a product line, all hosts as tiles, one job with 700 and one with 5,000
instances. p99 at most 300 ms, and at most 200 kB each, without compression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import urlencode

from bench.company import CLUSTER, LINES, Size, line, name, service
from bench.figures import Figure, percentile
from bench.options import Options
from bench.pages import company_console
from bench.people import at_work

RATE = 5.0
WARM_UP_S = 3.0


def run(options: Options) -> Iterator[Figure]:
    seconds = options.lasting(full=120, small=20)
    looks = _looks(options.size)
    with company_console(options) as (house, _):
        at_work(house, looks, seconds=WARM_UP_S, rate=RATE)
        answers = at_work(house, looks, seconds=seconds, rate=RATE)
        for kind, times in sorted(answers.seconds.items()):
            yield Figure("C5", f"{kind}: p99", percentile(times, 99) * 1000, "ms", "<=", 300)
            yield Figure("C5", f"{kind}: size", answers.largest[kind] / 1000, "kB", "<=", 200)
        yield Figure("C5", "failed", len(answers.failed), "", "=", 0, note="; ".join(answers.failed[:3]))


def _looks(size: Size) -> list[tuple[str, Callable[[Random], str]]]:
    def job(number: int) -> Callable[[Random], str]:
        product_line = f"pdl.{line(number)}_owt.company_cop.bench"
        tag = f"job.{name(number)}_service.{service(number)}_cluster.{CLUSTER}_{product_line}"

        def path(chance: Random) -> str:
            some: list[dict[str, object]] = [{}, {"page": chance.randrange(1, 3)}, {"state": "staging"}]
            return f"/jobs/{tag}/?{urlencode(chance.choice(some))}"

        return path

    large = [(f"job with {count} instances", job(number)) for number, count in enumerate(size.large)]
    return [
        ("dashboard", lambda _: "/"),
        ("product line", lambda c: f"/product-lines/pdl.line-{c.randrange(LINES):03}_owt.company_cop.bench/"),
        ("product lines", lambda _: "/product-lines/"),
        ("hosts as tiles", lambda _: "/hosts/tiles/"),
        *large,
    ]
