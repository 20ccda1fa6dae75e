"""Times as Marathon writes them: UTC, ISO 8601, exactly three fractional digits, a final Z.

Source: Marathon's state/Timestamp.scala. Versions of apps, groups and deployments are such times, so they
have to be unique: `VersionClock` never gives the same millisecond twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MILLISECOND = timedelta(milliseconds=1)


def now() -> datetime:
    """The present, aware, cut to whole milliseconds (what survives a round trip over the wire)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_timestamp(moment: datetime) -> str:
    """`2024-05-01T12:00:00.000Z`. The moment must be in UTC, as all times of the sandbox are."""
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def parse_timestamp(text: str) -> datetime:
    """Read any ISO 8601 date-time; without an offset it is UTC. Raises ValueError on anything else."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class VersionClock:
    """Hands out strictly growing versions, also across a restart (`seen` feeds back stored ones)."""

    def __init__(self) -> None:
        self._last = datetime.fromtimestamp(0, UTC)

    def seen(self, version: datetime) -> None:
        self._last = max(self._last, version)

    def next(self) -> datetime:
        self._last = max(now(), self._last + MILLISECOND)
        return self._last
