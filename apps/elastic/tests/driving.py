"""Drives `decide` through made-up seconds: instances that start, serve and report, without a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apps.elastic.planning import Decision, Memory, MetricPolicy, Observation, Policy, Sample, decide

TICK_S = 5.0
NOON_S = 1_700_000_000.0


def qps_policy(*, target: float = 60.0, least: int = 2, most: int = 100, **options: Any) -> Policy:
    return Policy(metrics=(MetricPolicy("qps", target=target),), min=least, max=most, **options)


def cpu_policy(*, target: float = 60.0, least: int = 2, most: int = 100, **options: Any) -> Policy:
    return Policy(metrics=(MetricPolicy("cpu", target=target),), min=least, max=most, **options)


@dataclass
class Job:
    """A job whose instances can do `capacity` requests/s each and start in `startup_s`."""

    policy: Policy
    wanted: int
    capacity: float = 100.0
    startup_s: float = 30.0
    now_s: float = NOON_S
    tick_s: float = TICK_S
    memory: Memory = field(default_factory=Memory)
    orders: list[tuple[float, int]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    def tick(self, load: float, *, samples: bool = True, silent: int = 0, **seen: Any) -> Decision:
        """A tick under so many requests/s, then a decision, which is carried out."""
        self.now_s += self.tick_s
        self.orders = [(at, count) for at, count in self.orders if at > self.now_s]
        starting = sum(count for _, count in self.orders)
        healthy = self.wanted - starting
        rate = load / healthy
        reporting = healthy - silent
        given = {
            "qps": (Sample(self.now_s, rate, reporting),),
            "cpu": (Sample(self.now_s, min(100.0, 100 * rate / self.capacity), reporting),),
        }
        observation = Observation(
            **{
                "now_s": self.now_s,
                "wanted": self.wanted,
                "running": self.wanted,
                "healthy": healthy,
                "starting": starting,
                "samples": given if samples else {},
                **seen,
            }
        )
        decision = decide(self.policy, self.memory, observation)
        if decision.wanted > self.wanted:
            self.orders.append((self.now_s + self.startup_s, decision.wanted - self.wanted))
        elif decision.wanted < self.wanted:
            self.orders = []
        self.wanted = decision.wanted
        self.decisions.append(decision)
        return decision

    def run(self, seconds: float, load: float | Callable[[float], float], **seen: Any) -> Decision:
        """So many seconds; a load may be a function of the seconds since the beginning of them."""
        begin = self.now_s
        while self.now_s < begin + seconds:
            self.tick(load(self.now_s - begin) if callable(load) else load, **seen)
        return self.decisions[-1]
