"""What a benchmark says: figures, each beside its target."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Sense = Literal["<=", ">=", "=", ""]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: of which benchmark, of what, how much, and the target. Without a `sense` it is there to be known."""

    benchmark: str
    what: str
    value: float
    unit: str
    sense: Sense = ""
    target: float = 0.0
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it meets the target; None without one."""
        match self.sense:
            case "<=":
                return self.value <= self.target
            case ">=":
                return self.value >= self.target
            case "=":
                return self.value == self.target
        return None

    @property
    def verdict(self) -> str:
        return {True: "met", False: "missed", None: ""}[self.met]

    @property
    def goal(self) -> str:
        return f"{self.sense} {number(self.target)}" if self.sense else ""

    def row(self) -> list[str]:
        """As a row of a table."""
        return [self.benchmark, self.what, number(self.value), self.unit, self.goal, self.verdict, self.note]


COLUMNS = ["id", "what", "figure", "unit", "target", "verdict", "note"]


def number(value: float) -> str:
    """Three figures that count."""
    if value == int(value) and abs(value) < 1e12:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percentile(values: Sequence[float], percent: float) -> float:
    """0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
