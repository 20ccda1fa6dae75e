"""How often a job's own shrinking was taken back soon after, by a little: what it shrinks to is learned from that.

Growing again within ten minutes of a shrink, by a fifth at most (a burst is no fault of the shrink), moves `turns` a
part of the way to 1; time without one brings it back. The more it turns, the more room is left when shrinking.
"""

from __future__ import annotations

import math

from apps.elastic.planning.memory import Memory

SOON_S = 600.0
FADES_S = 7200.0
PART = 0.3
LITTLE = 1.2


def turns_see(memory: Memory, *, now_s: float, wanted: int, before: int) -> None:
    """A change, before it is noted in `memory`."""
    out_s, in_s = memory.out_s, memory.in_s
    if in_s is None or wanted <= before or now_s - in_s > SOON_S or (out_s is not None and out_s > in_s):
        return
    if wanted <= max(before + 1, LITTLE * before):
        turns = turns_now(memory, now_s=now_s)
        memory.turns, memory.turned_s = turns + PART * (1 - turns), now_s


def turns_now(memory: Memory, *, now_s: float) -> float:
    """0: never; near 1: all the time."""
    return memory.turns * math.exp((memory.turned_s - now_s) / FADES_S) if memory.turns else 0.0
