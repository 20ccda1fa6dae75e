"""What a rule finds: a sentence with numbers, its reason, and the smallest change that would help.

The texts are English sources, stored with their values and rendered in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from apps.core.models import render_line

Severity = Literal["error", "warning", "info"]
SPEC = "spec."
"""A change's field that begins so is one of the job's spec: the form of its next version can be filled with it."""


@dataclass(frozen=True, slots=True)
class Change:
    """The smallest change that would let the job run: `field` from what it is to what it would have to be.

    `field` is a path into the job's spec (`spec.cpus`, `spec.constraints[0].value`). `to` None: leave it out."""

    field: str
    before: Any
    to: Any

    def as_json(self) -> dict[str, Any]:
        return {"field": self.field, "from": self.before, "to": self.to}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, why, and what one can do. The three texts share `values`, in which a value may be a sentence
    of its own (`{"text", "values"}`). `code` names the rule; `hosts` and `jobs` are names in the texts that pages
    can link."""

    severity: Severity
    code: str
    what: str
    why: str = ""
    hint: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    change: Change | None = None
    hosts: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "severity": self.severity,
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "hint": self.hint,
            "values": dict(self.values),
            "change": self.change.as_json() if self.change else None,
            "hosts": list(self.hosts),
            "jobs": list(self.jobs),
        }


def line(text: str, **values: Any) -> dict[str, Any]:
    """A sentence, or a part of one, as a value of another."""
    return {"text": text, "values": values}


def render_problem(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored problem in the active language: severity, code, what, why, hint, change, hosts, jobs."""
    values = stored.get("values", {})
    return {
        "severity": stored.get("severity", "info"),
        "code": stored.get("code", ""),
        **{name: render_line(stored.get(name, ""), values) for name in ("what", "why", "hint")},
        "change": stored.get("change"),
        "hosts": stored.get("hosts", []),
        "jobs": stored.get("jobs", []),
    }


def summarise(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The first problem as stored sentences: what an operation that failed keeps as its reason."""
    first = next(iter(problems), None)
    if first is None:
        return []
    return [{"text": part, "values": dict(first.values)} for part in (first.what, first.why) if part]
