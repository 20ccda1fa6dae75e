"""docs/benchmarks.md: what the benchmarks said, when, where, and of which commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import COLUMNS, Figure

PATH = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN = "<!-- figures: {size} -->"
END = "<!-- end of figures: {size} -->"


def report_write(figures: Sequence[Figure], *, full: bool) -> None:
    """Put these figures in place of the earlier ones of the same benchmarks and size. Those of benchmarks that were not
    run now stay: each row says of which run it is."""
    size = "full" if full else "small"
    begin, end = BEGIN.format(size=size), END.format(size=size)
    text = PATH.read_text()
    before, _, rest = text.partition(begin)
    old, _, after = rest.partition(end)
    PATH.write_text(f"{before}{begin}\n{_table(figures, old)}\n{end}{after}")


def _table(figures: Sequence[Figure], old: str) -> str:
    anew = {figure.benchmark.lower() for figure in figures}
    kept = [
        line for line in old.splitlines() if line.startswith("| ") and not _is_of(line, {"id", "---", *anew})
    ]
    run = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_commit()}, load {os.getloadavg()[0]:.1f}"
    columns = [*COLUMNS, "run"]
    lines = [
        f"{_machine()}. Load: the machine's own, with the benchmark's, when it had ended.",
        "",
        f"| {' | '.join(columns)} |",
        f"| {' | '.join('---' for _ in columns)} |",
        *kept,
    ]
    lines += [f"| {' | '.join(map(_cell, [*figure.row(), run]))} |" for figure in figures]
    return "\n".join(lines)


def _is_of(line: str, ids: Collection[str]) -> bool:
    return line.split("|")[1].strip().lower() in ids


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _commit() -> str:
    """Marked where anything but this report differs from it."""
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no", "--", ":/", f":!{PATH}"],
        capture_output=True,
        text=True,
        cwd=PATH.parent,
        check=False,
    )
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        cwd=PATH.parent,
        check=False,
    )
    return (done.stdout.strip() or "unknown") + ("-dirty" if changed.stdout.strip() else "")


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    models = (
        [line for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} × {model}, {memory_gib:.0f} GiB, Python {platform.python_version()}"
