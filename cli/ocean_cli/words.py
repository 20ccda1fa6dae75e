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


def duration(text: str) -> timedelta:
    """`90`, `90s`, `15m`, `2h`, `1d`. Raises Usage."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip())
    if found is None:
        raise Usage(f"'{text}' is no duration.", hint="Write 90s, 15m, 2h or 1d.")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2] or "s"])


def until(text: str, *, now: datetime | None = None) -> datetime:
    """As `since`, with a duration ahead of now. Raises Usage."""
    if re.fullmatch(r"\d+[smhd]?", text.strip()):
        return (now or datetime.now(UTC)) + duration(text)
    return since(text)


def since(text: str, *, now: datetime | None = None) -> datetime:
    """A duration back from now, or a moment (in this machine's zone, unless it names one). Raises Usage."""
    if re.fullmatch(r"\d+[smhd]?", text.strip()):
        return (now or datetime.now(UTC)) - duration(text)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise Usage(f"'{text}' is no moment.", hint="Write 15m, 2h, or 2026-11-20T18:00.") from None


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
