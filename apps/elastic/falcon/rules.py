"""Which strategies go into a template: a policy's, and the usual ones for containers and hosts. Pure.

A job's own wake its control loop, which decides for itself; so one sample is enough to fire, on any one instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clients.falcon.wire import Operator, Strategy
from engines.metrics.falcon import COUNTERS

TOLERANCE = 0.1
"""A held value is left alone as long as it is within this share of the target."""
NOTE = "Ocean wakes the autoscaler"

CONTAINER = (
    Strategy("mem.memused.percent", "all(#3)", ">", 95, max_step=3, priority=3, note="almost out of memory"),
    Strategy("cpu.busy", "all(#6)", ">", 95, max_step=3, priority=4, note="all of its CPU in use"),
)
HOST = (
    Strategy("cpu.idle", "all(#6)", "<", 5, max_step=3, priority=3, note="no CPU left"),
    Strategy("mem.memfree.percent", "all(#3)", "<", 5, max_step=3, priority=2, note="almost out of memory"),
    Strategy("df.bytes.free.percent", "all(#3)", "<", 10, max_step=3, priority=3, note="disk almost full"),
    Strategy(
        "df.inodes.free.percent", "all(#3)", "<", 10, max_step=3, priority=3, note="inodes almost used up"
    ),
)
"""Of what stock agents send by default."""


def waking(metrics: Sequence[Mapping[str, Any]]) -> frozenset[Strategy]:
    """The conditions under which a policy's loop has something to do."""
    return frozenset(strategy for entry in metrics for strategy in _of_metric(entry))


def _of_metric(entry: Mapping[str, Any]) -> Iterator[Strategy]:
    counter = COUNTERS[entry["metric"]]
    if entry["mode"] == "target":
        # Below the target nothing is urgent: scaling in waits for its window anyhow.
        yield _wake(counter, ">", entry["target"] * (1 + TOLERANCE))
        return
    if entry.get("out"):
        yield _wake(counter, ">", entry["out"]["above"])
    if entry.get("in"):
        yield _wake(counter, "<", entry["in"]["below"])


def _wake(counter: str, operator: Operator, threshold: float) -> Strategy:
    return Strategy(counter, "all(#1)", operator, round(threshold, 6), max_step=3, priority=0, note=NOTE)
