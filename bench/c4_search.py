"""Search, beside C4: what the box of every page asks for while people type, at the size of the company, by 50 people
who ask 10 times a second together. p95 at most 50 ms from the last byte asked to the last answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from urllib.parse import urlencode

from bench.company import Size, host, line, name, workload_id
from bench.figures import Figure, percentile
from bench.options import Options
from bench.pages import company_console
from bench.people import at_work

RATE = 10.0
WARM_UP_S = 3.0
GOAL_MS = 50


def run(options: Options) -> Iterator[Figure]:
    seconds = options.lasting(full=60, small=15)
    looks = search_looks(options.size)
    with company_console(options) as (house, _):
        at_work(house, looks, seconds=WARM_UP_S, rate=RATE)
        answers = at_work(house, looks, seconds=seconds, rate=RATE)
        for kind, times in sorted(answers.seconds.items()):
            yield Figure("search", f"{kind}: p50", percentile(times, 50) * 1000, "ms")
        p95 = percentile(answers.all_seconds, 95) * 1000
        yield Figure("search", "all: p95", p95, "ms", "<=", GOAL_MS, note=f"{len(answers.all_seconds)} asked")
        yield Figure("search", "failed", len(answers.failed), "", "=", 0, note="; ".join(answers.failed[:3]))


def search_looks(size: Size) -> list[tuple[str, Callable[[Random], str]]]:
    """By kind of question; each is cut somewhere, as while it is typed."""

    def asks(question: Callable[[Random], str]) -> Callable[[Random], str]:
        def path(chance: Random) -> str:
            whole = question(chance)
            return f"/api/v1/search/?{urlencode({'q': whole[: chance.randrange(1, len(whole) + 1)].strip() or 'a'})}"

        return path

    def job(chance: Random) -> str:
        return name(chance.randrange(size.jobs))

    def words(chance: Random) -> str:
        number = chance.randrange(size.jobs)
        return f"{line(number)} {name(number)}"

    def ip(chance: Random) -> str:
        return f"10.0.{chance.randrange(250)}.{chance.randrange(250)}"

    def task(chance: Random) -> str:
        app = workload_id(chance.randrange(size.jobs)).strip("/").replace("/", "_")
        return f"{app}.instance-{chance.getrandbits(32):08x}"

    def machine(chance: Random) -> str:
        return host(chance.randrange(size.hosts))

    def operation(chance: Random) -> str:
        return f"#{chance.randrange(1, size.operations)}"

    questions = {
        "job by name": job,
        "job by words": words,
        "instance by IP": ip,
        "instance by task id": task,
        "host": machine,
        "operation": operation,
    }
    return [(kind, asks(question)) for kind, question in questions.items()]
