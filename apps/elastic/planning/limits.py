"""From what the metrics wish to what is asked for: bounds, cool-downs, the pace of shrinking, a person's approval."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.elastic.planning.memory import Memory
from apps.elastic.planning.values import Mode, Observation, Policy, Reason, Shrinking


@dataclass(slots=True)
class Bounded:
    """A number on its way through the limits, and what bounded it."""

    wanted: int
    clamps: list[Reason] = field(default_factory=list)
    held: Reason | None = None
    asks: int | None = None

    def lower(self, code: str, most: int) -> None:
        if self.wanted > most:
            self.clamps.append(Reason(code, {"wish": self.wanted, "to": most}))
            self.wanted = most

    def raise_(self, code: str, least: int) -> None:
        if self.wanted < least:
            self.clamps.append(Reason(code, {"wish": self.wanted, "to": least}))
            self.wanted = least

    def hold(self, reason: Reason, wanted: int) -> None:
        self.held, self.wanted = reason, wanted


def within_bounds(policy: Policy, seen: Observation, wish: int) -> Bounded:
    """Least first, so that the most wins: min, a schedule's floor; max, quota and the cluster's room.

    Quota and room keep from growing and never shrink what runs.
    """
    bounded = Bounded(wish)
    bounded.raise_("min", policy.min)
    if seen.floor is not None:
        bounded.raise_("floor", seen.floor)
    bounded.lower("max", policy.max)
    for code, most in (("quota", seen.quota_max), ("capacity", seen.capacity_max)):
        if most is not None:
            bounded.lower(code, max(most, min(seen.wanted, bounded.wanted)))
    return bounded


def paced_out(policy: Policy, memory: Memory, seen: Observation, bounded: Bounded) -> None:
    if policy.grow_max is not None:
        bounded.lower("grow_max", seen.wanted + policy.grow_max)
    left = _left(policy.cooldown_out_s, seen.now_s, memory.out_s, memory.in_s)
    if left > 0 and seen.wanted >= policy.min:
        bounded.hold(Reason("cooldown_out", {"wish": bounded.wanted, "left_s": left}), seen.wanted)


def paced_in(policy: Policy, memory: Memory, seen: Observation, bounded: Bounded) -> None:
    """At most one step, one a period; what lies beyond asks a person."""
    wish = bounded.wanted
    left = _left(policy.cooldown_in_s, seen.now_s, memory.out_s, memory.in_s)
    if left > 0:
        bounded.hold(Reason("cooldown_in", {"wish": wish, "left_s": left}), seen.wanted)
        return
    least = seen.wanted - step_down_max(policy, seen.wanted)
    if wish < least and not (seen.approved_down_to is not None and seen.approved_down_to <= wish):
        bounded.asks = wish
        if policy.shrinking is Shrinking.ASK:
            bounded.hold(Reason("approval", {"wish": wish}), seen.wanted)
            return
        bounded.raise_("step", least)
    left = _left(policy.step_period_s, seen.now_s, memory.in_s)
    if left > 0 and wish < seen.wanted - step_chosen(policy):
        bounded.hold(Reason("pace", {"wish": wish, "left_s": left}), seen.wanted)


def step_down_max(policy: Policy, wanted: int) -> int:
    """How many instances one decision may take without a person: 30 % and 10, but always one; and a person has already
    said yes to the step of a threshold."""
    share = int(wanted * policy.step_share_max)
    return max(1, min(policy.step_count_max, max(share, step_chosen(policy))))


def step_chosen(policy: Policy) -> int:
    """The step of threshold mode, which brings its own pace, too: so many samples below."""
    return policy.step if all(metric.mode is Mode.THRESHOLD for metric in policy.metrics) else 0


def _left(period_s: float, now_s: float, *since_s: float | None) -> float:
    last = max((since for since in since_s if since is not None), default=None)
    return 0.0 if last is None else last + period_s - now_s
