"""C9, a thousand: one job from 0 to 1,000 no-op instances and back, from the call to all shown running (none shown at
all), by Ocean's API and by a competent client of Marathon's own; both look every 50 ms. At most 1.25 times as long, and
at most 10 s each way, with Marathon's launch limits off; as a second row with Mesos' offers coming every second. And
200 jobs published at once, until the list calls all of them running (which it does after their publishes ended): at
most 1.5 times as long as 200 PUTs until all tasks run; with the limits off, with the offers' cycle, and with Marathon's
own limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.figures import Figure, median
from bench.house import whole_house
from bench.options import Options
from bench.sides import NOOP, Direct, Ocean, all_at_once, until
from sandbox.config import MARATHON_DEFAULTS, MESOS_CYCLE, LaunchLimits

_APP = {"cmd": NOOP["command"], "labels": NOOP["labels"], "cpus": NOOP["cpus"], "mem": NOOP["memory_mib"]}
_DIRECT_ID = "/direct/thousand"


@dataclass(slots=True)
class Times:
    """Seconds, one of each round."""

    up: list[float] = field(default_factory=list)
    listed: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)


def run(options: Options) -> Iterator[Figure]:
    count = 1000 if options.full else 200
    jobs = 200 if options.full else 40
    for limits, words in (
        (LaunchLimits(), "limits off"),
        (MESOS_CYCLE, "offers every 1 s"),
        (MARATHON_DEFAULTS, "Marathon's defaults"),
    ):
        with whole_house(launch_limits=limits) as (house, url):
            ocean, direct = Ocean(house), Direct(url)
            if limits is not MARATHON_DEFAULTS:  # 1,000 would take minutes, on either side
                yield from _thousand(ocean, direct, count=count, rounds=5 if options.full else 3, words=words)
            yield from _at_once(ocean, direct, jobs=jobs, rounds=3, words=words)


def _thousand(ocean: Ocean, direct: Direct, *, count: int, rounds: int, words: str) -> Iterator[Figure]:
    tag = ocean.create("thousand", service="thousand")
    ocean.publish(tag)
    until(lambda: ocean.is_free(tag), what="published")
    direct.put(_DIRECT_ID, {**_APP, "instances": 0})
    by_ocean, by_direct = Times(), Times()
    for number in range(rounds + 1):
        one, other = _by_ocean(ocean, tag, count), _by_direct(direct, count)
        if number:  # the first is to warm up
            for times, (up, listed, down) in ((by_ocean, one), (by_direct, other)):
                times.up.append(up)
                times.listed.append(listed)
                times.down.append(down)
    for name, mine, theirs in (
        ("0 to", by_ocean.up, by_direct.up),
        ("back from", by_ocean.down, by_direct.down),
    ):
        what = f"{name} {count}, {words}"
        yield Figure("C9", f"{what}: by Ocean", median(mine), "s", "<=", 10)
        yield Figure("C9", f"{what}: by Marathon", median(theirs), "s")
        yield Figure("C9", f"{what}: ratio", median(mine) / median(theirs), "x", "<=", 1.25)
    yield Figure("C9", f"0 to {count}, {words}: each with its row", median(by_ocean.listed), "s")


def _by_ocean(ocean: Ocean, tag: str, count: int) -> tuple[float, float, float]:
    ocean.scale(tag, 0)
    until(lambda: ocean.is_free(tag) and ocean.counts(tag)["running"] == 0, what="empty")
    began = time.monotonic()
    ocean.scale(tag, count)
    up = until(lambda: ocean.counts(tag)["running"] == count, what="all are shown running") - began
    listed = until(lambda: ocean.listed(tag, "running") == count, what="each has its row") - began
    until(lambda: ocean.is_free(tag), what="nothing is under way")
    began = time.monotonic()
    ocean.scale(tag, 0)
    down = until(lambda: ocean.listed(tag) == ocean.counts(tag)["running"] == 0, what="none is shown") - began
    until(lambda: ocean.is_free(tag), what="nothing is under way")
    return up, listed, down


def _by_direct(direct: Direct, count: int) -> tuple[float, float, float]:
    until(direct.is_idle, what="nothing is under way")
    began = time.monotonic()
    direct.put(_DIRECT_ID, {"instances": count})
    up = until(lambda: direct.running(_DIRECT_ID) == count, what="all run") - began
    until(direct.is_idle, what="nothing is under way")
    began = time.monotonic()
    direct.put(_DIRECT_ID, {"instances": 0})
    down = until(lambda: direct.left(_DIRECT_ID) == 0, what="none is left") - began
    return up, up, down


def _at_once(ocean: Ocean, direct: Direct, *, jobs: int, rounds: int, words: str) -> Iterator[Figure]:
    """Each round has new jobs and new apps: publishing for the first time."""
    mine, released, theirs = [], [], []
    for number in range(rounds):
        name = f"at-once-{number}"
        mine.append(_publish_all(ocean, name, jobs, lambda tags: all_at_once(ocean.publish, tags)))
        until(direct.is_idle, what="nothing is under way")
        released.append(_publish_all(ocean, f"release-{number}", jobs, ocean.release))
        until(direct.is_idle, what="nothing is under way")
        theirs.append(_put_all(direct, f"/direct/{name}", jobs))
        until(direct.is_idle, what="nothing is under way")
    what = f"{jobs} jobs published at once, {words}"
    yield Figure("C9", f"{what}: by Ocean", median(mine), "s")
    yield Figure("C9", f"{what}: by Marathon", median(theirs), "s")
    yield Figure("C9", f"{what}: ratio", median(mine) / median(theirs), "x", "<=", 1.5)
    ratio = median(released) / median(theirs)
    yield Figure(
        "C9", f"{what}: as one release, ratio", ratio, "x", "<=", 1.5, note=f"{median(released):.1f} s"
    )


def _publish_all(ocean: Ocean, service: str, jobs: int, publish: Callable[[list[str]], None]) -> float:
    tags = [ocean.create(f"job-{number:03}", service=service) for number in range(jobs)]
    began = time.monotonic()
    publish(tags)
    return until(lambda: ocean.running_jobs(service) == jobs, what="all are shown running") - began


def _put_all(direct: Direct, part: str, jobs: int) -> float:
    names = [f"{part}/job-{number:03}" for number in range(jobs)]
    began = time.monotonic()
    all_at_once(lambda name: direct.put(name, {**_APP, "instances": 1}), names)
    return until(lambda: direct.running(part) == jobs, what="all run") - began
