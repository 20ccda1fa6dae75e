"""How many instances there are, as far as the metrics are concerned: who must report, who is silent."""

from __future__ import annotations

from apps.elastic.planning.memory import FleetMemory

SETTLED_S = 20.0
"""An instance that became healthy so long ago must have sent a sample: three periods of 5 s, and one late."""

FULL = {"cpu": 100.0, "memory": 100.0}
"""What an instance counts for that sends nothing (PaaSTA: missing data counts as 100 % load)."""


def fleet_see(memory: FleetMemory, *, now_s: float, healthy: int) -> None:
    """Instances count as settled when they have been healthy for SETTLED_S; lost ones stop counting at once."""
    if healthy <= memory.settled:
        memory.settled, memory.more_since_s = healthy, None
    elif memory.more_since_s is None:
        memory.more_since_s = now_s
    elif now_s - memory.more_since_s >= SETTLED_S:
        memory.settled, memory.more_since_s = healthy, None


def silent_count(memory: FleetMemory, *, reporting: int) -> int:
    return max(0, memory.settled - reporting)


def with_silent(metric: str, value: float, *, reporting: int, silent: int, full: float) -> float:
    """The mean if the silent instances were loaded: at 100 % of CPU and memory, else at what is `full`."""
    if not silent:
        return value
    loaded = max(value, FULL.get(metric, full))
    return (value * reporting + loaded * silent) / (reporting + silent)
