"""The instances of a job: who must report, who is silent, and how long a new one takes until it serves."""

from __future__ import annotations

from apps.elastic.planning.memory import FleetMemory, TargetMemory, ThresholdMemory
from apps.elastic.planning.values import Observation, Policy, Reason

SETTLED_S = 20.0
"""An instance that became healthy so long ago must have sent a sample: three periods of 5 s, and one late."""
FULL = {"cpu": 100.0, "memory": 100.0}
"""What an instance counts for that sends nothing (PaaSTA: missing data counts as 100 % load)."""
STARTUP_MAX_S = 900.0
STEP_MAX_S = 120.0
SLOWER, FASTER = 0.5, 0.2
"""How far one start counts: a slower one more, because being late is what hurts."""


def fleet_see(memory: FleetMemory, seen: Observation) -> None:
    """Instances count as settled when they have been healthy for SETTLED_S; lost ones stop counting at once."""
    if seen.healthy <= memory.settled:
        memory.settled, memory.more_since_s = seen.healthy, None
    elif memory.more_since_s is None:
        memory.more_since_s = seen.now_s
    elif seen.now_s - memory.more_since_s >= SETTLED_S:
        memory.settled, memory.more_since_s = seen.healthy, None
    if memory.ordered_s is not None:
        _startup_see(memory, seen, seen.now_s - memory.ordered_s)


def _startup_see(memory: FleetMemory, seen: Observation, took_s: float) -> None:
    """A start is timed from the decision until as many are healthy as were wanted then."""
    if seen.publishing or seen.wanted < memory.ordered or took_s > STARTUP_MAX_S:
        if took_s > SETTLED_S or seen.publishing:
            memory.ordered_s = None
    elif seen.healthy >= memory.ordered:
        memory.ordered_s = None
        if memory.startup_s < 0:
            memory.startup_s = took_s
        else:
            memory.startup_s += (SLOWER if took_s > memory.startup_s else FASTER) * (
                took_s - memory.startup_s
            )


def fleet_ordered(memory: FleetMemory, *, now_s: float, wanted: int) -> None:
    """More were asked for. One order is timed at a time."""
    if memory.ordered_s is None:
        memory.ordered_s, memory.ordered = now_s, wanted


def startup_s(memory: FleetMemory, policy: Policy) -> float:
    """From the order to an instance that serves: as learned, else as the policy guesses."""
    return memory.startup_s if memory.startup_s >= 0 else policy.startup_s


def sampled(state: TargetMemory | ThresholdMemory, *, time_s: float, reporting: int) -> None:
    """A sample came. A gap is not taken for the source's step: that is the shorter of the last two."""
    if state.sampled_s is not None:
        apart_s = min(time_s - state.sampled_s, STEP_MAX_S)
        state.step_s, state.last_s = min(apart_s, state.last_s), apart_s
    state.sampled_s, state.reporting = time_s, reporting


def stale_after_s(state: TargetMemory | ThresholdMemory, policy: Policy) -> float:
    """How old the newest sample may be: as the policy says, or three steps of a source that sends less often (stock
    Falcon: 60 s)."""
    return max(policy.stale_s, 3 * state.step_s)


def in_doubt(state: TargetMemory | ThresholdMemory, policy: Policy, seen: Observation) -> Reason | None:
    """Why the newest sample is not good enough to shrink by it. (It may do for growing: an instance that has only just
    become healthy owes no sample yet, and one sample may be late.)"""
    if state.reporting < seen.healthy:
        return Reason("partial", {"silent": seen.healthy - state.reporting})
    age_s = seen.now_s - (state.sampled_s or 0.0)
    return Reason("stale", {"age_s": age_s}) if age_s > stale_after_s(state, policy) / 2 else None


def silent_count(memory: FleetMemory, *, reporting: int) -> int:
    return max(0, memory.settled - reporting)


def with_silent(metric: str, value: float, *, reporting: int, silent: int, full: float) -> float:
    """The mean if the silent instances were loaded: at 100 % of CPU and memory, else at what is `full`."""
    if not silent:
        return value
    loaded = max(value, FULL.get(metric, full))
    return (value * reporting + loaded * silent) / (reporting + silent)
