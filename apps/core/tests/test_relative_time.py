"""Times seen from now, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from apps.core.relative_time import relative_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "now", "现在"),
        (-1, "1 second ago", "1秒钟前"),
        (-59, "59 seconds ago", "59秒钟前"),
        (-60, "1 minute ago", "1分钟前"),
        (-3 * 3600 - 1800, "3 hours ago", "3小时前"),
        (-86_400, "1 day ago", "1天前"),
        (-40 * 86_400, "1 month ago", "1个月前"),
        (-800 * 86_400, "2 years ago", "2年前"),
        (200, "in 3 minutes", "3分钟后"),
        (30 * 86_400, "in 1 month", "1个月后"),
    ],
)
def test_the_largest_unit_that_fits(seconds: int, english: str, chinese: str) -> None:
    moment = NOW + timedelta(seconds=seconds)
    assert relative_time(moment, now=NOW) == english
    with translation.override("zh-hans"):
        assert relative_time(moment, now=NOW) == chinese
