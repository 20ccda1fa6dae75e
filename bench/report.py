"""docs/benchmarks.md: what the benchmarks said, when, where, and of which commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import COLUMNS, Figure

PATH = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN = "<!-- figures: {size} -->"
END = "<!-- end of figures: {size} -->"


def report_write(figures: Iterable[Figure], *, full: bool) -> None:
    """Put these figures in place of the earlier ones of the same size; those of benchmarks that were not run stay
    away, so that a table is of one run."""
    size = "full" if full else "small"
    begin, end = BEGIN.format(size=size), END.format(size=size)
    text = PATH.read_text()
    before, _, rest = text.partition(begin)
    _old, _, after = rest.partition(end)
    PATH.write_text(f"{before}{begin}\n{_table(figures)}\n{end}{after}")


def _table(figures: Iterable[Figure]) -> str:
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, {_machine()}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"| {' | '.join('---' for _ in COLUMNS)} |",
    ]
    lines += [f"| {' | '.join(map(_cell, figure.row()))} |" for figure in figures]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        cwd=PATH.parent,
        check=False,
    )
    return done.stdout.strip() or "unknown"


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    models = (
        [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} × {model}, {memory_gib:.0f} GiB, Python {platform.python_version()}, load {load:.1f}"
