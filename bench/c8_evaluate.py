"""C8, evaluate: 10,000 jobs with policies of four metrics, looked at every 5 s for 10 minutes. A tick, from reading the
mirror to its last row written, takes at most 1 s (p99); none is missed. The source of metrics is pretended and has the
sums of each job ready; instances, decisions, memories and operations are real rows."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bench.figures import Figure, percentile
from bench.house import house
from bench.options import Options
from embedded.waiting import wait_until


def run(options: Options) -> Iterator[Figure]:
    seconds = options.lasting(full=600, small=60)
    with house(options.size, marathon=False) as (built, _marathon):
        built.python("bench.seed", "company", "--size", options.size_name)
        loop = built.module("bench.scaling_loop", "evaluate", "--seconds", str(seconds))
        wait_until(
            lambda: loop.process.poll() is not None, what="the loop has ticked", timeout_s=seconds + 240
        )
        ticks = [json.loads(line) for line in built.said("bench.scaling_loop") if line.startswith('{"jobs"')]
    took = [tick["took_s"] for tick in ticks]
    jobs = max((tick["jobs"] for tick in ticks), default=0)
    acted = sum(tick["acted"] for tick in ticks)
    cpu = sum(tick["cpu_s"] for tick in ticks) / max(1, len(ticks))
    yield Figure("C8", f"{jobs} jobs x 4 metrics: a tick, p50", percentile(took, 50), "s")
    yield Figure(
        "C8", f"{jobs} jobs x 4 metrics: a tick, p99", percentile(took, 99), "s", "<=", 1,
        note=f"{len(ticks)} ticks, {cpu:.2f} s of CPU each, {acted} scalings begun",
    )  # fmt: skip
    yield Figure("C8", "ticks missed", sum(tick["missed"] for tick in ticks), "", "<=", 0)
    yield Figure("C8", "most memory of the loop", max((tick["mib"] for tick in ticks), default=0), "MiB")
