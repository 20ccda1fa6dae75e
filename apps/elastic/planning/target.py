"""Mode `target`: hold a metric at a value.

Out at once and in proportion: to what the load is, or will be when an instance ordered now serves. In only to the
largest load of the past window (JD: only if the metrics stayed low over a past period). What was only forecast is kept
until it should have come.

The window is `window_s` where little would be taken (it would soon be asked for again), for load that goes on and off,
and in a sudden dip: less than 40 % of the usual load of the past hour looks like an outage elsewhere, after which
everybody comes back at once (Scryer). Otherwise, where much would be taken (18 % and more: a burst has passed), it
is 15 % of that: what a burst costs is mostly the time after it. Where shrinking was often taken back (`turns`), up to a
tenth more is left each time.
"""

from __future__ import annotations

import math
from collections import deque

from apps.elastic.planning.capacity import capacity_see, target_now
from apps.elastic.planning.fleet import (
    in_doubt,
    sampled,
    silent_count,
    stale_after_s,
    startup_s,
    with_silent,
)
from apps.elastic.planning.forecast import load_see, rise_ahead
from apps.elastic.planning.memory import LoadMemory, Memory, TargetMemory
from apps.elastic.planning.profile import profile_floor, profile_see
from apps.elastic.planning.turns import turns_now
from apps.elastic.planning.values import Metric, MetricPolicy, Observation, Policy, Reason, Sample, Wish

HAIR = 1e-9
"""Against a quotient such as 3.0000000000000004, which is 3."""
TICK_S = 5.0
BUCKET_S = 15.0
TOLERANCE_OUT, TOLERANCE_IN = 0.03, 0.07
"""How far the metric may be off before anything changes: HPA allows 10 % either way. Little out, because a high target
leaves little room; more in, because what is taken is soon asked for again."""
MUCH = 0.18
SOON = 0.15
YOUNG = 1 / 3
"""Samples must have come for this part of the window, after a gap, before anything shrinks."""
TURNS_ROOM = 0.1
SWING_MAX = 0.3
DIP = 0.4
SATURATED = 97.0
SATURATED_GROWTH = 1.5
FULL_SAMPLES, FULL_FROM = 3, 0.75
DRAINED_S = 15.0


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
        if sample.reporting > 0 and (state.sampled_s is None or sample.time_s > state.sampled_s):
            _see(policy, name, memory, state, sample, target=target, horizon_s=horizon_s)
    if state.sampled_s is None:
        return Wish(name, None, Reason("no_samples"))
    if seen.now_s - state.sampled_s > stale_after_s(state, policy):
        return Wish(name, None, Reason("stale", {"age_s": seen.now_s - state.sampled_s}))
    if name == "cpu" and state.value >= SATURATED:
        return _saturated(state, memory, seen, target=target, horizon_s=horizon_s)
    return _wish(policy, metric, memory, state, seen, target=target, horizon_s=horizon_s)


def _see(
    policy: Policy,
    name: Metric,
    memory: Memory,
    state: TargetMemory,
    sample: Sample,
    *,
    target: float,
    horizon_s: float,
) -> None:
    """One more sample. Work that had queued is no load: CPU at 100 %, and shortly after it, is not remembered."""
    time_s, value, reporting = sample
    silent = silent_count(memory.fleet, reporting=reporting)
    if silent:
        value = with_silent(name, value, reporting=reporting, silent=silent, full=target)
    stale_s = stale_after_s(state, policy)
    if state.sampled_s is None or time_s - state.sampled_s > stale_s:
        state.since_s = time_s
    sampled(state, time_s=time_s, reporting=reporting)
    state.value = value
    load = state.load
    if silent != state.silent:  # what is assumed of those that are silent is no change of the load
        state.silent = silent
        load.recent.clear()
    total = value * (reporting + silent)
    if name == "cpu" and value >= SATURATED:
        state.full = FULL_SAMPLES if load.level < FULL_FROM * total else state.full + 1
        state.drained_s = time_s + DRAINED_S
        load.recent.clear()
    else:
        state.full = 0
    load_see(load, time_s=time_s, load=total, gap_s=stale_s)
    if time_s < state.drained_s:
        return
    rise = rise_ahead(load, now_s=time_s, horizon_s=horizon_s)
    _remember(state.peaks, time_s, load.level)
    if rise > 0:
        _remember(state.ahead, time_s, load.level + rise)
    if policy.predict:
        profile_see(state.profile, time_s=time_s, load=load.level)


def _saturated(
    state: TargetMemory, memory: Memory, seen: Observation, *, target: float, horizon_s: float
) -> Wish:
    """CPU at 100 % tells neither the load nor its trend: grow in proportion; by half as much again if it came from far
    below or lasts; and look again when those serve and have worked off what had queued."""
    values = {"value": state.value, "target": target}
    grown = memory.out_s is not None and seen.now_s - memory.out_s < horizon_s + DRAINED_S
    ahead = _largest(state.ahead, seen.now_s - horizon_s)
    growth = 0.0 if grown or seen.starting > 0 else SATURATED_GROWTH if state.full >= FULL_SAMPLES else 1.0
    wish = max(seen.wanted, instances_for(max(growth * state.load.level, ahead), target))
    return Wish("cpu", wish, Reason("saturated", {**values, "wish": wish}))


def _wish(
    policy: Policy,
    metric: MetricPolicy,
    memory: Memory,
    state: TargetMemory,
    seen: Observation,
    *,
    target: float,
    horizon_s: float,
) -> Wish:
    load = state.load
    peak = _largest(state.peaks, seen.now_s - policy.window_s)
    ahead = _largest(state.ahead, seen.now_s - horizon_s)
    need, code = (ahead, "trend") if ahead > load.level else (load.level, _now(load, target))
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
    wanted = seen.wanted
    if keep < now * (1 - TOLERANCE_IN):
        room = 1 + TURNS_ROOM * turns_now(memory, now_s=seen.now_s)
        wanted = min(wanted, instances_for(keep * room, target))
    if wanted > wish:
        at_s = next((at_s for at_s, load_then in reversed(state.peaks) if load_then >= keep), seen.now_s)
        peak_wish = instances_for(keep, target)
        values |= {"wish": wish, "peak": max(wanted, peak_wish), "ago_s": seen.now_s - at_s}
        code = "window"
    else:
        values["wish"] = wish
        code = "target" if code == "trend" else code  # what is forecast still, but asks for fewer
    if wanted < seen.wanted:
        unknown = in_doubt(state, policy, seen)
        left_s = state.since_s + YOUNG * policy.window_s - seen.now_s
        if unknown is None and left_s > 0:
            unknown = Reason("young", {"wish": wanted, "left_s": left_s})
        if unknown is not None:
            return Wish(metric.metric, None, unknown)
    return Wish(metric.metric, wanted, Reason(code, values))


def _now(load: LoadMemory, target: float) -> str:
    """What asks for as many as there should be now: the load, or the room that is kept since it is unsteady."""
    plain = instances_for(load.level - load.room, target)
    return "unsteady" if plain < instances_for(load.level, target) else "target"


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
