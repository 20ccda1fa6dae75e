"""The learned shape of a week, as a floor under what reacting wants: the load to expect at this time of the week.

One number for each half hour: the largest mean of five minutes seen in it, followed over the weeks. It rises fast and
falls slowly, so that one outage does not unlearn a peak. A half hour not yet seen on this weekday has the largest of
the other days seen. About 3 kB for each job and metric, and only where a policy predicts.
"""

from __future__ import annotations

from apps.elastic.planning.memory import ProfileMemory

SLOT_S = 1800
SLOTS_A_DAY = 86_400 // SLOT_S
SLOTS = 7 * SLOTS_A_DAY
PART_S = 300.0
RISES, FALLS = 0.6, 0.25
NEW_INSIDE = 2
"""So many days must have been seen before one day's half hour speaks for another's."""


def profile_see(memory: ProfileMemory, *, time_s: float, load: float) -> None:
    """A level. Five minutes' means are gathered; the largest of a half hour is learned when it ends."""
    if memory.part_s < 0 or time_s - memory.part_s >= PART_S:
        if memory.part_count and time_s - memory.part_s < 2 * PART_S:
            memory.slot_max = max(memory.slot_max, memory.part_sum / memory.part_count)
        memory.part_s, memory.part_sum, memory.part_count = time_s, 0.0, 0
    memory.part_sum += load
    memory.part_count += 1
    slot = int(time_s // SLOT_S)
    if slot != memory.slot:
        if memory.slot >= 0 and memory.slot_max > 0:
            _learn(memory, memory.slot % SLOTS, memory.slot_max)
        memory.slot, memory.slot_max = slot, 0.0


def _learn(memory: ProfileMemory, slot: int, load: float) -> None:
    if not memory.slots:
        memory.slots = [-1.0] * SLOTS
    known = memory.slots[slot]
    if known < 0:
        memory.slots[slot] = load
    else:
        memory.slots[slot] = known + (RISES if load > known else FALLS) * (load - known)


def profile_floor(memory: ProfileMemory, *, now_s: float, horizon_s: float) -> float:
    """The load to be ready for: of the half hour that an instance ordered now will serve in, and of this one."""
    if not memory.slots:
        return 0.0
    return max(_expected(memory, now_s), _expected(memory, now_s + horizon_s))


def _expected(memory: ProfileMemory, time_s: float) -> float:
    slot = int(time_s // SLOT_S) % SLOTS
    if memory.slots[slot] >= 0:
        return memory.slots[slot]
    others = [known for known in memory.slots[slot % SLOTS_A_DAY :: SLOTS_A_DAY] if known >= 0]
    return min(others) if len(others) >= NEW_INSIDE else 0.0
