"""Aggregator: a formula over the last points of a host group's hosts, pushed as a series of its own.

Source: falcon-plus modules/aggregator/cron/run.go.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.falcon.functions import holds
from sandbox.falcon.graph import Graph
from sandbox.falcon.portal.tables import Aggregator, Tables
from sandbox.falcon.profile import Profile

_TERM = re.compile(r"\$\(([^)]+)\)")
_COMPARISON = re.compile(r"\)?\s*(>=|<=|>|<|=)\s*(-?[0-9.]+)\s*\Z")

ReadLast = Callable[[str], float | None]


class Aggregators:
    """Runs each of the portal's rows at its own step, begun at random."""

    def __init__(
        self,
        tables: Tables,
        graph: Graph,
        push: Callable[[list[Mapping[str, Any]]], object],
        profile: Profile,
    ) -> None:
        self._tables = tables
        self._graph = graph
        self._push = push
        self._profile = profile
        self._due: dict[int, float] = {}

    async def run(self) -> None:
        reloaded = 0.0
        while True:
            now = time.time()
            if now - reloaded >= self._profile.aggregator_reload_s:
                reloaded = now
                rows = {row.id for row in self._tables.aggregators}
                self._due = {
                    number: self._due.get(number, now + random.random() * self._profile.aggregator_start_s)  # noqa: S311
                    for number in rows
                }
            for number in [number for number, due in self._due.items() if due <= now]:
                row = self._tables.aggregators.get(number)
                if row is None:
                    del self._due[number]
                    continue
                self._due[number] = now + row.step
                self._aggregate(row, now)
            await asyncio.sleep(0.2)

    def _aggregate(self, row: Aggregator, now: float) -> None:
        group = self._tables.groups.get(row.grp_id)
        hosts = [
            host.hostname
            for number in (group.hosts if group else ())
            if (host := self._tables.hosts.get(number))
        ]

        def reader(endpoint: str) -> ReadLast:
            def last(counter: str) -> float | None:
                point = self._graph.last_point(endpoint, counter)
                return point.value if point.time >= now - 2 * row.step else None

            return last

        value = aggregate(row.numerator, row.denominator, [reader(host) for host in hosts])
        if value is not None:
            self._push(
                [
                    {
                        "endpoint": row.endpoint,
                        "metric": row.metric,
                        "tags": row.tags,
                        "step": row.step,
                        "countertype": "GAUGE",
                        "timestamp": int(now),
                        "value": value,
                    }
                ]
            )


def aggregate(numerator: str, denominator: str, hosts: list[ReadLast]) -> float | None:
    """Sum over hosts by sum over hosts; None where there is nothing to divide, or to divide by. Pure.

    Only hosts that have all operands of both count, and `$#` is their number."""
    counters = [*_TERM.findall(numerator), *_TERM.findall(denominator)]
    usable = [read for read in hosts if all(read(counter) is not None for counter in counters)]
    if not usable:
        return None
    top, bottom = (_summed(side, usable) for side in (numerator, denominator))
    if top is None or bottom is None or bottom == 0:
        return None
    return top / bottom


def _summed(side: str, hosts: list[ReadLast]) -> float | None:
    if "$(" not in side:
        if side.strip() == "$#":
            return float(len(hosts))
        return float(side) if side.strip().isdecimal() else None
    comparison = _COMPARISON.search(side)
    formula = side[: comparison.start()] + ")" if comparison else side
    values = [_of_host(formula, read) for read in hosts]
    if comparison is None:
        return sum(values)
    limit = float(comparison[2])
    return float(sum(holds(value, comparison[1], limit) for value in values))


def _of_host(formula: str, read: ReadLast) -> float:
    """Terms joined by plus and minus, from left to right."""
    total, sign, position = 0.0, 1, 0
    for match in _TERM.finditer(formula):
        between = formula[position : match.start()]
        if "-" in between:
            sign = -1
        elif "+" in between:
            sign = 1
        total += sign * (read(match[1]) or 0.0)
        position = match.end()
    return total
