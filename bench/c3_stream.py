"""C3, lost stream: the storm of C2 while the stream is cut 20 times, 1 % of the events come late and 1 % twice. 10 s
after the last event no row of the mirror differs from the cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from bench.figures import Figure
from bench.mirrored import mirrored
from bench.options import Options

SETTLE_S = 10.0


def run(options: Options) -> Iterator[Figure]:
    seconds = options.lasting(full=100, small=20)
    cuts = 20 if options.full else 5
    with mirrored(options) as found:
        storm = threading.Thread(
            target=found.marathon.post,
            args=["storm"],
            kwargs={"rate": 2000, "seconds": seconds, "reorder": 0.01, "repeat": 0.01},
        )
        storm.start()
        for _ in range(cuts):
            storm.join(seconds / (cuts + 1))
            found.marathon.post("cut")
        storm.join()
        differing, after_s = found.differing_after(SETTLE_S)
        what = f"{cuts} cuts in {seconds:.0f} s, 1 % late, 1 % twice: rows that differ 10 s after"
        yield Figure("C3", what, differing, "rows", "=", 0, note=f"true after {after_s:.1f} s")
