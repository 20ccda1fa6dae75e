"""When slots are: the calendar of a zone, its leaps, month ends and leap days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from apps.elastic.schedules.calendar import Interval, NotAnInterval, Recurrence, read_interval


def rule(start: str, zone: str, interval: str = "") -> Recurrence:
    return Recurrence(datetime.fromisoformat(start), zone, read_interval(interval) if interval else None)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first(found: Recurrence, count: int, *, after: str = "2000-01-01T00:00") -> list[str]:
    return [slot.isoformat()[:16] for slot in islice(found.slots(utc(after)), count)]


class TestIntervals:
    @pytest.mark.parametrize(
        ("text", "interval", "shortest"),
        [
            ("P1D", Interval(days=1), "P1D"),
            ("pt2h", Interval(minutes=120), "PT2H"),
            ("P1W", Interval(days=7), "P1W"),
            ("P14D", Interval(days=14), "P2W"),
            ("P1M", Interval(months=1), "P1M"),
            ("P1Y2M3DT4H5M", Interval(months=14, days=3, minutes=245), "P1Y2M3DT4H5M"),
            ("PT90M", Interval(minutes=90), "PT1H30M"),
            ("P12M", Interval(months=12), "P1Y"),
        ],
    )
    def test_are_iso_8601(self, text: str, interval: Interval, shortest: str) -> None:
        assert read_interval(text) == interval
        assert str(interval) == shortest
        assert read_interval(shortest) == interval

    @pytest.mark.parametrize(
        "text", ["", "P", "PT", "1D", "P0D", "PT0M", "PT30S", "P1.5D", "-P1D", "P1H", "P101Y", "daily"]
    )
    def test_of_no_whole_minute_are_none(self, text: str) -> None:
        with pytest.raises(NotAnInterval):
            read_interval(text)


class TestWithoutLeaps:
    def test_the_slides_own(self) -> None:
        found = rule("2016-10-01T02:00", "Asia/Shanghai", "P1D")
        assert first(found, 2) == ["2016-09-30T18:00", "2016-10-01T18:00"]
        assert first(found, 1, after="2026-11-20T18:00") == ["2026-11-21T18:00"]
        assert found.latest_until(utc("2026-11-20T18:00")) == utc("2026-11-20T18:00")

    def test_once(self) -> None:
        found = rule("2026-11-20T12:00", "UTC")
        assert first(found, 5) == ["2026-11-20T12:00"]
        assert found.next_after(utc("2026-11-20T12:00")) is None
        assert found.latest_until(utc("2026-11-20T11:59")) is None

    def test_month_ends_come_back_to_the_31st(self) -> None:
        found = rule("2026-01-31T09:00", "UTC", "P1M")
        days = [slot[:10] for slot in first(found, 5)]
        assert days == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]

    def test_a_leap_day_is_the_28th_in_other_years(self) -> None:
        found = rule("2024-02-29T09:00", "UTC", "P1Y")
        days = [slot[:10] for slot in first(found, 5)]
        assert days == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]

    def test_a_minute_schedule_that_began_long_ago_is_found_at_once(self) -> None:
        found = rule("1980-01-01T00:00", "Europe/Berlin", "PT1M")
        assert first(found, 2, after="2026-11-20T12:00:30") == ["2026-11-20T12:01", "2026-11-20T12:02"]

    def test_the_calendar_ends(self) -> None:
        assert rule("2026-01-01T00:00", "UTC", "P100Y").next_after(utc("8990-01-01T00:00")) is None


class TestDaylightSaving:
    def test_days_keep_the_clock_in_berlin(self) -> None:
        """29 March 2026: 02:00 → 03:00; 25 October 2026: 03:00 → 02:00."""
        found = rule("2026-03-28T07:00", "Europe/Berlin", "P1D")
        assert first(found, 3) == ["2026-03-28T06:00", "2026-03-29T05:00", "2026-03-30T05:00"]
        assert first(found, 2, after="2026-10-24T06:00") == ["2026-10-25T06:00", "2026-10-26T06:00"]

    def test_days_keep_the_clock_in_new_york(self) -> None:
        """8 March 2026: 02:00 → 03:00; 1 November 2026: 02:00 → 01:00."""
        found = rule("2026-03-07T22:00", "America/New_York", "P1D")
        assert first(found, 3) == ["2026-03-08T03:00", "2026-03-09T02:00", "2026-03-10T02:00"]
        assert first(found, 2, after="2026-10-31T12:00") == ["2026-11-01T02:00", "2026-11-02T03:00"]

    @pytest.mark.parametrize(
        ("start", "zone", "slot"),
        [
            ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00"),
            ("2026-03-29T02:00", "Europe/Berlin", "2026-03-29T01:00"),
            ("2026-03-08T02:59", "America/New_York", "2026-03-08T07:00"),
        ],
    )
    def test_a_time_that_does_not_exist_is_the_moment_of_the_leap(
        self, start: str, zone: str, slot: str
    ) -> None:
        assert first(rule(start, zone), 1) == [slot]

    def test_the_day_after_it_is_its_own_time_again(self) -> None:
        found = rule("2026-03-28T02:30", "Europe/Berlin", "P1D")
        assert first(found, 3) == ["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]

    @pytest.mark.parametrize(
        ("start", "zone", "slot"),
        [
            ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30"),
            ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30"),
        ],
    )
    def test_a_time_that_comes_twice_is_taken_the_first_time(self, start: str, zone: str, slot: str) -> None:
        assert first(rule(start, zone, "P1D"), 1) == [slot]
        assert (
            first(rule(start, zone, "P1D"), 2)[1]
            == f"{slot[:8]}{int(slot[8:10]) + 1:02}T{int(slot[11:13]) + 1:02}:30"
        )

    def test_hours_are_exact_time(self) -> None:
        found = rule("2026-03-29T00:00", "Europe/Berlin", "PT2H")
        assert first(found, 3) == ["2026-03-28T23:00", "2026-03-29T01:00", "2026-03-29T03:00"]

    def test_exact_time_is_counted_from_the_leap(self) -> None:
        found = rule("2026-03-29T02:10", "Europe/Berlin", "PT10M")
        assert first(found, 3) == ["2026-03-29T01:00", "2026-03-29T01:10", "2026-03-29T01:20"]

    @pytest.mark.parametrize(
        "zone",
        ["Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Asia/Kathmandu"],
    )
    @pytest.mark.parametrize("interval", ["P1D", "PT7H", "P1M", "P1W", "P1DT5H"])
    def test_next_and_latest_agree_with_counting(self, zone: str, interval: str) -> None:
        found = rule("2025-12-31T02:30", zone, interval)
        slots = [found.slot(number) for number in range(400)]
        assert slots == sorted(slots)
        for number in range(0, 399, 7):
            before = slots[number + 1] - timedelta(seconds=1)
            assert found.latest_until(before) == slots[number]
            assert found.next_after(before) == slots[number + 1]
