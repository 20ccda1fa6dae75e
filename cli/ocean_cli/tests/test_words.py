"""Moments as people write and read them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ocean_cli.errors import Usage
from ocean_cli.words import ago, change, local, since, until

NOW = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "back", "ahead"),
    [
        ("90", "2026-11-20T08:28:30", "2026-11-20T08:31:30"),
        ("15m", "2026-11-20T08:15:00", "2026-11-20T08:45:00"),
        ("2h", "2026-11-20T06:30:00", "2026-11-20T10:30:00"),
        ("3d", "2026-11-17T08:30:00", "2026-11-23T08:30:00"),
        # It is 16:30 in Shanghai.
        ("18:00", "2026-11-19T10:00:00", "2026-11-20T10:00:00"),
        ("09:05", "2026-11-20T01:05:00", "2026-11-21T01:05:00"),
        ("2026-11-20T18:00", "2026-11-20T10:00:00", "2026-11-20T10:00:00"),
        ("2026-11-20T18:00+00:00", "2026-11-20T18:00:00", "2026-11-20T18:00:00"),
    ],
)
def test_moments_from_now(text: str, back: str, ahead: str) -> None:
    assert since(text, now=NOW).isoformat() == f"{back}+00:00"
    assert until(text, now=NOW).isoformat() == f"{ahead}+00:00"


@pytest.mark.parametrize("text", ["", "soon", "25:00", "1w", "-5m", "2026-13-01"])
def test_what_is_no_moment(text: str) -> None:
    for read in (since, until):
        with pytest.raises(Usage):
            read(text, now=NOW)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        ("2026-11-20T08:29:15Z", "45s"),
        ("2026-11-20T08:28:31Z", "89s"),
        ("2026-11-20T08:20:00Z", "10m"),
        ("2026-11-20T03:30:00Z", "5h"),
        ("2026-11-08T08:30:00Z", "12d"),
        ("2026-11-20T09:00:00Z", "0s"),
        (None, ""),
    ],
)
def test_ages(moment: str | None, shown: str) -> None:
    assert ago(moment, now=NOW) == shown


def test_times_are_those_of_this_machine() -> None:
    assert local("2026-11-20T08:30:00Z") == "2026-11-20 16:30:00"
    assert local(None) == ""


def test_changes() -> None:
    changed = {"field": "ports[http]", "change": "changed", "old": {"a": 1}, "new": None}
    assert change(changed) == '~ ports[http]: {"a": 1} → none'
    assert change({**changed, "change": "removed", "old": "x"}) == "- ports[http]: x"
