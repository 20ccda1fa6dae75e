"""Transfer: every sample goes to judge and to graph. Source: falcon-plus modules/transfer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.falcon.graph import Graph
from sandbox.falcon.judge import Judge
from sandbox.falcon.samples import Sample, checked_sample


@dataclass(slots=True)
class Received:
    total: int = 0
    invalid: int = 0


class Transfer:
    def __init__(self, judge: Judge, graph: Graph, *, min_step_s: int) -> None:
        self._judge = judge
        self._graph = graph
        self._min_step_s = min_step_s
        self.received = Received()

    def take(self, items: list[Mapping[str, Any]]) -> int:
        """Send on what is valid. Returns how many are not."""
        now = int(time.time())
        invalid = 0
        for item in items:
            sample = checked_sample(item, now=now, min_step_s=self._min_step_s)
            if sample is None:
                invalid += 1
            else:
                self.send(sample)
        self.received.total += len(items)
        self.received.invalid += invalid
        return invalid

    def send(self, sample: Sample) -> None:
        self._judge.judge(sample)
        self._graph.add(sample)
