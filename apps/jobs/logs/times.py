"""The time that stands at the beginning of a log line, where one does. Pure.

| written as | for example |
| --- | --- |
| ISO 8601, `T` or a blank, `.` or `,` before fractions, `-` or `/` in the date | `2026-11-20T08:34:12.123+08:00` |
| syslog | `Nov 20 08:34:12`, also after `<34>` |
| Google's and Mesos' logger | `I1120 08:34:12.123456` |
| a web server's access log | `127.0.0.1 - - [20/Nov/2026:08:34:12 +0800]` |
| seconds, milli-, micro- or nanoseconds since 1970 | `1795163652.123` |
| JSON: any of these, or a number, at `time`, `ts`, `timestamp` or `@timestamp` | `{"level":"info","ts":1795163652.1}` |

A bracket or quotation mark may stand before it. A time without a zone is taken in the one of the given zones that
brings it closest to when the line was written, as far as that is known; a date without a year in the year that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
_ZONE = r"(?:\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)(?![\d:]))?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FORMATS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<year>\d{{4}})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ]{_CLOCK}{_ZONE}",
        rf"(?:<\d{{1,3}}>)?(?P<name>[a-z]{{3}}) {{1,2}}(?P<day>\d{{1,2}}) {_CLOCK}",
        rf"[IWEFD](?P<month>\d\d)(?P<day>\d\d) {_CLOCK}",
        rf"\S+ \S+ \S+ \[(?P<day>\d\d)/(?P<name>[a-z]{{3}})/(?P<year>\d{{4}})[: ]{_CLOCK}{_ZONE}",
    )
)
_EPOCH = re.compile(r"(?P<whole>\d{10}|\d{13}|\d{16}|\d{19})(?:\.(?P<fraction>\d{1,9}))?(?![\w.])")
_IN_JSON = re.compile(r'"(?:@?timestamp|time|ts)"\s*:\s*"?')
_LOOKED_AT = 512
"""Letters of a line that are looked at: a time stands at its beginning."""
_LEAD = " \t[(\"'"


def line_time(text: str, *, zones: Sequence[tzinfo], near: datetime) -> datetime | None:
    """The line's own time, aware; None where it has none. `near`: about when it was written."""
    head = text[:_LOOKED_AT].lstrip(_LEAD)
    if head.startswith("{"):
        found = _IN_JSON.search(head)
        if found is None:
            return None
        head = head[found.end() :]
    if head[:1].isdigit() and (epoch := _EPOCH.match(head)):
        return _of_epoch(epoch)
    match = next((match for pattern in _FORMATS if (match := pattern.match(head))), None)
    if match is None:
        return None
    return min(_readings(match, zones, near), key=lambda read: abs(read - near), default=None)


def _of_epoch(match: re.Match[str]) -> datetime | None:
    whole = match["whole"]
    seconds = float(f"{whole[:10]}.{whole[10:]}{match['fraction'] or ''}")
    return datetime.fromtimestamp(seconds, UTC)


def _readings(match: re.Match[str], zones: Sequence[tzinfo], near: datetime) -> Iterator[datetime]:
    """What the text may mean: one for each zone, and each year, that it leaves open."""
    groups = match.groupdict()
    name = groups.get("name")
    if name and name.lower() not in _MONTHS:
        return
    month = _MONTHS.index(name.lower()) + 1 if name else int(match["month"])
    years = [int(groups["year"])] if groups.get("year") else [near.year - 1, near.year, near.year + 1]
    micro = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    zone = _zone(groups.get("zone"))
    for year in years:
        for tz in [zone] if zone else zones:
            try:
                yield datetime(
                    year,
                    month,
                    int(match["day"]),
                    int(match["hour"]),
                    int(match["minute"]),
                    min(int(match["second"] or 0), 59),  # 60 is a leap second
                    micro,
                    tzinfo=tz,
                )
            except ValueError:
                continue


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text.upper() in {"Z", "UTC", "GMT"}:
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if offset >= timedelta(hours=24):
        return None
    return timezone(-offset if text[0] == "-" else offset)
