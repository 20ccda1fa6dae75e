"""What is said: sentences that are stored as they are in English, and rendered in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is an English source marked with `gettext_noop`, its values named: `"%(job)s is at its %(max)s."`.

    Values are JSON; one may be a sentence of its own (see `apps.core.models.render_line`)."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "values": dict(self.values)}
