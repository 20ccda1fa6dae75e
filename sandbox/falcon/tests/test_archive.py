from pathlib import Path

import pytest

from sandbox.falcon.archive import ROWS, Archive, row_for

STEP = 5
START = 1_700_000_000 // 3600 * 3600


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def fill(archive: Archive, values: dict[int, float], room: int = 0) -> int:
    """Values by number of step since START. Returns the newest time."""
    last = None
    for number, value in values.items():
        time = START + number * STEP
        archive.append(room, step=STEP, last=last, time=time, value=value)
        last = time
    assert last is not None
    return last


def test_a_gap_is_unknown_and_a_zero_is_zero(archive: Archive) -> None:
    last = fill(archive, {1: 7.5, 2: 0.0, 4: -3.0})

    found = list(archive.read(0, ROWS[0], step=STEP, last=last, start=START, end=last + 5))
    assert found == [(START + n * 5, value) for n, value in enumerate([None, 7.5, 0.0, None, -3.0, None])]
    assert str(found[2][1]) == "0.0"


def test_what_went_round_is_gone(archive: Archive) -> None:
    last = fill(archive, {number: float(number) for number in range(1, 801)})

    found = dict(archive.read(0, ROWS[0], step=STEP, last=last, start=START, end=last))
    assert found[START + 80 * STEP] is None
    assert found[START + 81 * STEP] == 81.0
    assert found[last] == 800.0


def test_a_long_silence_leaves_nothing_of_the_last_round(archive: Archive) -> None:
    last = fill(archive, {1: 1.0, 2: 2.0, 722: 3.0})

    found = list(archive.read(0, ROWS[0], step=STEP, last=last, start=START, end=last))
    assert [point for point in found if point[1] is not None] == [(last, 3.0)]


@pytest.mark.parametrize(("function", "expected"), [("AVERAGE", 3.0), ("MAX", 5.0), ("MIN", 1.0)])
def test_five_points_become_one(archive: Archive, function: str, expected: float) -> None:
    last = fill(archive, {0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0, 5: 5.0})

    row = next(row for row in ROWS if row.per_point == 5 and row.function == function)
    assert list(archive.read(0, row, step=STEP, last=last, start=last, end=last)) == [(last, expected)]


def test_of_a_consolidated_point_half_must_be_known(archive: Archive) -> None:
    last = fill(archive, {0: 0.0, 4: 4.0, 5: 5.0, 6: 1.0, 8: 3.0, 10: 5.0})

    row = next(row for row in ROWS if row.per_point == 5)
    found = [value for _, value in archive.read(0, row, step=STEP, last=last, start=START + 25, end=last)]
    assert found == [None, 3.0]


def test_it_is_there_again_after_a_kill(tmp_path: Path) -> None:
    last = fill(Archive(tmp_path), {1: 1.0, 2: 2.0}, room=300)

    found = Archive(tmp_path).read(300, ROWS[0], step=STEP, last=last, start=last, end=last)
    assert list(found) == [(last, 2.0)]


def test_a_room_takes_disk_for_what_it_has_seen_only(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for room in range(200):
        fill(archive, {1: 1.0, 2: 2.0}, room=room)

    assert sum(path.stat().st_blocks for path in tmp_path.iterdir()) * 512 < 3 * 2**20


@pytest.mark.parametrize(
    ("function", "age_s", "per_point"),
    [
        ("AVERAGE", 3600, 1),
        ("AVERAGE", 3601, 5),
        ("MAX", 60, 5),
        ("AVERAGE", 5 * 3600, 20),
        ("AVERAGE", 7 * 86400, 180),
        ("AVERAGE", 90 * 86400, 720),
    ],
)
def test_the_finest_row_that_reaches_back_is_read(function: str, age_s: int, per_point: int) -> None:
    found = row_for("MAX" if function == "MAX" else "AVERAGE", step=STEP, age_s=age_s)

    assert (found.function, found.per_point) == (function, per_point)
