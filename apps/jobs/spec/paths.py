"""A change of one place in a spec, named by a path such as `cpus` or `constraints[0].value`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

_STEP = re.compile(r"\.?([a-z_]+)|\[(\d+)\]")


def spec_changed(spec: Mapping[str, Any], path: str, *, before: Any, to: Any) -> dict[str, Any] | None:
    """The spec with `to` at the path, or without that place where `to` is None. None where the spec has no such
    place, or something else than `before` there: it was changed since."""
    changed = deepcopy(dict(spec))
    *steps, last = _steps(path) or [""]
    place: Any = changed
    try:
        for step in steps:
            place = place[step]
        if place[last] != before:
            return None
        if to is None:
            del place[last]
        else:
            place[last] = to
    except (KeyError, IndexError, TypeError):
        return None
    return changed


def _steps(path: str) -> list[str | int]:
    """`a[0].b` as `["a", 0, "b"]`; empty where it is no path."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return []
        steps.append(match[1] if match[1] else int(match[2]))
        at = match.end()
    return steps
