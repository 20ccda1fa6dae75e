"""C1, resync: an empty mirror and a Marathon with 10,000 apps of 10 tasks; from starting the watcher until every count
is right. At most 10 s and 1 GB."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure
from bench.mirrored import mirrored
from bench.options import Options


def run(options: Options) -> Iterator[Figure]:
    size = options.size
    with mirrored(options) as found:
        what = f"{size.jobs} apps x {size.per_job}: until the counts are right"
        yield Figure("C1", what, found.resync_s, "s", "<=", 10)
        yield Figure("C1", "most memory of the watcher", found.watch.peak_mib, "MiB", "<=", 1024)
