"""Puts the samples of a job's instances, which arrive one by one, together into the job's points. Pure.

A moment is complete when every instance that is known to report has reported it. Two kinds of instances are not waited
for: those that have never reported (they are still starting), and those that have been silent for more than two steps.
A moment that stays incomplete is handed out once it is a step and a half old.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engines.metrics.base import Point, is_sensible

_PATIENCE_STEPS = 1.5
_SILENT_AFTER_STEPS = 2
_MOMENTS_KEPT = 16


def point(time_s: int, values: Sequence[float]) -> Point:
    """The instances' values of one moment as one point; at least one value."""
    total = sum(values)
    return Point(time_s, total / len(values), total, len(values))


@dataclass(slots=True)
class Gathering:
    """One job's metric. `handed_s`: up to where its moments have been handed out; `asked_s`: when it was last asked
    for, None for not yet."""

    step_s: int
    handed_s: float
    asked_s: float | None = None
    _moments: dict[int, dict[str, float]] = field(default_factory=dict)
    _newest: dict[str, int] = field(default_factory=dict)

    def add(self, endpoint: str, time_s: int, value: float) -> None:
        """A sample of an instance; one that was added before, or is nonsense, changes nothing."""
        if not is_sensible(value):
            return
        if time_s > self._newest.get(endpoint, 0):
            self._newest[endpoint] = time_s
        if time_s > self.handed_s:
            self._moments.setdefault(time_s, {})[endpoint] = value

    def ready(self, endpoints: Iterable[str], *, now_s: float) -> list[Point]:
        """What may be handed out, oldest first; each moment once. `endpoints`: the instances there are now."""
        if not self._moments:
            return []
        present = set(endpoints)
        self._newest = {name: time for name, time in self._newest.items() if name in present}
        times = sorted(self._moments)
        complete = next((time for time in reversed(times) if self._is_complete(time, now_s=now_s)), None)
        if complete is None:
            self._drop(times[:-_MOMENTS_KEPT])
            return []
        handed = [time for time in times if time <= complete]
        self.handed_s = complete
        found = [point(time, list(self._moments[time].values())) for time in handed]
        self._drop(handed)
        return found

    def _is_complete(self, time_s: int, *, now_s: float) -> bool:
        if now_s - time_s >= _PATIENCE_STEPS * self.step_s:
            return True
        reported: Mapping[str, float] = self._moments[time_s]
        return all(
            name in reported or newest < time_s - _SILENT_AFTER_STEPS * self.step_s
            for name, newest in self._newest.items()
        )

    def _drop(self, times: Iterable[int]) -> None:
        for time in times:
            del self._moments[time]


def resampled(series: Iterable[Iterable[tuple[float, float]]], *, step_s: int) -> list[Point]:
    """Instances' histories as a job's: each averaged over (T - step_s, T], then put together."""
    moments: dict[int, list[float]] = {}
    for points in series:
        sums: dict[int, tuple[float, int]] = {}
        for time_s, value in points:
            if not is_sensible(value):
                continue
            end = -int(-time_s // step_s) * step_s
            total, count = sums.get(end, (0.0, 0))
            sums[end] = (total + value, count + 1)
        for end, (total, count) in sums.items():
            moments.setdefault(end, []).append(total / count)
    return [point(end, moments[end]) for end in sorted(moments)]
