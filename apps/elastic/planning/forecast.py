"""Where a load is going: its level, its measured noise, and its trend as far as trends have been right before.

Everything is brought up to date by each sample in constant time.

*Noise* is measured: from second differences, in which level and trend cancel (white noise of variance v gives 6 v). A
formula such as Poisson's knows only the noise of counting requests, and takes noise from elsewhere for jumps.
*Slow noise* is the same of the means of whole minutes: a load of few clients goes up and down for a minute or so, and
goes nowhere. It counts where it is larger than the noise, of which the means of minutes have their part.
*Level* is the mean of as many samples as it takes to bring the noise of the mean down to 2 % (slow noise: to 4 %, in so
many minutes): of a load without noise the newest sample alone, of a noisy one minutes. What is off by more than 4 sigma
is no noise, and counts at once. For slow noise of more than 3 % of the level *room* is added, 1.3 standard deviations
of what is more: where it is going within a minute cannot be known, and instances take about as long to start.
*Trend* is the slope of the last minutes, kept within what the last 15 s allow (their slope, give or take 2 of its
standard errors): quick where a burst begins, still where it ends, exact on a slow ramp. It counts times a gain between
0 and 1, learned from what came of earlier forecasts: a load that goes on and off switches it off by itself.
*Swing* says how far a load goes on and off: the mean squared distance from its own mean of five minutes, 0 to 1.
"""

from __future__ import annotations

import math

from apps.elastic.planning.memory import LoadMemory

NOISE_SAMPLES = 60
NOISE_OUTLIER = 9.0
"""One second difference counts for at most so many variances: a jump is no noise."""
NOISE_SHARE_MAX = 0.15
"""More than this of the level is no noise but load that comes and goes."""
NOISE_SHARE_FIRST = 0.03
"""The first difference counts for no more noise than this: it may be the load's beginning, or a step. What is taken for
noise hides the next step for minutes; too little is made good within two, and errs to the safe side."""
SMOOTH_TO = 0.02
SMOOTH_SAMPLES_MAX = 60.0
JUMP_SIGMAS = 4.0
PART_S = 60.0
PARTS = 20
SLOW_SMOOTH_TO = 0.04
SLOW_FREE, SLOW_ROOM = 0.03, 1.3

SLOPE_SAMPLES = 4
SLOPE_ERROR = math.sqrt(12 / (SLOPE_SAMPLES * (SLOPE_SAMPLES**2 - 1)))
"""Standard error of the slope of so many samples, in units of the noise and of their distance."""
SLOPE_SIGMAS = 2.0
SHORT_SAMPLES, LONG_SAMPLES = 12, 36
"""The slow slope is the difference of two moving means, of one minute and of three, over the distance between them."""

TRUST = 2.0
"""A trend of which half came is worth all of it: too few instances are worse than too many."""
RISE_MAX = 1.0
"""Not more than twice the load is ever forecast: one jump has no slope."""
PRIOR = 0.05
"""What a job without a past is taken to have seen: one rise by a fifth, forecast rightly."""

FROM_NOTHING = 2.0
"""So many times the load at once has no slope: it is a step or a beginning, and what follows is not known. (A burst of
x5 within a minute begins with 1.3 times the load in 5 s.)"""
MIDDLE_S, SWING_S, USUAL_S = 300.0, 900.0, 3600.0


def load_see(memory: LoadMemory, *, time_s: float, load: float, gap_s: float) -> None:
    """One more sample of the total load. After a gap of more than `gap_s`, slopes and differences begin anew."""
    recent = memory.recent
    step_s = time_s - memory.time_s
    memory.time_s = time_s
    if recent and (step_s > gap_s or load > FROM_NOTHING * recent[-1]):
        recent.clear()
    recent.append(load)
    if len(recent) == 1:
        _begin(memory, load)
        _swing_see(memory, load, min(step_s, gap_s))
        return
    if len(recent) > SLOPE_SAMPLES:
        del recent[0]
    _swing_see(memory, load, step_s)
    sigma = _noise_see(memory, load)
    slow = _parts_see(memory, time_s, load)
    if slow <= sigma:
        slow = 0.0
    samples = 1.0
    if memory.mean > 0:
        samples = (
            max((sigma / SMOOTH_TO) ** 2, (slow / SLOW_SMOOTH_TO) ** 2 * PART_S / step_s) / memory.mean**2
        )
        samples = min(SMOOTH_SAMPLES_MAX, max(1.0, samples))
    memory.mean += 2 / (samples + 1) * (load - memory.mean)
    off = load - memory.mean
    noise = JUMP_SIGMAS * max(sigma, slow)
    level = memory.mean + math.copysign(max(0.0, abs(off) - noise), off)
    memory.room = max(0.0, memory.mean + SLOW_ROOM * max(0.0, slow - SLOW_FREE * memory.mean) - level)
    memory.level = level + memory.room
    memory.slope = _slope_see(memory, load, sigma) / step_s


