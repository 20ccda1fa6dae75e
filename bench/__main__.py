"""`python -m bench [c1 c2 …] [--full] [--seconds N] [--report]`: run these benchmarks, or all, each in a house of its
own. Prints CSV; `--report` also writes docs/benchmarks.md anew, after each benchmark."""

from __future__ import annotations

import argparse
import csv
import sys
import time
import traceback
from collections.abc import Callable, Iterator

from bench import (
    a10_live,
    c1_resync,
    c2_storm,
    c3_stream,
    c4_lists,
    c4_search,
    c5_dashboards,
    c6_live,
    c7_callbacks,
    c8_evaluate,
    c9_thousand,
    c11_timers,
    c13_start,
)
from bench.figures import COLUMNS, Figure
from bench.options import Options
from bench.report import report_write

BENCHMARKS: dict[str, Callable[[Options], Iterator[Figure]]] = {
    "c1": c1_resync.run,
    "c2": c2_storm.run,
    "c3": c3_stream.run,
    "c4": c4_lists.run,
    "search": c4_search.run,
    "c5": c5_dashboards.run,
    "c6": c6_live.run,
    "c7": c7_callbacks.run,
    "c8": c8_evaluate.run,
    "c9": c9_thousand.run,
    "c11": c11_timers.run,
    "c13": c13_start.run,
    "a10": a10_live.run,
}
BROKEN = "runs that broke off"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="all when none is given")
    parser.add_argument("--full", action="store_true", help="the size of the definitions, not a tenth")
    parser.add_argument("--seconds", type=float, help="how long what lasts should last (C2, C3, C4, C6)")
    parser.add_argument("--report", action="store_true", help="write docs/benchmarks.md")
    asked = parser.parse_args()
    options = Options(full=asked.full, seconds=asked.seconds)
    rows = csv.writer(sys.stdout)
    rows.writerow(COLUMNS)
    figures: list[Figure] = []
    broken = 0
    for name in asked.names or BENCHMARKS:
        for figure in _figures(name, options):
            figures.append(figure)
            rows.writerow(figure.row())
            sys.stdout.flush()
            broken += figure.what == BROKEN
        if asked.report:
            report_write(figures, full=options.full)
    if broken:
        sys.exit(1)


def _figures(name: str, options: Options) -> Iterator[Figure]:
    """What a benchmark says, then how long it took; one that breaks off says so, and the others have their turn."""
    began = time.monotonic()
    try:
        yield from BENCHMARKS[name](options)
    except Exception as exc:  # noqa: BLE001 - the others have their turn whatever it was
        traceback.print_exc()
        yield Figure(name.upper(), BROKEN, 1, "", "=", 0, note=f"{type(exc).__name__}: {str(exc)[:200]}")
    yield Figure(name.upper(), "the benchmark took", time.monotonic() - began, "s")


if __name__ == "__main__":
    main()
