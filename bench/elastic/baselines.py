"""What others do, at their own defaults: written from their documents and code (sources at each)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from bench.elastic.model import CAPACITY, MAX, MIN, View
from bench.elastic.traces import BIN_S


def bins(seconds: float) -> int:
    return round(seconds / BIN_S)


@dataclass
class Slides:
    """Seed 001: 10 s samples of CPU, 3 > 80 % add one, 3 < 60 % take one; a counter restarts after an action.

    `set_point` moves both thresholds: 80 and 60 at their own 0.8.
    """

    set_point: float = 0.8
    every: int = bins(10)
    _high: int = 0
    _low: int = 0

    def wanted(self, view: View) -> int:
        value = view.cpu_mean(self.every)
        self._high = self._high + 1 if value > self.set_point else 0
        self._low = self._low + 1 if value < self.set_point * 0.75 else 0
        change = 1 if self._high >= 3 else -1 if self._low >= 3 else 0
        if change:
            self._high = self._low = 0
        return view.wanted + change


@dataclass
class FalconSlides:
    """The same by stock Open-Falcon: 60 s samples (cpu.busy of the last second, here the last bin), `all(#3)`, then a
    callback per event. A PROBLEM is repeated after 300 s at the earliest, with a window that is all new, `max_step` = 3
    times (judge.go); each callback is one step.
    """

    set_point: float = 0.8
    every: int = bins(60)
    _values: deque[float] = field(default_factory=lambda: deque(maxlen=3))
    _events: dict[int, tuple[int, int]] = field(default_factory=dict)

    def wanted(self, view: View) -> int:
        self._values.append(view.cpu_mean(1))
        if len(self._values) < 3:
            return view.wanted
        out = all(value > self.set_point for value in self._values)
        in_ = all(value < self.set_point * 0.75 for value in self._values)
        return view.wanted + self._fires(1, out, view.now) - self._fires(-1, in_, view.now)

    def _fires(self, direction: int, violated: bool, now: int) -> int:
        if not violated:
            self._events.pop(direction, None)
            return 0
        step, last = self._events.get(direction, (0, -(10**9)))
        if step and (step >= 3 or now - last < bins(300) or now - 2 * self.every <= last):
            return 0
        self._events[direction] = (step + 1, now)
        return 1


@dataclass
class Hpa:
    """Kubernetes' HorizontalPodAutoscaler v2 at its defaults: sync 15 s, tolerance 0.1, down to the largest wish of the
    last 300 s, up by at most max(+100 %, +4) a sync. On CPU or on the request rate, as means of `metric_bins` that are
    `lag_bins` old when they are seen. Instances that are not ready count as idle where CPU asks for more."""

    set_point: float
    on_rate: bool
    every: int = bins(15)
    metric_bins: int = bins(10)
    lag_bins: int = bins(10)
    window: int = bins(300)
    _wishes: deque[tuple[int, int]] = field(default_factory=deque)

    def wanted(self, view: View) -> int:
        wish = self._wish(view)
        while self._wishes and self._wishes[-1][1] <= wish:
            self._wishes.pop()
        self._wishes.append((view.now, wish))
        while view.now - self._wishes[0][0] > self.window:
            self._wishes.popleft()
        wish = max(wish, min(view.wanted, self._wishes[0][1]))
        return min(wish, max(2 * view.wanted, view.wanted + 4))

    def _wish(self, view: View) -> int:
        if self.on_rate:
            load = view.rate(self.metric_bins, lag=self.lag_bins) / (self.set_point * CAPACITY)
            ratio = load / view.wanted
        else:
            load = view.cpu_mean(self.metric_bins, lag=self.lag_bins) * view.serving / self.set_point
            ratio = load / (view.wanted if load > view.serving else view.serving)
        return view.wanted if abs(ratio - 1) <= 0.1 else math.ceil(load - 1e-9)


def hpa_cpu(set_point: float) -> Hpa:
    return Hpa(set_point, on_rate=False, metric_bins=bins(15))


def hpa_rate(set_point: float) -> Hpa:
    return Hpa(set_point, on_rate=True)


def hpa_rate_5s(set_point: float) -> Hpa:
    """A 5 s loop on the mean of 15 s, seen at once."""
    return Hpa(set_point, on_rate=True, every=1, metric_bins=bins(15), lag_bins=0)


@dataclass
class PaastaHpa:
    """PaaSTA today: HPA on CPU, at most 30 % down a minute."""

    set_point: float
    every: int = bins(15)
    _hpa: Hpa = field(init=False)
    _sizes: deque[tuple[int, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._hpa = hpa_cpu(self.set_point)

    def wanted(self, view: View) -> int:
        self._sizes.append((view.now, view.wanted))
        while view.now - self._sizes[0][0] > bins(60):
            self._sizes.popleft()
        most = max(size for _, size in self._sizes)
        return max(self._hpa.wanted(view), min(view.wanted, math.ceil(most * 0.7)))


@dataclass
class PaastaProportional:
    """PaaSTA on Marathon: cron of 300 s, `int(round(load / setpoint))` with the load of now, at most 30 % down
    (`autoscaling_service_lib.py`, proportional_decision_policy with its default forecast)."""

    set_point: float = 0.8
    every: int = bins(300)

    def wanted(self, view: View) -> int:
        load = view.cpu_mean(self.every) * view.serving
        return max(round(load / self.set_point), math.ceil(view.wanted * 0.7))


@dataclass
class PaastaPid:
    """PaaSTA to 2017: Kp 4, Ki 4 / 300, Kd 300 on the error of utilisation, as a change of the number of instances; the
    integral is bounded by what would reach min or max (pid_decision_policy)."""

    set_point: float = 0.8
    every: int = bins(300)
    _integral: float = 0.0
    _last_error: float = 0.0

    def wanted(self, view: View) -> int:
        error = view.cpu_mean(self.every) - self.set_point
        low, high = MIN - view.wanted, MAX - view.wanted
        self._integral = min(max(self._integral + 4 * error, low), high)
        change = 4 * error + self._integral + (error - self._last_error)
        self._last_error = error
        return view.wanted + round(min(max(change, low), high))


@dataclass
class AwsTargetTracking:
    """AWS target tracking on requests per target: points of 60 s seen a minute late, 3 above the target scale out in
    proportion, 15 below 90 % of it scale in by at most a tenth, to what the largest of them allows, every 300 s.
    """

    set_point: float
    every: int = bins(60)
    _points: deque[float] = field(default_factory=lambda: deque(maxlen=15))
    _acted: int = -(10**9)

    def wanted(self, view: View) -> int:
        self._points.append(view.rate(bins(60), lag=bins(60)))
        target = self.set_point * CAPACITY
        latest = list(self._points)[-3:]
        if len(latest) == 3 and min(latest) > target * view.wanted:
            self._acted = view.now
            return math.ceil(latest[-1] / target)
        low = len(self._points) == 15 and max(self._points) < 0.9 * target * view.wanted
        if low and view.now - self._acted >= bins(300):
            self._acted = view.now
            return max(math.ceil(max(self._points) / target), math.ceil(view.wanted * 0.9))
        return view.wanted
