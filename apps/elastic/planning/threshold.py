"""Mode `threshold`: the slide's form (seed 001).

Out: k consecutive samples > limit → +step; in: k consecutive samples < limit → −step. A counter restarts after an
action. Samples count as they come: of 5 s each, three fire within 10 to 15 s.
"""

from __future__ import annotations

from collections.abc import Sequence

from apps.elastic.planning.fleet import in_doubt, sampled, silent_count, stale_after_s, with_silent
from apps.elastic.planning.memory import Memory, ThresholdMemory
from apps.elastic.planning.values import MetricPolicy, Observation, Policy, Reason, Rule, Sample, Wish

NEVER_OUT = Rule(samples=1, limit=float("inf"))
NEVER_IN = Rule(samples=1, limit=float("-inf"))
GAP_STEPS = 3


def threshold_wish(policy: Policy, metric: MetricPolicy, memory: Memory, seen: Observation) -> Wish:
    """±step when a rule has fired, else what is wanted now."""
    state = memory.thresholds.setdefault(metric.metric, ThresholdMemory())
    out, in_ = metric.out or NEVER_OUT, metric.in_ or NEVER_IN
    _count(state, seen.samples.get(metric.metric, ()), policy, metric, memory)
    if state.sampled_s is None:
        return Wish(metric.metric, None, Reason("no_samples"))
    age = seen.now_s - state.sampled_s
    if age > stale_after_s(state, policy):
        state.high = state.low = 0
        return Wish(metric.metric, None, Reason("stale", {"age_s": age}))
    values = {"value": state.value, "high": state.high, "low": state.low}
    if state.high >= out.samples:
        return Wish(metric.metric, seen.wanted + policy.step, Reason("above", {**values, "limit": out.limit}))
    if state.low < in_.samples:
        return Wish(metric.metric, seen.wanted, Reason("between", values))
    unknown = in_doubt(state, policy, seen)
    if unknown is not None:
        return Wish(metric.metric, None, unknown)
    return Wish(metric.metric, seen.wanted - policy.step, Reason("below", {**values, "limit": in_.limit}))


def _count(
    state: ThresholdMemory,
    samples: Sequence[Sample],
    policy: Policy,
    metric: MetricPolicy,
    memory: Memory,
) -> None:
    """Count on until a rule fires: its action restarts the counters, and what came after it in one tick is past. After
    a gap (nobody looked, or nothing was sent) they begin anew: what is remembered is not consecutive with what comes.
    """
    out, in_ = metric.out or NEVER_OUT, metric.in_ or NEVER_IN
    fired = False
    for sample in samples:
        if sample.reporting <= 0 or (state.sampled_s is not None and sample.time_s <= state.sampled_s):
            continue
        if _is_gap(state, policy, sample):
            state.high = state.low = 0
        sampled(state, time_s=sample.time_s, reporting=sample.reporting)
        silent = silent_count(memory.fleet, reporting=sample.reporting)
        full = (metric.out or in_).limit  # without a rule to grow by, not low is all that a silent one can be
        value = with_silent(metric.metric, sample.value, reporting=sample.reporting, silent=silent, full=full)
        if fired:
            continue
        state.value = value
        state.high = state.high + 1 if value > out.limit else 0
        state.low = state.low + 1 if value < in_.limit else 0
        fired = state.high >= out.samples or state.low >= in_.samples


def _is_gap(state: ThresholdMemory, policy: Policy, sample: Sample) -> bool:
    if state.sampled_s is None:
        return False
    return sample.time_s - state.sampled_s > (GAP_STEPS * state.step_s or policy.stale_s)
