"""Logs as pure decisions: bytes into lines, times, places under rotation, merging, cursors."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from apps.jobs.logs.cursor import Cursor, Place, RowsRead, decode, encode, task_key
from apps.jobs.logs.lines import MAX_LINE_BYTES, Line, first_line_start, split_lines
from apps.jobs.logs.merge import Piece, Span, TimedLine, last_of, merge, with_times
from apps.jobs.logs.position import (
    Position,
    Stretch,
    ahead,
    end_of,
    first_bytes,
    last_bytes,
    place_after,
    whole_log,
)
from apps.jobs.logs.times import line_time
from engines.base import FileStatus

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHINA = ZoneInfo("Asia/Shanghai")


class TestLines:
    def test_what_has_no_end_yet_is_left(self) -> None:
        assert list(split_lines(b"one\r\n\nzw\xc3\xb6lf\nhalf")) == [
            Line(0, 5, "one"),
            Line(5, 6, ""),
            Line(6, 13, "zwölf"),
        ]
        assert list(split_lines(b"half", whole=True)) == [Line(0, 4, "half")]

    def test_what_is_no_utf_8_is_said_so(self) -> None:
        assert [line.text for line in split_lines(b"a\xff\n")] == ["a�"]

    def test_a_long_line_comes_in_pieces_that_cut_no_letter(self) -> None:
        data = b"x" + "海".encode() * (MAX_LINE_BYTES // 2) + b"\n"
        lines = list(split_lines(data))
        assert [line.cut for line in lines] == [True, False]
        assert lines[0].end == MAX_LINE_BYTES - (MAX_LINE_BYTES - 1) % 3
        assert "".join(line.text for line in lines).encode() + b"\n" == data

    def test_a_line_of_just_the_longest_length_is_whole(self) -> None:
        data = b"x" * MAX_LINE_BYTES
        assert list(split_lines(data)) == []
        assert [line.cut for line in split_lines(data + b"\n")] == [False]

    @pytest.mark.parametrize("seed", range(20))
    def test_however_the_bytes_come_the_lines_are_the_same(self, seed: int) -> None:
        chance = random.Random(seed)
        letters = ["a", "ü", "海", "🌊", "\r"]
        lengths = [0, 1, 80, 3000, MAX_LINE_BYTES - 1, MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 40_000]
        texts = ["".join(chance.choices(letters, k=chance.choice(lengths) // 2)) for _ in range(30)]
        data = "".join(f"{text}\n" for text in texts).encode() + b"\xff half"
        whole = [(line.start, line.end, line.text, line.cut) for line in split_lines(data)]

        found: list[tuple[int, int, str, bool]] = []
        place = seen = 0
        while seen < len(data):
            seen = min(len(data), seen + chance.randint(1, 60_000))
            lines = list(split_lines(data[place:seen]))
            found += [(place + each.start, place + each.end, each.text, each.cut) for each in lines]
            place = found[-1][1] if found else 0
        assert found == whole

    def test_a_reading_that_begins_inside_a_line_begins_with_the_next(self) -> None:
        assert first_line_start(b"rest\nnext\n") == 5
        assert first_line_start("海".encode()[1:] + b"one line") == 2


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("2026-11-20T08:34:12.123456789Z started", NOON.replace(hour=8, minute=34, second=12, microsecond=123456)),
            ("[2026-11-20 08:34:12,250 +08:00] INFO x", NOON.replace(hour=0, minute=34, second=12, microsecond=250000)),
            ("2026/11/20 08:34:12 UTC x", NOON.replace(hour=8, minute=34, second=12)),
            ("2026-11-20 08:34:12 -0330 x", NOON.replace(hour=12, minute=4, second=12)),
            ("2026-11-20T08:34 x", NOON.replace(hour=8, minute=34)),
            ("2026-11-20T08:34:60Z leap", NOON.replace(hour=8, minute=34, second=59)),
            ("Nov 20 08:34:12 host app[1]: x", NOON.replace(hour=8, minute=34, second=12)),
            ("<34>Nov  2 08:34:12 host app: x", NOON.replace(day=2, hour=8, minute=34, second=12)),
            ("I1120 08:34:12.000001  1234 master.cpp] x", NOON.replace(hour=8, minute=34, second=12, microsecond=1)),
            ('127.0.0.1 - - [20/Nov/2026 08:34:12] "GET / HTTP/1.1" 200 -', NOON.replace(hour=8, minute=34, second=12)),
            ("10.0.0.1 - bob [20/Nov/2026:16:34:12 +0800] x", NOON.replace(hour=8, minute=34, second=12)),
            ("1795163652 x", datetime.fromtimestamp(1795163652, UTC)),
            ("1795163652.5 x", datetime.fromtimestamp(1795163652.5, UTC)),
            ("1795163652250 x", datetime.fromtimestamp(1795163652.25, UTC)),
            ('{"level":"info","ts":1795163652.5}', datetime.fromtimestamp(1795163652.5, UTC)),
            ('{"@timestamp": "2026-11-20T08:34:12Z"}', NOON.replace(hour=8, minute=34, second=12)),
        ],
    )  # fmt: skip
    def test_at_the_beginning_of_a_line(self, text: str, wanted: datetime) -> None:
        assert line_time(text, zones=[UTC], near=NOON) == wanted

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "started at 2026-11-20T08:34:12Z",
            "2026-13-45T99:99:99Z",
            "2026-11-20T08:34:12+99:99 x x",
            "Foo 20 08:34:12 x",
            "12345 apples",
            "17951636521 eleven digits",
            "1795163652abc",
            '{"level":"info"}',
            "{not json",
        ],
    )
    def test_other_lines_have_none(self, text: str) -> None:
        found = line_time(text, zones=[UTC], near=NOON)
        assert found is None or text.startswith("2026-11-20T08:34:12+99")

    def test_a_time_without_a_zone_is_in_the_one_that_fits(self) -> None:
        written = NOON + timedelta(seconds=3)
        text = f"{written.astimezone(CHINA):%Y-%m-%d %H:%M:%S} x"
        assert line_time(text, zones=[UTC, CHINA], near=NOON) == written
        assert line_time(f"{written:%Y-%m-%d %H:%M:%S} x", zones=[UTC, CHINA], near=NOON) == written

    def test_a_date_without_a_year_is_of_the_year_that_fits(self) -> None:
        new_year = datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)
        found = line_time("Dec 31 23:59:59 x", zones=[UTC], near=new_year)
        assert found == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def status(name: str, size: int, second: int) -> FileStatus:
    return FileStatus(name, size, NOON + timedelta(seconds=second))


def mark(second: int) -> int:
    return round((NOON + timedelta(seconds=second)).timestamp() * 1_000_000)


class TestPlaces:
    def test_a_log_is_its_files_from_the_oldest(self) -> None:
        files = [status("stdout", 5, 30), status("stdout.1", 100, 20), status("stdout.2", 100, 10)]
        assert whole_log("stdout", [*files, status("stderr", 9, 1), status("stdout.9", 9, 1)]) == (
            Stretch("stdout.2", 0, 100, 0),
            Stretch("stdout.1", 0, 100, mark(10)),
            Stretch("stdout", 0, 5, mark(20)),
        )
        assert whole_log("stdout", [status("stderr", 9, 1)]) == ()

    def test_a_rotated_file_is_read_to_its_end_then_the_new_one(self) -> None:
        before = whole_log("stdout", [status("stdout", 60, 10)])
        place = end_of(before)
        after = whole_log("stdout", [status("stdout", 7, 30), status("stdout.1", 100, 20)])
        found = ahead(after, place)
        assert found.stretches == (Stretch("stdout.1", 60, 40, 0), Stretch("stdout", 0, 7, mark(20)))
        assert not found.lost
        assert place_after(found.stretches, 39, otherwise=place) == Position(99, 0)
        assert place_after(found.stretches, 40, otherwise=place) == Position(0, mark(20))
        assert place_after(found.stretches, 47, otherwise=place) == Position(7, mark(20))

    def test_after_several_rotations_the_place_is_still_known(self) -> None:
        place = Position(60, mark(10))
        files = [
            status("stdout", 7, 50),
            status("stdout.1", 100, 40),
            status("stdout.2", 100, 30),
            status("stdout.3", 100, 10),
        ]
        found = ahead(whole_log("stdout", files), place)
        assert [(part.file, part.start) for part in found.stretches] == [
            ("stdout.2", 60),
            ("stdout.1", 0),
            ("stdout", 0),
        ]

    def test_a_file_that_was_cut_short_begins_anew(self) -> None:
        found = ahead(whole_log("stdout", [status("stdout", 7, 50)]), Position(60))
        assert (found.stretches, found.lost) == ((Stretch("stdout", 0, 7, 0),), True)

    def test_where_the_file_before_has_just_been_dropped_nothing_is_read_twice(self) -> None:
        files = [status("stdout", 7, 50), status("stdout.1", 100, 40)]
        found = ahead(whole_log("stdout", files), Position(60, mark(10)))
        assert [(part.file, part.start) for part in found.stretches] == [("stdout.1", 60), ("stdout", 0)]

    def test_parts_of_stretches(self) -> None:
        log = (Stretch("stdout.1", 0, 100, 0), Stretch("stdout", 0, 30, 9))
        assert last_bytes(log, 50) == (Stretch("stdout.1", 80, 20, 0), Stretch("stdout", 0, 30, 9))
        assert last_bytes(log, 10) == (Stretch("stdout", 20, 10, 9),)
        assert first_bytes(log, 110) == (Stretch("stdout.1", 0, 100, 0), Stretch("stdout", 0, 10, 9))
        assert first_bytes((), 10) == last_bytes((), 10) == ()
        assert place_after((), 0, otherwise=Position(4, 2)) == Position(4, 2)

    @pytest.mark.parametrize("position", [Position(), Position(12), Position(12, 1795163652123)])
    def test_a_place_is_a_text(self, position: Position) -> None:
        assert Position.parse(str(position)) == position

    @pytest.mark.parametrize("text", ["", "x", "-1", "1.x", "1" * 50, "1.2.3", "²"])
    def test_other_texts_are_no_place(self, text: str) -> None:
        with pytest.raises(ValueError, match="no place"):
            Position.parse(text)


def line(text: str, start: int = 0) -> Line:
    return Line(start, start + len(text) + 1, text)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def timed(*seconds: float) -> list[TimedLine]:
    return [TimedLine(at(second), at(second), False, line(str(second))) for second in seconds]


class TestMerge:
    SPAN = Span(since=at(0), until=at(10), before=0, length=20, earliest=at(-60))

    def times(self, *texts: str, span: Span = SPAN) -> list[tuple[float, bool]]:
        lines, start = [], 0
        for text in texts:
            lines.append(line(text, start))
            start = lines[-1].end
        found = with_times(lines, span, now=at(10), zones=[UTC])
        return [((each.at - NOON).total_seconds(), each.estimated) for each in found]

    def test_lines_without_a_time_have_one_by_their_place_in_the_bytes(self) -> None:
        assert self.times("four", "4444", "four", "last") == [
            (2.5, True),
            (5.0, True),
            (7.5, True),
            (10.0, True),
        ]

    def test_a_stack_trace_has_the_time_of_its_message(self) -> None:
        assert self.times("first", "2026-11-20T12:00:07Z oh", " at x.py", "2026-11-20T12:00:08Z") == [
            (3.0, True), (7.0, False), (7.0, True), (8.0, False)
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "text", ["2026-11-20T10:00:00Z before it was there", "2027-01-01T00:00:00Z to come"]
    )
    def test_a_time_that_cannot_be_is_not_believed(self, text: str) -> None:
        [(_second, estimated)] = self.times(text)
        assert estimated

    def test_the_order_of_one_source_stays_whatever_its_times_say(self) -> None:
        lines = [line("2026-11-20T12:00:07Z a"), line("2026-11-20T12:00:05Z b")]
        first, second = with_times(lines, self.SPAN, now=at(10), zones=[UTC])
        assert (second.at, second.key) == (at(5), at(7))
        assert [number for number, _ in merge([Piece([first, second]), Piece(timed(6))], limit=9)] == [
            1,
            0,
            0,
        ]

    def test_lines_of_the_same_time_stay_together(self) -> None:
        found = merge([Piece(timed(1, 1, 2)), Piece(timed(1, 1))], limit=9)
        assert [number for number, _ in found] == [0, 0, 1, 1, 0]

    def test_what_is_later_than_a_source_that_goes_on_waits(self) -> None:
        pieces = [Piece(timed(1, 2), more=True), Piece(timed(1.5, 3)), Piece(timed(2.5), more=True)]
        assert [each.line.text for _, each in merge(pieces, limit=9)] == ["1", "1.5", "2"]

    def test_limits(self) -> None:
        pieces = [Piece(timed(1, 3)), Piece(timed(2, 4))]
        assert [each.line.text for _, each in merge(pieces, limit=3)] == ["1", "2", "3"]
        assert [each.line.text for _, each in last_of(pieces, limit=3)] == ["2", "3", "4"]

    @pytest.mark.parametrize("seed", range(20))
    def test_every_line_comes_once_and_in_the_order_of_its_source(self, seed: int) -> None:
        chance = random.Random(seed)
        sources = [
            sorted(chance.choices(range(30), k=chance.randint(0, 40))) for _ in range(chance.randint(1, 6))
        ]
        places = [0] * len(sources)
        found: list[tuple[datetime, int, int]] = []
        while any(place < len(source) for place, source in zip(places, sources, strict=True)):
            ends = [place + chance.randint(1, 9) for place in places]
            pieces = [
                Piece(timed(*source[place:end]), more=end < len(source))
                for source, place, end in zip(sources, places, ends, strict=True)
            ]
            for number, each in merge(pieces, limit=chance.randint(1, 12)):
                found.append((each.key, number, places[number]))
                places[number] += 1
        assert [key for key, _number, _place in found] == sorted(key for key, _number, _place in found)
        for number, source in enumerate(sources):
            own = [(key, place) for key, each, place in found if each == number]
            assert [key for key, _place in own] == [at(second) for second in source]
            assert all(after - before == 1 for (_, before), (_, after) in pairwise(own))


class TestCursor:
    PLACE = Place(task_key("web.1"), "stdout", Position(12, 1795163652123), 7, 1795163652, True)
    CURSOR = Cursor(
        read_at=1795163652123,
        turn=3,
        places=(PLACE,),
        away=(task_key("node1"),),
        events=RowsRead(4, (7, 9)),
        log=RowsRead(0, (1,)),
    )

    def test_it_is_a_text_that_says_the_same(self) -> None:
        assert decode(encode(self.CURSOR)) == self.CURSOR

    def test_it_fits_into_an_address_with_as_many_places_as_there_can_be(self) -> None:
        places = tuple(
            Place(task_key(f"web.{number}"), file, Position(10**9 + 977 * number, 1795163652123 + number), 9, 10**9)
            for number in range(48)
            for file in ("stdout", "stderr")
        )  # fmt: skip
        assert len(encode(Cursor(read_at=1795163652123, places=places))) < 4000

    @pytest.mark.parametrize(
        "text", ["", "x", "é", "a" * 20_000, encode(CURSOR)[:-8], encode(CURSOR).swapcase()]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):
            decode(text)

    @pytest.mark.parametrize("seed", range(50))
    def test_a_changed_cursor_is_refused_or_another_cursor(self, seed: int) -> None:
        chance = random.Random(seed)
        text = list(encode(self.CURSOR))
        text[chance.randrange(len(text))] = chance.choice("abcXYZ019-_")
        try:
            found = decode("".join(text))
        except ValueError:
            return
        assert isinstance(found, Cursor)

    def test_rows_that_come_late_are_told_and_none_twice(self) -> None:
        read = RowsRead().with_rows(list(range(1, 41)))
        assert (read.floor, read.recent) == (24, tuple(range(25, 41)))
        late = read.with_rows([50])
        assert (late.floor, late.recent) == (25, (*range(26, 41), 50))


def test_zones_are_fixed_offsets_too() -> None:
    assert line_time(
        "2026-11-20 17:30:00 x", zones=[timezone(timedelta(hours=5, minutes=30))], near=NOON
    ) == datetime(2026, 11, 20, 12, tzinfo=UTC)
