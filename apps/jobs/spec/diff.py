"""The difference between two specs, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apps.jobs.spec.fields import SpecFields
from apps.jobs.spec.strategy import complete_strategy

_MISSING = object()
NAMED_ROWS = {"ports": "name", "files": "path", "fetch": "uri", "volumes": "path"}
"""Rows of these lists have a name of their own and are matched by it, so that inserting one shows as one change.
Rows of others (checks, constraints, arguments) are matched by their place, counted from 1."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field's change; `old` or `new` is None where it was added or removed."""

    field: str
    change: Literal["added", "removed", "changed"]
    old: Any
    new: Any


def spec_diff(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """What differs, in the order in which a spec's fields are declared."""
    return _diff(*(spec_in_order(_complete(spec)) for spec in (old, new)), path="")


def spec_in_order(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the order of their declaration: PostgreSQL's jsonb gives keys back by their length."""
    declared = SpecFields._declared_fields
    return {name: spec[name] for name in (*declared, *spec) if name in spec}


def _complete(spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "strategy": complete_strategy(spec["strategy"])} if "strategy" in spec else spec


def _diff(old: Any, new: Any, *, path: str) -> list[Change]:
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict) and not _is_secret(old) and not _is_secret(new):
        return _diff_mappings(old, new, path=path)
    if isinstance(old, list) and isinstance(new, list):
        return _diff_mappings(_rows(old, path), _rows(new, path), path=path, brackets=True)
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


def _rows(rows: list[Any], path: str) -> dict[str, Any]:
    """The rows of a list by what tells them apart."""
    name = NAMED_ROWS.get(path)
    return {str(row[name]) if name else str(place): row for place, row in enumerate(rows, start=1)}


def _is_secret(value: dict[str, Any]) -> bool:
    return set(value) == {"secret"}
