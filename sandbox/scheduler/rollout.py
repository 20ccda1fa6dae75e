"""The arithmetic of a rolling restart: how many old instances to kill and new ones to start. Pure.

Source: Marathon's core/deployment/impl/TaskReplaceActor.scala (ignition strategy and the steps after it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sandbox.definitions.app import UpgradeStrategy


@dataclass(frozen=True, slots=True)
class Bounds:
    """Fixed once, when the restart begins."""

    kill_now: int  # old instances to kill before anything else
    min_healthy: int
    max_capacity: int  # of old and new ones together


def bounds(*, target: int, existing: int, healthy: int, upgrade: UpgradeStrategy, resident: bool) -> Bounds:
    """`existing`: instances with goal Running; `healthy`: those of them that are healthy now.

    Minimum = maximum would deadlock: then residents dip below the minimum by one, others go one above the
    maximum."""
    min_healthy = math.ceil(target * upgrade.minimum_health_capacity)
    max_capacity = math.floor(target * (1 + upgrade.maximum_over_capacity))
    kill_now = max(0, healthy - min_healthy)
    if min_healthy == max_capacity and max_capacity <= healthy:
        if resident:
            kill_now = healthy - min_healthy + 1
            min_healthy -= 1
        else:
            max_capacity += 1
    if target < existing:
        kill_now = max(existing - target, kill_now)
    return Bounds(kill_now, min_healthy, max_capacity)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a restart stands. `old`: old instances not being killed yet, `dying`: those that still hold
    capacity."""

    target: int
    old: int
    old_healthy: int
    dying: int
    new: int
    new_ready: int  # healthy and ready


@dataclass(frozen=True, slots=True)
class Moves:
    start: int
    kill: int
    done: bool


def next_moves(progress: Progress, limits: Bounds) -> Moves:
    """What to do now. Applying it and asking again gives nothing new until something changes in the world.

    One more old instance may go for every new one that is healthy and ready. Unhealthy old ones serve nobody,
    so for them the minimum does not count."""
    p = progress
    alive = p.old + p.dying + p.new
    start = max(0, min(p.target - p.new, limits.max_capacity - alive))
    serving = p.old_healthy + p.new_ready
    spare = max(0, serving - limits.min_healthy) if p.new_ready else 0
    replaced = min(p.old - p.old_healthy, max(0, p.old + p.new_ready - p.target))
    kill = min(p.old, max(spare, replaced))
    if p.new_ready >= p.target:
        kill = p.old
    done = p.new_ready >= p.target and p.new >= p.target and p.old == 0 and p.dying == 0
    return Moves(start=start, kill=kill, done=done)
