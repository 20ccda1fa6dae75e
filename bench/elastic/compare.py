"""Every policy at every set-point on one trace, and what each violates at the same cost.

Equal cost: for each policy the smallest share of violated requests that it reaches for so much or less (its lower
envelope over the set-points), on straight lines between them. A policy that cannot spend that much keeps its best
value; one that cannot run for so little has none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

from bench.elastic.model import Outcome, oracle_cost, simulate
from bench.elastic.policies import POLICIES, REFERENCE, SET_POINTS
from bench.elastic.traces import Trace

COSTS = (10, 12, 15, 20, 22, 25, 30, 35, 40, 50, 60, 80, 100, 150, 200, 250, 300, 400)


@dataclass(frozen=True, slots=True)
class Point:
    policy: str
    set_point: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    trace: Trace
    startup_s: int
    points: tuple[Point, ...]

    def outcome(self, policy: str, set_point: float) -> Outcome:
        return next(
            point.outcome for point in self.points if (point.policy, point.set_point) == (policy, set_point)
        )

    def usual(self, policy: str) -> Outcome:
        """At the policy's own default set-point."""
        return self.outcome(policy, POLICIES[policy].usual)

    def at_cost(self, policy: str, over_cost: float) -> float | None:
        """% of requests violated for so much over the oracle's cost."""
        return at_cost(
            [
                (point.outcome.over_cost, point.outcome.requests_violated)
                for point in self.points
                if point.policy == policy
            ],
            over_cost,
        )

    def ratio(self, policy: str, over_cost: float, *, to: str = REFERENCE) -> float | None:
        """What it violates over what `to` violates for the same cost; None where one has no value, or `to` none to
        divide by."""
        mine, other = self.at_cost(policy, over_cost), self.at_cost(to, over_cost)
        return None if mine is None or not other else mine / other


def compare(
    trace: Trace,
    *,
    startup_s: int,
    policies: Sequence[str] = tuple(POLICIES),
    set_points: Sequence[float] = SET_POINTS,
    processes: int | None = None,
) -> Comparison:
    """Runs do not know of each other: any number of processes gives the same answer."""
    oracle = oracle_cost(trace)
    tasks = [(policy, set_point, startup_s, oracle) for policy in policies for set_point in set_points]
    count = processes or min(2, os.cpu_count() or 1)
    if count == 1:
        _begin(trace)
        outcomes: Iterable[Outcome] = map(_run, tasks)
    else:
        with get_context("fork").Pool(count, _begin, (trace,)) as pool:
            outcomes = pool.map(_run, tasks, chunksize=1)
    points = (Point(task[0], task[1], outcome) for task, outcome in zip(tasks, outcomes, strict=True))
    return Comparison(trace, startup_s, tuple(points))


_traces: list[Trace] = []


def _begin(trace: Trace) -> None:
    _traces[:] = [trace]


def _run(task: tuple[str, float, int, int]) -> Outcome:
    policy, set_point, startup_s, oracle = task
    return simulate(_traces[0], POLICIES[policy].make(set_point), startup_s=startup_s, oracle=oracle)


def at_cost(points: Iterable[tuple[float, float]], cost: float) -> float | None:
    envelope: list[tuple[float, float]] = []
    for spent, violated in sorted(points):
        best = min(violated, envelope[-1][1]) if envelope else violated
        envelope.append((spent, best))
    if not envelope or cost < envelope[0][0]:
        return None
    for (spent, violated), (more, less) in pairwise(envelope):
        if cost <= more:
            return violated + (less - violated) * (cost - spent) / (more - spent) if more > spent else less
    return envelope[-1][1]


def as_json(comparison: Comparison, *, costs: Sequence[float] = COSTS) -> dict[str, Any]:
    """The shape that `python -m bench.elastic --help` describes."""
    names = list(dict.fromkeys(point.policy for point in comparison.points))
    trace = comparison.trace
    return {
        "trace": {
            "name": trace.name,
            "hours": round(trace.hours, 3),
            "requests": trace.requests,
            "start_up_s": comparison.startup_s,
        },
        "points": [
            {
                "policy": point.policy,
                "set_point": point.set_point,
                **{name: _rounded(value) for name, value in asdict(point.outcome).items()},
                "ratio_to_hpa_rate": _rounded(_ratio(comparison, point)),
            }
            for point in comparison.points
        ],
        "equal_cost": [
            {
                "over_cost": cost,
                "policies": {
                    name: {
                        "requests_violated": _rounded(comparison.at_cost(name, cost)),
                        "ratio_to_hpa_rate": _rounded(comparison.ratio(name, cost)),
                    }
                    for name in names
                },
            }
            for cost in costs
        ],
    }


def _ratio(comparison: Comparison, point: Point) -> float | None:
    other = comparison.at_cost(REFERENCE, point.outcome.over_cost)
    return point.outcome.requests_violated / other if other else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
