"""The difference between two specs, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apps.jobs.spec.fields import SpecFields

_MISSING = object()
_NAMED = ("name", "path", "uri")
"""Rows of a list are matched by the first of these that they have, so that inserting one shows as one change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field's change; `old` or `new` is None where it was added or removed."""

    field: str
    change: Literal["added", "removed", "changed"]
    old: Any
    new: Any


def spec_diff(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """What differs, in the order in which a spec's fields are declared."""
    return _diff(spec_in_order(old), spec_in_order(new), path="")


def spec_in_order(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the order of their declaration: PostgreSQL's jsonb gives keys back by their length."""
    declared = SpecFields._declared_fields
    return {name: spec[name] for name in (*declared, *spec) if name in spec}


def _diff(old: Any, new: Any, *, path: str) -> list[Change]:
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict) and not _is_secret(old) and not _is_secret(new):
        return _diff_mappings(old, new, path=path)
    if isinstance(old, list) and isinstance(new, list) and (old_rows := _by_name(old)) is not None:
        new_rows = _by_name(new)
        if new_rows is not None:
            return _diff_mappings(old_rows, new_rows, path=path, brackets=True)
    if old is _MISSING:
        return [Change(path, "added", None, new)]
    if new is _MISSING:
        return [Change(path, "removed", old, None)]
    return [Change(path, "changed", old, new)]


def _diff_mappings(
    old: dict[str, Any], new: dict[str, Any], *, path: str, brackets: bool = False
) -> list[Change]:
    changes: list[Change] = []
    for key in [*new, *(key for key in old if key not in new)]:
        inner = f"{path}[{key}]" if brackets else f"{path}.{key}".lstrip(".")
        changes += _diff(old.get(key, _MISSING), new.get(key, _MISSING), path=inner)
    return changes


def _by_name(rows: list[Any]) -> dict[str, Any] | None:
    """The rows by name, when each has a different one; None when they cannot be told apart that way."""
    for key in _NAMED:
        if all(isinstance(row, dict) and key in row for row in rows):
            named = {str(row[key]): row for row in rows}
            return named if len(named) == len(rows) else None
    return None


def _is_secret(value: dict[str, Any]) -> bool:
    return set(value) == {"secret"}
