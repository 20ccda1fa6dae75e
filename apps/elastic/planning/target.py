"""Mode `target`: hold a metric at a value. Out in proportion and at once, in only to the largest past wish."""

from __future__ import annotations

import math

from apps.elastic.planning.fleet import silent_count, with_silent
from apps.elastic.planning.memory import Memory, TargetMemory
from apps.elastic.planning.values import MetricPolicy, Observation, Policy, Reason, Wish

HAIR = 1e-9
"""Against a quotient such as 3.0000000000000004, which is 3."""


def instances_for(load: float, target: float) -> int:
    """How many instances bring `load` down to `target` each: a ceiling. PaaSTA's `round` left 2 instances at 100 % with
    a set-point of 0.8 at round(2.5) = 2 for ever."""
    return math.ceil(load / target - HAIR)


def target_wish(policy: Policy, metric: MetricPolicy, memory: Memory, seen: Observation) -> Wish:
    """The load over the target now, but not below the largest such wish of the past window."""
    state = memory.targets.setdefault(metric.metric, TargetMemory())
    target = metric.target or 1.0
    for sample in seen.samples.get(metric.metric, ()):
        if sample.reporting <= 0 or (state.sampled_s is not None and sample.time_s <= state.sampled_s):
            continue
        silent = silent_count(memory.fleet, reporting=sample.reporting)
        value = with_silent(
            metric.metric, sample.value, reporting=sample.reporting, silent=silent, full=target
        )
        wish = instances_for(value * (sample.reporting + silent), target)
        state.sampled_s, state.value, state.silent = sample.time_s, value, silent
        while state.peaks and state.peaks[-1][1] <= wish:
            state.peaks.pop()
        state.peaks.append((sample.time_s, wish))
    if state.sampled_s is None:
        return Wish(metric.metric, None, Reason("no_samples"))
    age = seen.now_s - state.sampled_s
    if age > policy.stale_s:
        return Wish(metric.metric, None, Reason("stale", {"age_s": age}))
    while seen.now_s - state.peaks[0][0] > policy.window_s:
        state.peaks.pop(0)
    at_s, peak = state.peaks[0]
    now = state.peaks[-1][1]
    values = {"value": state.value, "target": target, "wish": now}
    if peak > now:
        return Wish(
            metric.metric, peak, Reason("window", {**values, "peak": peak, "ago_s": seen.now_s - at_s})
        )
    if state.silent and now < seen.wanted:
        return Wish(metric.metric, None, Reason("partial", {"silent": state.silent}))
    return Wish(metric.metric, now, Reason("target", values))
