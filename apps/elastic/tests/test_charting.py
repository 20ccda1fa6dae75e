"""The geometry of the history chart."""

from __future__ import annotations

import pytest

from apps.elastic.charting import LEFT, RIGHT, WIDTH, Curve, Mark, Size, begin_of, draw, nice

LABELS = {"instances": "Instances", "wanted": "wanted", "running": "running"}


@pytest.mark.parametrize(
    ("highest", "whole", "marks"),
    [
        (100, False, [0, 25, 50, 75, 100]),
        (87, False, [0, 25, 50, 75, 100]),
        (0.8, False, [0, 0.2, 0.4, 0.6, 0.8]),
        (3, True, [0, 1, 2, 3]),
        (11, True, [0, 5, 10, 15]),
        (0, True, [0, 1]),
    ],
)
def test_an_axis_has_round_numbers(highest: float, whole: bool, marks: list[float]) -> None:
    assert nice(highest, whole=whole) == marks


@pytest.mark.parametrize(
    ("moments", "begin"),
    [
        ([], 100),  # nothing is known
        ([100, 500], 100),
        ([20, 500], 100),  # a decision that has lasted since before
        ([400, 300, 500], 300),
        ([1000], 900),  # at least a fifth is shown
    ],
)
def test_the_axis_begins_where_something_is_known(moments: list[float], begin: float) -> None:
    assert begin_of(moments, start_s=100, end_s=1100) == begin


def test_a_picture_of_one_metric_and_what_was_decided() -> None:
    chart = draw(
        [Curve("cpu", "CPU (%)", [(0, 50), (60, 100), (600, 50)], [(80, "> 80 %")], apart_s=60)],
        [Size(0, 2, 2), Size(300, 4, 2), Size(600, 4, 4)],
        [Mark(300, 4, "out", "From 2 to 4", 7)],
        start_s=0,
        end_s=600,
        clock=lambda at: f"{at:g}",
        say=lambda at, values, size: f"{at:g} {dict(values)} {size.wanted if size else '-'}",
        labels=LABELS,
    )
    cpu, counts = chart.panes
    middle = (LEFT + WIDTH - RIGHT) / 2
    # A gap of nine minutes is not joined.
    assert cpu.lines[0].path.count("M") == 2
    assert cpu.lines[0].path.startswith(f"M{LEFT}")
    assert [limit.label for limit in cpu.limits] == ["> 80 %"]
    assert cpu.top < cpu.limits[0].y < cpu.bottom < counts.top
    assert [tick.label for tick in chart.ticks] == ["0", "120", "240", "360", "480", "600"]
    [sign] = chart.signs
    assert (sign.x, sign.mark.id) == (middle, 7)
    running, wanted = counts.lines
    assert f"H{middle}V{sign.y}" in wanted.path
    assert running.path.endswith(f"H{WIDTH - RIGHT}")
    assert [reading.words for reading in chart.readings] == [
        "0 {'cpu': 50} 2",
        "60 {'cpu': 100} 2",
        "600 {'cpu': 50} 4",
    ]


def test_without_any_value_there_is_still_a_time_line() -> None:
    chart = draw(
        [Curve("cpu", "CPU (%)", [])],
        [],
        [],
        start_s=0,
        end_s=3600,
        clock=str,
        say=lambda at, values, size: "",
        labels=LABELS,
    )
    assert chart.panes[0].lines[0].path == ""
    assert len(chart.readings) == 41
