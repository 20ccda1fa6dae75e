"""The picture of a job's scaling on one time line: each metric with its limit, the instances wanted and running, and
what was decided. Pure geometry: from numbers to the shapes of an SVG, in its own units."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

WIDTH = 960
LEFT, RIGHT = 52, 12
PANE, COUNTS = 132, 110
TITLE, GAP, AXIS = 22, 14, 24
READINGS = 240
"""Moments that the cursor can stand at, at most."""
AT_LEAST = 1 / 5
"""Of the time that was asked for, the axis shows so much also where less is known."""

Values = Sequence[tuple[float, float]]
"""(time in s, value), oldest first."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric: its values, and the limits or the target that it is compared with (value and what it is called)."""

    name: str
    title: str
    values: Values
    limits: Sequence[tuple[float, str]] = ()
    apart_s: float = 60.0
    """Values further apart than three times this are not joined: nothing is known of what was between."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many instances were wanted and running from this moment on."""

    time_s: float
    wanted: int
    running: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A decision that is worth a sign: `kind` is `out`, `in`, `advice` or `held`."""

    time_s: float
    wanted: int
    kind: str
    words: str
    id: int


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as an SVG path, and what it is."""

    path: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Limit:
    y: float
    label: str

    @property
    def label_y(self) -> float:
        return self.y - 4


@dataclass(frozen=True, slots=True)
class Pane:
    """One strip of the picture."""

    top: float
    bottom: float
    title: str
    ticks: Sequence[Tick]
    lines: Sequence[Drawn]
    limits: Sequence[Limit] = ()

    @property
    def title_y(self) -> float:
        return self.top + TITLE - 8


@dataclass(frozen=True, slots=True)
class Sign:
    x: float
    y: float
    mark: Mark


@dataclass(frozen=True, slots=True)
class Reading:
    """What the cursor says at a moment."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    height: float
    panes: Sequence[Pane]
    ticks: Sequence[Tick]
    signs: Sequence[Sign]
    readings: Sequence[Reading] = field(default=())
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT

    @property
    def axis(self) -> float:
        """Where the time line is."""
        return self.height - AXIS

    @property
    def label_y(self) -> float:
        return self.height - 6


Say = Callable[[float, Mapping[str, float], Size | None], str]
"""The words of a moment: its time, the metrics' values, the size."""


def begin_of(moments: Iterable[float], *, start_s: float, end_s: float) -> float:
    """Where the axis begins: with the first of what is known, not with the nothing before it. At `start_s` where
    nothing is known at all."""
    first = max(min(moments, default=start_s), start_s)
    return min(first, end_s - (end_s - start_s) * AT_LEAST)


def draw(
    curves: Sequence[Curve],
    sizes: Sequence[Size],
    marks: Sequence[Mark],
    *,
    start_s: float,
    end_s: float,
    clock: Callable[[float], str],
    say: Say,
    labels: Mapping[str, str],
) -> Chart:
    """`clock` writes a time below the axis; `labels` are the words for `wanted`, `running` and `instances`."""
    x = _Scale(start_s, end_s, LEFT, WIDTH - RIGHT)
    top = 0.0
    panes = []
    for curve in curves:
        panes.append(_curve_pane(curve, x, top))
        top = panes[-1].bottom + GAP
    counts = _counts_pane(sizes, marks, x, top, labels)
    panes.append(counts)
    y = _Scale(0, _most(sizes, marks), counts.bottom, counts.top + TITLE)
    signs = [Sign(x.at(mark.time_s), y.at(mark.wanted), mark) for mark in marks]
    return Chart(
        height=counts.bottom + AXIS,
        panes=panes,
        ticks=[Tick(x.at(at), clock(at)) for at in _times(start_s, end_s)],
        signs=signs,
        readings=_readings(curves, sizes, x, start_s=start_s, end_s=end_s, say=say),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    first: float
    last: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low or 1)
        return round(self.first + min(max(share, 0.0), 1.0) * (self.last - self.first), 1)


