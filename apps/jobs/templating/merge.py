"""Bringing a newer version of a template to a job that was changed by hand: a three-way merge by field. Pure.

`base` is what the template made of the job once, `mine` what the job is now, `theirs` what the template makes of it
now. A field that only one side changed is as that side has it; one that both changed differently is a conflict, which
a person decides. Rows of a list are the same row when they have the same name (see `spec.diff`); lists without names
merge by place while all three have as many rows, and are one field otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apps.jobs.spec.diff import NAMED_ROWS

MISSING: Any = object()
Side = Literal["job", "template"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that both changed. A value is None where the field is not there."""

    field: str
    base: Any
    job: Any
    template: Any


@dataclass(frozen=True, slots=True)
class Merged:
    """`spec` holds the job's own value wherever `conflicts` are open."""

    spec: dict[str, Any]
    conflicts: tuple[Conflict, ...]


def merge(
    base: Mapping[str, Any],
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    *,
    take: Mapping[str, Side] | None = None,
) -> Merged:
    """The job with the template's news. `take` decides conflicts by their fields."""
    merger = _Merger(take or {})
    spec = merger.merge(dict(base), dict(mine), dict(theirs), path="")
    return Merged(spec, tuple(merger.conflicts))


class _Merger:
    def __init__(self, take: Mapping[str, Side]) -> None:
        self._take = take
        self.conflicts: list[Conflict] = []

    def merge(self, base: Any, mine: Any, theirs: Any, *, path: str) -> Any:
        if mine == theirs or _same(base, theirs):
            return mine
        if _same(base, mine):
            return theirs
        if all(isinstance(side, dict) and set(side) != {"secret"} for side in (base, mine, theirs)):
            return self._mappings(base, mine, theirs, path=path, inner=f"{path}.{{}}".lstrip("."))
        if all(isinstance(side, list) for side in (base, mine, theirs)):
            merged = self._lists(base, mine, theirs, path=path)
            if merged is not MISSING:
                return merged
        return self._decided(base, mine, theirs, path=path)

    def _mappings(self, base: Any, mine: Any, theirs: Any, *, path: str, inner: str) -> dict[str, Any]:
        merged = {}
        for key in [*mine, *(key for key in theirs if key not in mine)]:
            sides = (side.get(key, MISSING) for side in (base, mine, theirs))
            value = self.merge(*sides, path=inner.format(key))
            if value is not MISSING:
                merged[key] = value
        return merged

    def _lists(self, base: Any, mine: Any, theirs: Any, *, path: str) -> Any:
        name = NAMED_ROWS.get(path)
        if name:
            sides = [{row[name]: row for row in side} for side in (base, mine, theirs)]
            return list(self._mappings(*sides, path=path, inner=f"{path}[{{}}]").values())
        if len(base) == len(mine) == len(theirs):
            rows = zip(base, mine, theirs, strict=True)
            return [self.merge(*row, path=f"{path}[{place}]") for place, row in enumerate(rows, start=1)]
        return MISSING

    def _decided(self, base: Any, mine: Any, theirs: Any, *, path: str) -> Any:
        if path in self._take:
            return mine if self._take[path] == "job" else theirs
        shown = (None if side is MISSING else side for side in (base, mine, theirs))
        self.conflicts.append(Conflict(path, *shown))
        return mine


def _same(one: Any, other: Any) -> bool:
    return one is other or (one is not MISSING and other is not MISSING and bool(one == other))
