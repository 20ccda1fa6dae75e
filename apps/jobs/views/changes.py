"""The difference between two specs as a page shows it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _

from apps.jobs.spec import Change


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a longer text's difference."""

    change: Literal["added", "removed", "same"]
    text: str


@dataclass(frozen=True, slots=True)
class ShownChange:
    """One field's change in words. `lines` in place of `old` and `new` where the text has several lines."""

    field: str
    change: Literal["added", "removed", "changed"]
    old: str
    new: str
    lines: list[Line]


def top_level(field: str) -> str:
    """`health_checks[0].path` → `health_checks`."""
    return field.split(".")[0].split("[")[0]


def shown_changes(changes: Iterable[Change]) -> list[ShownChange]:
    return [_shown(change) for change in changes]


def as_text(value: Any) -> str:
    """A value of a spec as people read it; a secret by its name, and its value nowhere."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict) and set(value) == {"secret"}:
        return _("secret: %(name)s") % {"name": value["secret"]}
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, indent=2) if value else "–"
    return str(value) or _("(empty)")


def _shown(change: Change) -> ShownChange:
    old = "" if change.change == "added" else as_text(change.old)
    new = "" if change.change == "removed" else as_text(change.new)
    lines = _lines(old, new) if change.change == "changed" and ("\n" in old or "\n" in new) else []
    return ShownChange(change.field, change.change, old, new, lines)


def _lines(old: str, new: str) -> list[Line]:
    """The changed lines with three of their neighbours; `…` where some are left out."""
    kinds: dict[str, Literal["added", "removed", "same"]] = {"+": "added", "-": "removed", " ": "same"}
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm=""))[3:]
    return [Line("same", "…") if line[0] == "@" else Line(kinds[line[0]], line[1:]) for line in lines]
