"""C2, event storm: status events of instances that are replaced all over the cluster, 200/s, then 2,000/s for 10
minutes, then 10,000/s for 10 s. The lag is from when the pretended Marathon makes an event to when the change can be
read from Ocean's database; p95 at most 100 ms at 200/s, p99 at most 1 s in the storm. Nothing is lost: 10 s after the
last event every row is as on the cluster. No stream is dropped for slowness."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, percentile
from bench.mirrored import Lag, mirrored
from bench.options import Options

SETTLE_S = 10.0


def run(options: Options) -> Iterator[Figure]:
    seconds = options.lasting(full=600, small=20)
    with mirrored(options) as found:
        lag = Lag(found.house, found.marathon)
        with lag.measuring():
            found.marathon.post("storm", rate=200, seconds=min(30, seconds))
            lag.drained_s(at_most_s=SETTLE_S)
            calm = lag.take()
            yield Figure("C2", "200 events/s: lag p50", percentile(calm, 50) * 1000, "ms")
            yield Figure("C2", "200 events/s: lag p95", percentile(calm, 95) * 1000, "ms", "<=", 100)
            before_s = found.watch.cpu_s
            found.marathon.post("storm", rate=2000, seconds=seconds)
            busy = (found.watch.cpu_s - before_s) / seconds
            lag.drained_s(at_most_s=SETTLE_S)
            storm = lag.take()
            yield Figure(
                "C2", f"2,000 events/s for {seconds:.0f} s: lag p50", percentile(storm, 50) * 1000, "ms"
            )
            yield Figure(
                "C2", f"2,000 events/s for {seconds:.0f} s: lag p99", percentile(storm, 99), "s", "<=", 1,
                note=f"{busy:.0%} of a core",
            )  # fmt: skip
            burst_s = min(10.0, seconds)
            found.marathon.post("storm", rate=10_000, seconds=burst_s)
            drained_s = lag.drained_s(at_most_s=30)
            burst = lag.take()
            yield Figure(
                "C2", f"10,000 events/s for {burst_s:.0f} s: lag p99", percentile(burst, 99), "s", "<=", 1
            )
            yield Figure("C2", "after it: until all is written", drained_s, "s", "<=", 10)
        differing, after_s = found.differing_after(SETTLE_S)
        count = found.marathon.get("count")
        note = (
            f"{count['made']} events; true after {after_s:.1f} s; {lag.superseded} probes superseded unseen"
        )
        yield Figure("C2", "rows that differ 10 s after the last event", differing, "rows", "=", 0, note=note)
        yield Figure("C2", "streams dropped for slowness", count["cut"], "", "=", 0)
        yield Figure("C2", "most memory of the watcher", found.watch.peak_mib, "MiB", "<=", 1024)
