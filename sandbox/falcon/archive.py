"""Round-robin archives of many series in a few files, mapped into memory: a fixed room for each, and no write is lost
with the process.

What a series keeps is rrdtool's scheme as graph sets it up (falcon-plus modules/graph/rrdtool/rrdtool.go): every raw
point, and averages, maxima and minima over 5, 20, 180 and 720 of them. The files are sparse, so a series takes
disk only for what it has seen. Empty means eight zero bytes; a true zero is kept as minus zero.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Function = Literal["AVERAGE", "MAX", "MIN"]
FUNCTIONS: tuple[Function, ...] = ("AVERAGE", "MAX", "MIN")

_KNOWN_SHARE = 0.5  # rrdtool's xff: of a consolidated point as much may be unknown
_SERIES_PER_FILE = 256


@dataclass(frozen=True, slots=True)
class Row:
    """`points` of `per_point` steps each; `offset`: where its numbers begin in the series' room."""

    function: Function
    per_point: int
    points: int
    offset: int


def _rows() -> Iterator[Row]:
    yield Row("AVERAGE", 1, 720, 0)
    offset = 720
    for per_point, points in ((5, 576), (20, 504), (180, 766), (720, 730)):
        for function in FUNCTIONS:
            yield Row(function, per_point, points, offset)
            offset += points


ROWS = tuple(_rows())
RAW = ROWS[0]
ROOM = ROWS[-1].offset + ROWS[-1].points
_CONSOLIDATED = tuple((row.per_point, row) for row in ROWS[1:])


class Archive:
    """The rooms, by number. Times are multiples of the series' step and only go forward; the caller sees to that."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[int, memoryview[float]] = {}

    def append(self, room: int, *, step: int, last: int | None, time: int, value: float) -> None:
        """The next point of a series, whose last one was at `last`."""
        numbers, base = self._room(room)
        tick, newest = time // step, -1 if last is None else last // step
        if newest >= 0:
            # What the ring still holds of its last round has to go.
            for missed in range(max(newest + 1, tick - RAW.points), tick):
                numbers[base + missed % RAW.points] = 0.0
        numbers[base + tick % RAW.points] = value or -0.0
        self._consolidate(numbers, base, newest, tick)

    def read(
        self, room: int, row: Row, *, step: int, last: int, start: int, end: int
    ) -> Iterator[tuple[int, float | None]]:
        """The points of `row` in [start, end], None where nothing is known; `last` is the series' newest time."""
        numbers, base = self._room(room)
        spacing = step * row.per_point
        newest = last // spacing
        for tick in range(-(-start // spacing), end // spacing + 1):
            known = newest - row.points < tick <= newest
            kept = numbers[base + row.offset + tick % row.points] if known else 0.0
            yield tick * spacing, None if _is_empty(kept) else kept + 0.0

    def clear(self, room: int) -> None:
        """Empty a room for its next series."""
        numbers, base = self._room(room)
        numbers[base : base + ROOM] = memoryview(bytes(8 * ROOM)).cast("d")

    def _consolidate(self, numbers: memoryview[float], base: int, newest: int, tick: int) -> None:
        if newest < 0:
            return  # a first point alone completes nothing
        for per_point, row in _CONSOLIDATED:
            # A point at T speaks for (T - per_point, T], so it is complete with the raw point at T.
            complete, before = tick // per_point, newest // per_point
            for number in range(max(before + 1, complete - row.points + 1), complete + 1):
                place = base + row.offset + number % row.points
                value = _consolidated(numbers, base, row, number * per_point, tick)
                if not (
                    _is_empty(value) and _is_empty(numbers[place])
                ):  # what is empty anyhow stays off the disk
                    numbers[place] = value

    def _room(self, room: int) -> tuple[memoryview[float], int]:
        number, place = divmod(room, _SERIES_PER_FILE)
        numbers = self._files.get(number)
        if numbers is None:
            size = _SERIES_PER_FILE * ROOM * 8
            with open(self._folder / f"series-{number:04}.dat", "a+b") as file:
                file.truncate(size)
                numbers = self._files[number] = memoryview(mmap.mmap(file.fileno(), size)).cast("d")
        return numbers, place * ROOM


def _consolidated(numbers: memoryview[float], base: int, row: Row, end: int, newest: int) -> float:
    """The value of one point of `row` from the raw ones, or 0.0 (empty) where too few of them are known."""
    first = max(end - row.per_point + 1, newest - RAW.points + 1)
    known = [
        number + 0.0
        for tick in range(first, end + 1)
        if not _is_empty(number := numbers[base + tick % RAW.points])
    ]
    if not known or len(known) < row.per_point * _KNOWN_SHARE:
        return 0.0
    if row.function == "AVERAGE":
        value = math.fsum(known) / len(known)
    else:
        value = max(known) if row.function == "MAX" else min(known)
    return value or -0.0


def _is_empty(number: float) -> bool:
    return number == 0.0 and math.copysign(1.0, number) > 0


def row_for(function: Function, *, step: int, age_s: int) -> Row:
    """The finest row of the function that reaches back so far, or the longest."""
    rows = [row for row in ROWS if row.function == function]
    return next((row for row in rows if age_s <= row.points * row.per_point * step), rows[-1])
