"""Poisson counts of a seed: exact, and the same on every machine."""

from __future__ import annotations

import math
import random

SMALL = 30.0


def poisson(draw: random.Random, mean: float) -> int:
    """Knuth's product for small means, Hörmann's transformed rejection (PTRS, 1993) for others."""
    if mean <= 0:
        return 0
    return _knuth(draw, mean) if mean < SMALL else _ptrs(draw, mean)


def _knuth(draw: random.Random, mean: float) -> int:
    limit, count, product = math.exp(-mean), 0, draw.random()
    while product > limit:
        count += 1
        product *= draw.random()
    return count


def _ptrs(draw: random.Random, mean: float) -> int:
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)
    log_mean = math.log(mean)
    while True:
        u = draw.random() - 0.5
        v = draw.random()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        if math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b) <= (
            k * log_mean - mean - math.lgamma(k + 1)
        ):
            return k
