"""Moments and numbers as people read them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from ocean_cli.errors import Usage

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def moment(text: str | None) -> datetime | None:
    return None if not text else datetime.fromisoformat(text.replace("Z", "+00:00"))


def ago(text: str | None, *, now: datetime | None = None) -> str:
    """`45s`, `3m`, `5h`, `12d` since an ISO moment; '' without one."""
    when = moment(text)
    if when is None:
        return ""
    seconds = max(0, int(((now or datetime.now(UTC)) - when).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size or (unit == "d" and seconds >= size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def local(text: str | None, *, with_date: bool = True) -> str:
    """An ISO moment in the zone of this machine."""
    when = moment(text)
    if when is None:
        return ""
    return when.astimezone().strftime("%Y-%m-%d %H:%M:%S" if with_date else "%H:%M:%S")


def until(text: str, *, now: datetime | None = None) -> datetime:
    """A duration ahead of now, the next 18:00, or a moment (in this machine's zone, unless it names one).

    Raises Usage."""
    now = now or datetime.now(UTC)
    if (away := _duration(text)) is not None:
        return now + away
    if (today := _clock(text, now=now)) is not None:
        return today if today > now else today + timedelta(days=1)
    return _moment(text)


def since(text: str, *, now: datetime | None = None) -> datetime:
    """A duration back from now, the last 18:00, or a moment. Raises Usage."""
    now = now or datetime.now(UTC)
    if (away := _duration(text)) is not None:
        return now - away
    if (today := _clock(text, now=now)) is not None:
        return today if today <= now else today - timedelta(days=1)
    return _moment(text)


def _duration(text: str) -> timedelta | None:
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip())
    return timedelta(seconds=int(found[1]) * _UNITS[found[2] or "s"]) if found else None


def _clock(text: str, *, now: datetime) -> datetime | None:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text.strip())
    if found is None:
        return None
    here = now.astimezone().replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
    return here.astimezone(UTC)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Usage(
            f"'{text}' is no moment.", hint="Write 15m, 2h, 3d, 18:00, or 2026-11-20T18:00."
        ) from None


def value(content: Any) -> str:
    """A field's value in a difference: text as it is, the rest as JSON."""
    if content is None:
        return "none"
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def change(row: dict[str, Any]) -> str:
    """One field that differs: `cpus: 0.1 → 0.2`, `+ env.LEVEL: debug`, `- env.LEVEL: info`."""
    field, old, new = row["field"], value(row["old"]), value(row["new"])
    if row["change"] == "added":
        return f"+ {field}: {new}"
    if row["change"] == "removed":
        return f"- {field}: {old}"
    return f"~ {field}: {old} → {new}"