def _begin(memory: LoadMemory, load: float) -> None:
    memory.level = memory.mean = memory.short = memory.long = load
    memory.slope = memory.room = 0.0
    memory.parts.clear()
    memory.part_s, memory.part_sum, memory.part_count = memory.time_s, 0.0, 0
    if memory.usual < 0:
        memory.middle = memory.usual = load


def _noise_see(memory: LoadMemory, load: float) -> float:
    """The noise's standard deviation."""
    recent = memory.recent
    if len(recent) >= 3:
        bend = recent[-1] - 2 * recent[-2] + recent[-3]
        square = bend * bend / 6
        if memory.variance < 0:
            memory.variance = min(square, (NOISE_SHARE_FIRST * load) ** 2)
        most = NOISE_OUTLIER * memory.variance + (0.002 * load) ** 2
        memory.variance += (min(square, most) - memory.variance) / NOISE_SAMPLES
    return min(math.sqrt(max(0.0, memory.variance)), NOISE_SHARE_MAX * memory.mean)


def _parts_see(memory: LoadMemory, time_s: float, load: float) -> float:
    """The slow noise's standard deviation."""
    memory.part_sum += load
    memory.part_count += 1
    if time_s - memory.part_s >= PART_S:
        part = memory.part_sum / memory.part_count
        memory.part_s, memory.part_sum, memory.part_count = time_s, 0.0, 0
        parts = memory.parts
        parts.append(part)
        if len(parts) > 2:
            bend = parts[-1] - 2 * parts[-2] + parts[-3]
            square = bend * bend / 6
            del parts[0]
            if memory.slow < 0:
                memory.slow = square
            most = NOISE_OUTLIER * memory.slow + (0.005 * load) ** 2
            memory.slow += (min(square, most) - memory.slow) / PARTS
    return min(math.sqrt(max(0.0, memory.slow)), NOISE_SHARE_MAX * memory.mean)


def _slope_see(memory: LoadMemory, load: float, sigma: float) -> float:
    """Rise per sample, 0 if the load does not rise."""
    memory.short += 2 / (SHORT_SAMPLES + 1) * (load - memory.short)
    memory.long += 2 / (LONG_SAMPLES + 1) * (load - memory.long)
    if len(memory.recent) < SLOPE_SAMPLES:
        return 0.0
    a, b, c, d = memory.recent
    rise = (3 * (d - a) + (c - b)) / 10
    doubt = SLOPE_SIGMAS * SLOPE_ERROR * sigma
    slow = (memory.short - memory.long) / ((LONG_SAMPLES - SHORT_SAMPLES) / 2)
    return max(0.0, min(max(slow, rise - doubt), rise + doubt))


def _swing_see(memory: LoadMemory, load: float, step_s: float) -> None:
    memory.usual += min(1.0, step_s / USUAL_S) * (load - memory.usual)
    memory.middle += min(1.0, step_s / MIDDLE_S) * (load - memory.middle)
    if memory.middle > 0:
        off = (load - memory.middle) / memory.middle
        memory.swing += min(1.0, step_s / SWING_S) * (min(1.0, off * off) - memory.swing)


def rise_ahead(memory: LoadMemory, *, now_s: float, horizon_s: float) -> float:
    """The rise over the level to expect in `horizon_s`. Remembers the forecast, and judges those that are due."""
    claims = memory.claims
    while claims and claims[0][0] <= now_s:
        _, level, claimed = claims.popleft()
        scale = max(level, claimed)
        memory.came += claimed * (memory.level - level) / scale**2
        memory.claimed += (claimed / scale) ** 2
    rise = min(memory.slope * horizon_s, RISE_MAX * memory.level)
    if rise <= 0:
        return 0.0
    claims.append((now_s + horizon_s, memory.level, rise))
    return rise * trend_gain(memory)


def trend_gain(memory: LoadMemory) -> float:
    """How far the trend is trusted: the best factor for its past forecasts, times TRUST, 0 to 1."""
    return min(1.0, max(0.0, TRUST * (memory.came + PRIOR) / (memory.claimed + PRIOR)))
