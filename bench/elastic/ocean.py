"""Ocean's own policy in the simulator: `decide`, the code that runs in production, seeing what production sees."""

from __future__ import annotations

from dataclasses import replace

from apps.elastic.planning import Memory, Metric, MetricPolicy, Observation, Policy, Sample, decide
from bench.elastic.model import CAPACITY, MAX, MIN, View
from bench.elastic.traces import BIN_S


class Ocean:
    """Mode `target` on request rate or CPU, every 5 s. `policy`: other settings than the
    defaults."""

    every = 1

    def __init__(self, set_point: float, *, metric: Metric = "qps", policy: Policy | None = None) -> None:
        target = set_point * (CAPACITY if metric == "qps" else 100.0)
        self.metric = metric
        self.policy = replace(
            policy or Policy(metrics=(), min=MIN, max=MAX), metrics=(MetricPolicy(metric, target=target),)
        )
        self.memory = Memory()

    def wanted(self, view: View) -> int:
        now, serving = float(view.now * BIN_S), view.serving
        value = view.rate(1) / serving if self.metric == "qps" else 100 * view.cpu_mean(1)
        seen = Observation(
            now_s=now,
            wanted=view.wanted,
            running=view.wanted,
            healthy=serving,
            starting=view.wanted - serving,
            samples={self.metric: (Sample(now, value, serving),)},
        )
        return decide(self.policy, self.memory, seen).wanted
