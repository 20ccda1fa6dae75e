"""Mode `target`: hold a metric at a value.

Out at once and in proportion: to what the load is, or will be when an instance ordered now serves. In only to the
largest load of the past window (JD: only if the metrics stayed low over a past period). What was only forecast is kept
until it should have come.

The window is `window_s` where little would be taken (it would soon be asked for again), for load that goes on and off,
and in a sudden dip: less than 40 % of the usual load of the past hour looks like an outage elsewhere, after which
everybody comes back at once (Scryer). Otherwise, where much would be taken (15 % and more: a burst has passed), it is a
third of that.
"""

from __future__ import annotations

import math
from collections import deque

from apps.elastic.planning.capacity import capacity_see, target_now
from apps.elastic.planning.fleet import in_doubt, silent_count, startup_s, with_silent
from apps.elastic.planning.forecast import load_see, rise_ahead
from apps.elastic.planning.memory import Memory, TargetMemory
from apps.elastic.planning.profile import profile_floor, profile_see
from apps.elastic.planning.values import MetricPolicy, Observation, Policy, Reason, Wish

HAIR = 1e-9
"""Against a quotient such as 3.0000000000000004, which is 3."""
TICK_S = 5.0
BUCKET_S = 15.0
TOLERANCE_OUT, TOLERANCE_IN = 0.05, 0.07
"""How far the metric may be off before anything changes: HPA allows 10 % either way."""
MUCH = 0.15
SOON = 1 / 3
SWING_MAX = 0.3
DIP = 0.4
SATURATED = 97.0
SATURATED_GROWTH = 1.5
"""CPU at 100 % does not tell how much more there is: half as much again, until instances serve."""


def instances_for(load: float, target: float) -> int:
    """How many instances bring `load` down to `target` each: a ceiling. PaaSTA's `round` left 2 instances at 100 % with
    a set-point of 0.8 at round(2.5) = 2 for ever."""
    return math.ceil(load / target - HAIR)


def target_wish(policy: Policy, metric: MetricPolicy, memory: Memory, seen: Observation) -> Wish:
    """How many instances hold the metric at its target."""
    name = metric.metric
    state = memory.targets.get(name)
    if state is None:
        state = memory.targets[name] = TargetMemory()
    if metric.share is not None:
        capacity_see(state, seen)
    target = target_now(metric, state)
    horizon_s = startup_s(memory.fleet, policy) + TICK_S
    for sample in seen.samples.get(name, ()):
        if sample.reporting <= 0 or (state.sampled_s is not None and sample.time_s <= state.sampled_s):
            continue
        silent = silent_count(memory.fleet, reporting=sample.reporting)
        value = sample.value
        if silent:
            value = with_silent(name, value, reporting=sample.reporting, silent=silent, full=target)
        if state.sampled_s is None or sample.time_s - state.sampled_s > policy.stale_s:
            state.since_s = sample.time_s
        state.sampled_s, state.value, state.reporting = sample.time_s, value, sample.reporting
        total = value * (sample.reporting + silent)
        load_see(state.load, time_s=sample.time_s, load=total, gap_s=policy.stale_s)
        _remember(state.peaks, sample.time_s, state.load.level)
        rise = rise_ahead(state.load, now_s=sample.time_s, horizon_s=horizon_s)
        if rise > 0:
            _remember(state.ahead, sample.time_s, state.load.level + rise)
        if policy.predict:
            profile_see(state.profile, time_s=sample.time_s, load=state.load.level)
    if state.sampled_s is None:
        return Wish(name, None, Reason("no_samples"))
    if seen.now_s - state.sampled_s > policy.stale_s:
        return Wish(name, None, Reason("stale", {"age_s": seen.now_s - state.sampled_s}))
    return _wish(policy, metric, state, seen, target=target, horizon_s=horizon_s)


def _wish(
    policy: Policy,
    metric: MetricPolicy,
    state: TargetMemory,
    seen: Observation,
    *,
    target: float,
    horizon_s: float,
) -> Wish:
    load = state.load
    peak = _largest(state.peaks, seen.now_s - policy.window_s)
    ahead = _largest(state.ahead, seen.now_s - horizon_s)
    need, code = (ahead, "trend") if ahead > load.level else (load.level, "target")
    if metric.metric == "cpu" and state.value >= SATURATED and seen.starting == 0:
        need, code = max(need, SATURATED_GROWTH * load.level), "saturated"
    if policy.predict:
        floor = profile_floor(state.profile, now_s=seen.now_s, horizon_s=horizon_s)
        if floor > max(need, peak):
            need, peak, code = floor, floor, "predicted"
    now = seen.wanted * target
    wanted: int | None = seen.wanted
    values: dict[str, float | str] = {"value": state.value, "target": target}
    if need > now * (1 + TOLERANCE_OUT):
        wanted = instances_for(need, target)
        return Wish(metric.metric, wanted, Reason(code, {**values, "wish": wanted}))
    wish = instances_for(need, target)
    if wish >= seen.wanted or need >= now * (1 - TOLERANCE_IN):
        return Wish(metric.metric, seen.wanted, Reason("within", values))
    keep = max(peak, need)
    if keep >= now * (1 - TOLERANCE_IN) and load.swing <= SWING_MAX and load.level >= DIP * load.usual:
        newer = max(_largest_since(state.peaks, seen.now_s - SOON * policy.window_s), need)
        if newer < now * (1 - MUCH):
            keep = newer
    wanted = min(seen.wanted, instances_for(keep, target)) if keep < now * (1 - TOLERANCE_IN) else seen.wanted
    if wanted > wish:
        at_s = next((at_s for at_s, load_then in reversed(state.peaks) if load_then >= keep), seen.now_s)
        peak_wish = instances_for(keep, target)
        values |= {"wish": wish, "peak": max(wanted, peak_wish), "ago_s": seen.now_s - at_s}
        code = "window"
    else:
        values["wish"] = wish
    if wanted < seen.wanted:
        unknown = in_doubt(state, policy, seen)
        left_s = state.since_s + SOON * policy.window_s - seen.now_s
        if unknown is None and left_s > 0:
            unknown = Reason("young", {"wish": wanted, "left_s": left_s})
        if unknown is not None:
            return Wish(metric.metric, None, unknown)
    return Wish(metric.metric, wanted, Reason(code, values))


def _remember(peaks: deque[tuple[float, float]], time_s: float, load: float) -> None:
    """Keep the largest of each bucket, as long as no later one exceeds it: the first is then the largest of all."""
    while peaks and peaks[-1][1] <= load:
        peaks.pop()
    if not peaks or time_s - peaks[-1][0] >= BUCKET_S:
        peaks.append((time_s, load))


def _largest(peaks: deque[tuple[float, float]], since_s: float) -> float:
    """The largest since then; forgets what is older."""
    while peaks and peaks[0][0] < since_s:
        peaks.popleft()
    return peaks[0][1] if peaks else 0.0


def _largest_since(peaks: deque[tuple[float, float]], since_s: float) -> float:
    return next((load for at_s, load in peaks if at_s >= since_s), 0.0)
