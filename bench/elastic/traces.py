"""Traces of request rates: from a file (one header line, one integer a line: requests in bin i), or `step3`."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from bench.elastic.poisson import poisson

BIN_S = 5
DAY_S = 86_400
LINES_FROM_S = 60
STEP3 = "step3"
SEED = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """Requests that arrive in each bin of 5 s. `step_s`: when the load steps up, for the time until recovery."""

    name: str
    arrivals: tuple[int, ...]
    step_s: int | None = None

    @property
    def requests(self) -> int:
        return sum(self.arrivals)

    @property
    def hours(self) -> float:
        return len(self.arrivals) * BIN_S / 3600


def trace_of_file(
    path: Path,
    *,
    bin_s: float,
    scale: float,
    days: tuple[int, int] | None = None,
    resample_s: float | None = None,
    seed: int = SEED,
) -> Trace:
    """`days` (first, end): of the file's days. The rate is `scale` times the file's, straight lines between the middles
    of its bins."""
    counts = [int(line) for line in path.read_text().split()[1:]]
    if days is not None:
        per_day = round(DAY_S / bin_s)
        counts = counts[days[0] * per_day : days[1] * per_day]
    if not counts:
        raise ValueError(f"{path.name} has no bins in days {days}")
    rates = [count * scale / bin_s for count in counts]
    if resample_s is not None:
        size = round(resample_s / bin_s)
        parts = [rates[start : start + size] for start in range(0, len(rates), size)]
        rates, bin_s = [sum(part) / len(part) for part in parts], resample_s
    return trace_of_rates(path.stem, rates_between(rates, bin_s), seed=seed)


def step3(*, seed: int = SEED) -> Trace:
    """600 → 1,800 → 600 requests/s: half an hour, half an hour, one hour."""
    rates = [600.0] * 360 + [1800.0] * 360 + [600.0] * 720
    return trace_of_rates(STEP3, rates, seed=seed, step_s=1800)


def trace_of_rates(name: str, rates: list[float], *, seed: int, step_s: int | None = None) -> Trace:
    """Poisson arrivals around the rates (requests/s, one a bin of 5 s)."""
    draw = random.Random(seed)
    return Trace(name, tuple(poisson(draw, rate * BIN_S) for rate in rates), step_s)


def rates_between(rates: list[float], bin_s: float) -> list[float]:
    """The rate in the middle of each bin of 5 s: on straight lines between the middles of the bins of `bin_s`, if these
    are long, else that of the bin."""
    if bin_s < LINES_FROM_S:
        return [rates[int((index + 0.5) * BIN_S / bin_s)] for index in range(int(len(rates) * bin_s / BIN_S))]
    out = []
    for index in range(int(len(rates) * bin_s / BIN_S)):
        at = (index + 0.5) * BIN_S / bin_s - 0.5
        left = min(max(int(at), 0), len(rates) - 1)
        right = min(left + 1, len(rates) - 1)
        part = min(max(at - left, 0.0), 1.0)
        out.append(rates[left] * (1 - part) + rates[right] * part)
    return out