def _curve_pane(curve: Curve, x: _Scale, top: float) -> Pane:
    highest = max([value for _, value in curve.values] + [limit for limit, _ in curve.limits], default=1.0)
    marks = nice(highest * 1.08)
    y = _Scale(0, marks[-1], top + PANE, top + TITLE)
    line = Drawn(_joined(curve.values, x, y, apart_s=curve.apart_s * 3), "metric", curve.title)
    return Pane(
        top=top,
        bottom=top + PANE,
        title=curve.title,
        ticks=[Tick(y.at(value), f"{value:g}") for value in marks],
        lines=[line],
        limits=[Limit(y.at(value), label) for value, label in curve.limits],
    )


def _counts_pane(
    sizes: Sequence[Size], marks: Sequence[Mark], x: _Scale, top: float, labels: Mapping[str, str]
) -> Pane:
    y = _Scale(0, _most(sizes, marks), top + COUNTS, top + TITLE)
    wanted = [(size.time_s, float(size.wanted)) for size in sizes]
    running = [(size.time_s, float(size.running)) for size in sizes]
    return Pane(
        top=top,
        bottom=top + COUNTS,
        title=labels["instances"],
        ticks=[Tick(y.at(value), f"{value:g}") for value in nice(_most(sizes, marks), whole=True)],
        lines=[
            Drawn(_stepped(running, x, y), "running", labels["running"]),
            Drawn(_stepped(wanted, x, y), "wanted", labels["wanted"]),
        ],
    )


def _most(sizes: Sequence[Size], marks: Sequence[Mark]) -> float:
    numbers = [number for size in sizes for number in (size.wanted, size.running)]
    return nice(max([*numbers, *(mark.wanted for mark in marks), 1]) * 1.05, whole=True)[-1]


def nice(highest: float, *, whole: bool = False) -> list[float]:
    """Round numbers from 0 to at least `highest`, four or five of them."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    step = max(1.0, float(math.ceil(step))) if whole else step
    count = math.ceil(highest / step - 1e-9)
    return [round(step * number, 10) for number in range(count + 1)]


_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


def _times(start_s: float, end_s: float) -> list[float]:
    """Round moments of the clock, at most eight."""
    step = next((step for step in _STEPS if (end_s - start_s) / step <= 8), 86400 * 7)
    first = math.ceil(start_s / step) * step
    return [float(at) for at in range(int(first), int(end_s) + 1, step)]


def _joined(values: Values, x: _Scale, y: _Scale, *, apart_s: float) -> str:
    parts: list[str] = []
    before: float | None = None
    for time_s, value in values:
        if not x.low <= time_s <= x.high:
            continue
        joins = before is not None and time_s - before <= apart_s
        parts.append(f"{'L' if joins else 'M'}{x.at(time_s)} {y.at(value)}")
        before = time_s
    return "".join(parts)


def _stepped(values: Values, x: _Scale, y: _Scale) -> str:
    """A number that holds until the next one."""
    if not values:
        return ""
    path = f"M{x.at(values[0][0])} {y.at(values[0][1])}"
    for time_s, value in values[1:]:
        path += f"H{x.at(time_s)}V{y.at(value)}"
    return f"{path}H{x.last}"


def _readings(
    curves: Sequence[Curve], sizes: Sequence[Size], x: _Scale, *, start_s: float, end_s: float, say: Say
) -> list[Reading]:
    """Where the metrics have values, or in even steps where there are none; the newest that is known at each."""
    moments = sorted({time_s for curve in curves for time_s, _ in curve.values if start_s <= time_s <= end_s})
    if not moments:
        moments = [start_s + (end_s - start_s) * place / 40 for place in range(41)]
    thinned = moments[:: max(1, math.ceil(len(moments) / READINGS))]
    times = [[time_s for time_s, _ in curve.values] for curve in curves]
    size_times = [size.time_s for size in sizes]
    readings = []
    for moment in thinned:
        known: dict[str, float] = {}
        for curve, at in zip(curves, times, strict=True):
            place = bisect_right(at, moment) - 1
            if place >= 0 and moment - at[place] <= curve.apart_s * 3:
                known[curve.name] = curve.values[place][1]
        place = bisect_right(size_times, moment) - 1
        size = sizes[place] if place >= 0 else None
        readings.append(Reading(x.at(moment), say(moment, known, size)))
    return readings
