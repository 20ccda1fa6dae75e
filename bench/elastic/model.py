"""One job under load, in bins of 5 s.

Arrivals are split at random over the instances; one is an M/M/8 queue of 100 requests/s. The service is as promised
(SLO) in a bin if the p99 of the queueing delay is at most 250 ms, which Erlang C gives up to a utilisation of 0.840,
and the backlog is at most 250 ms of work. More than 10 s of backlog is dropped: clients have gone away. An instance
serves `startup_s` after it was ordered, and costs from the order. Shrinking is at once, ordered instances that do not
serve yet first. CPU saturates at 100 %.

A bin's samples are seen at its end, and what is ordered then counts from the next bin on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from bench.elastic.traces import BIN_S, Trace

SERVERS = 8
CAPACITY = 100.0
SLO_DELAY_S = 0.25
BACKLOG_MAX_S = 10.0
MIN, MAX = 3, 400
REVERSAL_BINS = 600 // BIN_S
RECOVERED_BINS = 60 // BIN_S


def delay_p99_s(utilisation: float) -> float:
    """The p99 of the wait in an M/M/8 queue, by Erlang C."""
    load = SERVERS * utilisation
    terms = [1.0]
    for k in range(1, SERVERS + 1):
        terms.append(terms[-1] * load / k)
    busy = terms[SERVERS] / (1 - utilisation)
    waits = busy / (sum(terms[:SERVERS]) + busy)
    return max(0.0, math.log(waits / 0.01) / (CAPACITY * (1 - utilisation)))


def utilisation_max() -> float:
    """The largest utilisation that keeps the promise."""
    low, high = 0.01, 0.999
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if delay_p99_s(middle) <= SLO_DELAY_S else (low, middle)
    return low


UTILISATION_MAX = utilisation_max()


class View:
    """What has been seen until now, as sums: of arrivals and of CPU. Index i is the end of bin i − 1."""

    __slots__ = ("arrivals", "cpu", "now", "serving", "wanted")

    def __init__(self, arrivals: Sequence[int]) -> None:
        self.arrivals = arrivals
        self.cpu: list[float] = [0.0]
        self.now = 0
        self.serving = 0
        self.wanted = 0

    def rate(self, window: int, *, lag: int = 0) -> float:
        """Requests/s over the last bins, as seen `lag` bins ago."""
        return self._mean(self.arrivals, window, lag) / BIN_S

    def cpu_mean(self, window: int, *, lag: int = 0) -> float:
        """Mean CPU of serving instances over the last bins, 0 to 1."""
        return self._mean(self.cpu, window, lag)

    def _mean(self, sums: Sequence[float], window: int, lag: int) -> float:
        end = max(1, self.now - lag)
        start = max(0, end - window)
        return (sums[end] - sums[start]) / (end - start)


class Scaler(Protocol):
    """A policy: asked every `every` bins how many instances it wants."""

    every: int

    def wanted(self, view: View) -> int: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """Percentages of requests and of time in violation, of requests dropped, of cost over the oracle's."""

    requests_violated: float
    time_violated: float
    dropped: float
    over_cost: float
    actions_per_hour: float
    reversals_per_hour: float
    recovery_s: int | None = None


def oracle_cost(trace: Trace) -> int:
    """Instance-bins of who knows each bin's arrivals and starts instances in no time."""
    per_bin = CAPACITY * BIN_S * UTILISATION_MAX
    return sum(min(MAX, max(MIN, math.ceil(count / per_bin))) for count in trace.arrivals)


def simulate(trace: Trace, scaler: Scaler, *, startup_s: int, oracle: int | None = None) -> Outcome:
    """Run the policy over the whole trace."""
    arrivals = trace.arrivals
    view = View(list(accumulate(arrivals, initial=0)))
    startup = math.ceil(startup_s / BIN_S)
    per_bin = CAPACITY * BIN_S
    serving = min(MAX, max(MIN, math.ceil(arrivals[0] / (0.6 * per_bin))))
    wanted = serving
    orders: list[tuple[int, int]] = []
    backlog = 0.0
    cost = violated = violated_bins = actions = reversals = 0
    dropped = 0.0
    last_action, last_direction = -REVERSAL_BINS, 0
    bad: list[int] = []
    every, now, total = scaler.every, 0, len(arrivals)
    cpu = view.cpu
    cpu_sum = 0.0
    while now < total:
        for index in range(now, min(now + every, total)):
            while orders and orders[0][0] <= index:
                serving += orders.pop(0)[1]
            count = arrivals[index]
            capacity = serving * per_bin
            work = count + backlog
            used = work / capacity
            if used > 1.0:
                backlog = work - capacity
                used = 1.0
                most = serving * CAPACITY * BACKLOG_MAX_S
                if backlog > most:
                    dropped += backlog - most
                    backlog = most
            else:
                backlog = 0.0
            cpu_sum += used
            cpu.append(cpu_sum)
            cost += wanted
            if count > UTILISATION_MAX * capacity or backlog > serving * CAPACITY * SLO_DELAY_S:
                violated += count
                violated_bins += 1
                bad.append(index)
        now = min(now + every, total)
        view.now, view.serving, view.wanted = now, serving + _ready(orders, now), wanted
        asked = min(MAX, max(MIN, scaler.wanted(view)))
        if asked == wanted:
            continue
        direction = 1 if asked > wanted else -1
        actions += 1
        if direction == -last_direction and now - last_action <= REVERSAL_BINS:
            reversals += 1
        last_action, last_direction = now, direction
        if direction > 0:
            orders.append((now + startup, asked - wanted))
        else:
            serving -= _cancel(orders, wanted - asked)
        wanted = asked
    return Outcome(
        requests_violated=100 * violated / max(1, trace.requests),
        time_violated=100 * violated_bins / total,
        dropped=100 * dropped / max(1, trace.requests),
        over_cost=100 * (cost / (oracle or oracle_cost(trace)) - 1),
        actions_per_hour=actions / trace.hours,
        reversals_per_hour=reversals / trace.hours,
        recovery_s=None if trace.step_s is None else recovery_s(step_s=trace.step_s, bad=bad, bins=total),
    )


def _ready(orders: list[tuple[int, int]], now: int) -> int:
    return sum(count for ready, count in orders if ready <= now)


def _cancel(orders: list[tuple[int, int]], count: int) -> int:
    """Take back what was ordered last; returns how many serving instances must go besides."""
    while orders and count:
        ready, ordered = orders.pop()
        if ordered > count:
            orders.append((ready, ordered - count))
            return 0
        count -= ordered
    return count


def recovery_s(*, step_s: int, bad: Sequence[int], bins: int) -> int | None:
    """Seconds from the step up to the first minute without violation; `bad` bins of so many, in order. None: there is
    no such minute before the end."""
    begin = step_s // BIN_S
    good_from = begin
    for index in bad:
        if index < begin:
            continue
        if index - good_from >= RECOVERED_BINS:
            break
        good_from = index + 1
    return (good_from - begin) * BIN_S if bins - good_from >= RECOVERED_BINS else None
