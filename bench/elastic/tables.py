"""Comparisons as tables: for a terminal, for the documents."""

from __future__ import annotations

from collections.abc import Sequence

from bench.elastic.compare import Comparison
from bench.elastic.policies import POLICIES, REFERENCE

Rows = Sequence[Sequence[str]]


def text_table(rows: Rows) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
    )


def markdown_table(rows: Rows) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"| {' | '.join('---' for _ in rows[0])} |", *lines[1:]])


def number(value: float | None) -> str:
    """Two figures that count; a dash where there is none."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def points_table(comparison: Comparison) -> Rows:
    """Every policy at every set-point."""
    rows = [
        ["policy", "set-point", "requests in violation %", "over-cost %", "reversals/h", "ratio to HPA rate"]
    ]
    if comparison.trace.step_s is not None:
        rows[0].append("recovery s")
    for point in comparison.points:
        outcome = point.outcome
        other = comparison.at_cost(REFERENCE, outcome.over_cost)
        row = [
            point.policy,
            f"{point.set_point:.2f}",
            f"{outcome.requests_violated:.3f}",
            f"{outcome.over_cost:.1f}",
            f"{outcome.reversals_per_hour:.2f}",
            number(outcome.requests_violated / other if other else None),
        ]
        if comparison.trace.step_s is not None:
            row.append(str(outcome.recovery_s))
        rows.append(row)
    return rows


def cost_table(comparison: Comparison, costs: Sequence[float]) -> Rows:
    """Requests in violation % at equal over-cost, policies as rows."""
    rows = [["policy", *(f"+{cost:g} %" for cost in costs), "ratio to HPA rate"]]
    for name in POLICIES:
        values = [number(comparison.at_cost(name, cost)) for cost in costs]
        ratios = [number(comparison.ratio(name, cost)) for cost in costs]
        rows.append([POLICIES[name].label, *values, " / ".join(ratios)])
    return rows


def usual_cell(comparison: Comparison, policy: str) -> str:
    """violation % / over-cost % / reversals per h at the policy's own default; and the recovery from a step."""
    outcome = comparison.usual(policy)
    cell = f"{number(outcome.requests_violated)} / {outcome.over_cost:.0f} / {outcome.reversals_per_hour:.1f}"
    if comparison.trace.step_s is None:
        return cell
    return f"{cell}; {outcome.recovery_s} s"
