"""Judge's functions, pure. Points are newest first.

Source: falcon-plus modules/judge/store/func.go (v0.3).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

REMAIN = 11
"""Points that judge keeps; a function that needs more never fires."""
_EQUAL = 0.0001
_CALL = re.compile(r"(all|max|min|sum|avg|diff|pdiff|stddev|lookup)\(#(\d+)(?:,(\d+))?\)\Z")

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it fires, and the value that is told."""

    fires: bool
    value: float


class JudgeCrashError(Exception):
    """Upstream's judge dies of this function: `lookup(#2)` lacks an argument."""


def evaluate(function: str, operator: str, threshold: float, points: Points) -> Verdict | None:
    """None where there are too few points, or where nothing is known by that name: neither PROBLEM nor OK."""
    match = _CALL.match(function)
    if match is None:
        return None
    name, first, second = match[1], int(match[2]), match[3]
    if name == "lookup":
        if second is None:
            raise JudgeCrashError(function)
        return _lookup(first, int(second), operator, threshold, points)
    needed = first + 1 if name in ("diff", "pdiff") else first
    if len(points) < needed or needed < 1:
        return None
    values = [value for _, value in points[:needed]]
    if name in ("diff", "pdiff"):
        return _difference(values, operator, threshold, in_percent=name == "pdiff")
    if name == "stddev":
        return _deviation(values, threshold)
    if name == "all":
        return Verdict(all(holds(value, operator, threshold) for value in values), values[0])
    statistic = _STATISTICS[name](values)
    return Verdict(holds(statistic, operator, threshold), statistic)


def oldest_needed(function: str, points: Points) -> int | None:
    """The time of the oldest point in the function's window, where there are enough."""
    match = _CALL.match(function)
    if match is None:
        return None
    size = int(match[3]) if match[1] == "lookup" and match[3] else int(match[2])
    size += match[1] in ("diff", "pdiff")
    return points[size - 1][0] if 1 <= size <= len(points) else None


def holds(value: float, operator: str, threshold: float) -> bool:
    """`=`, `==`, `!=` with a tolerance; an operator that is none never holds."""
    match operator:
        case "=" | "==":
            return abs(value - threshold) < _EQUAL
        case "!=":
            return abs(value - threshold) > _EQUAL
        case "<":
            return value < threshold
        case "<=":
            return value <= threshold
        case ">":
            return value > threshold
        case ">=":
            return value >= threshold
    return False


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "max": max,
    "min": min,
    "sum": math.fsum,
    "avg": _mean,
}


def _lookup(wanted: int, size: int, operator: str, threshold: float, points: Points) -> Verdict | None:
    if len(points) < size or size < 1:
        return None
    hits = sum(holds(value, operator, threshold) for _, value in points[:size])
    return Verdict(hits >= wanted, points[0][1])


def _difference(values: Sequence[float], operator: str, threshold: float, *, in_percent: bool) -> Verdict:
    told = 0.0
    for earlier in values[1:]:
        if in_percent and earlier == 0:
            continue
        told = values[0] - earlier
        if in_percent:
            told = told / earlier * 100
        if holds(told, operator, threshold):
            return Verdict(True, told)
    return Verdict(False, told)


def _deviation(values: Sequence[float], sigmas: float) -> Verdict:
    """Outside mean ± sigmas; the operator does not matter."""
    mean = _mean(values)
    sigma = math.sqrt(_mean([(value - mean) ** 2 for value in values]))
    return Verdict(abs(values[0] - mean) > sigmas * sigma, values[0])
