"""Made-up loads of the kinds that real traces show, for seeds: to tune on some and to check on others."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from bench.elastic.poisson import poisson
from bench.elastic.traces import DAY_S, Trace, rates_between, trace_of_rates

HOUR_S = 3600


def bursty(*, seed: int, hours: float = 24) -> Trace:
    """A day's curve with bursts of x3 to x5 that rise within a minute and fade over some (`twitter`'s kind)."""
    draw = random.Random(f"bursty {seed}")
    minutes = int(hours * 60)
    phase = draw.uniform(0, 2 * math.pi)
    rates, burst, fade, jitter = [], 0.0, 0.9, 0.0
    for minute in range(minutes):
        day = 800 * (1 + 0.5 * math.sin(2 * math.pi * minute * 60 / DAY_S + phase))
        burst *= fade
        if draw.random() < 0.8 / 60:
            burst, fade = draw.uniform(2, 4), draw.choice((0.6, 0.85, 0.93))
        jitter = 0.7 * jitter + draw.gauss(0, 0.03)
        rates.append(max(0.0, day * (1 + burst) * (1 + jitter)))
    return trace_of_rates(f"bursty-{seed}", rates_between(rates, 60), seed=seed)


def matches(*, seed: int, hours: float = 24) -> Trace:
    """Quiet days with peaks of x8 that build up over an hour, last two and go (`wc98`'s kind)."""
    draw = random.Random(f"matches {seed}")
    starts = [draw.uniform(0.1, 0.9) * hours for _ in range(max(1, int(hours / 12)))]
    rates, jitter = [], 0.0
    for minute in range(int(hours * 60)):
        hour = minute / 60
        day = 1 + 0.4 * math.sin(2 * math.pi * hour / 24)
        peak = max((7 * _bump(hour - start) for start in starts), default=0.0)
        jitter = 0.6 * jitter + draw.gauss(0, 0.02)
        rates.append(300 * (day + peak) * (1 + jitter))
    return trace_of_rates(f"matches-{seed}", rates_between(rates, 60), seed=seed)


def _bump(hour: float) -> float:
    if hour < 0:
        return math.exp(hour * 2.5)
    return 1.0 if hour < 1.8 else math.exp(-(hour - 1.8) * 4)


def steady(*, seed: int, hours: float = 6, bin_s: int = 10) -> Trace:
    """A steady load of few requests, many times amplified: counting noise of 13 % (`azure_llm_conv`'s kind)."""
    draw = random.Random(f"steady {seed} {bin_s}")
    rates = []
    for index in range(int(hours * HOUR_S / bin_s)):
        slow = 1 + 0.15 * math.sin(2 * math.pi * index * bin_s / (1.3 * HOUR_S))
        rates.append(poisson(draw, 56 * slow) * 20.0)
    return trace_of_rates(f"steady{bin_s}-{seed}", rates_between(rates, bin_s), seed=seed)


def on_off(*, seed: int, hours: float = 2) -> Trace:
    """Bursts of a minute or two and silence, in bins of 10 s (`azure_llm_code`'s kind)."""
    draw = random.Random(f"on off {seed}")
    rates: list[float] = []
    while len(rates) < hours * HOUR_S / 10:
        rates += [0.0] * draw.randint(2, 14)
        level = draw.uniform(100, 500)
        rates += [level * draw.expovariate(1) for _ in range(draw.randint(2, 14))]
    return trace_of_rates(f"on_off-{seed}", rates_between(rates, 10), seed=seed)


def ramps(*, seed: int, hours: float = 12) -> Trace:
    """Straight ways up and down between random levels, of 2 to 20 minutes each, with rests between."""
    draw = random.Random(f"ramps {seed}")
    rates = [600.0]
    while len(rates) < hours * 60:
        level, steps = draw.uniform(300, 2400), draw.choice((2, 5, 10, 20))
        begin = rates[-1]
        rates += [begin + (level - begin) * (step + 1) / steps for step in range(steps)]
        rates += [level] * draw.choice((5, 20, 40))
    return trace_of_rates(f"ramps-{seed}", rates_between(rates, 60), seed=seed)


KINDS: dict[str, Callable[..., Trace]] = {
    "bursty": bursty,
    "matches": matches,
    "steady": steady,
    "on_off": on_off,
    "ramps": ramps,
}
