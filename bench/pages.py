"""What C4, C5 and C13 share: a house with the whole company in its database, its console up and warm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.house import House, Program, house
from bench.options import Options


@contextmanager
def company_console(options: Options) -> Iterator[tuple[House, Program]]:
    with house(options.size, marathon=False) as (built, _):
        built.python("bench.seed", "company", "--size", options.size_name)
        yield built, built.web()
