"""The parts of a publish as people see them: what is over, what goes on, what comes. Pure, from the operation's row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext as _

from apps.jobs.rollout.reading import read_manner
from apps.jobs.rollout.values import Before, Manner

_CURRENT = {"begin": 0, "aside": 0, "hold": 1, "main": 2}


@dataclass(frozen=True, slots=True)
class Phase:
    """A part, in the active language."""

    text: str
    state: Literal["over", "now", "to come"]


def phases_of(parameters: Mapping[str, Any], memory: Mapping[str, Any]) -> list[Phase]:
    """Of a canary or a blue-green publish; of others, which have one part only, none. What is put back has none."""
    if not {"strategy", "previous"} <= parameters.keys() or "reason" in memory:
        return []
    previous = parameters["previous"]
    before = Before(previous["version"], previous["wanted"])
    manner = read_manner(parameters["strategy"], before=before, instances=parameters["instances"])
    texts = _texts(manner)
    now = _CURRENT.get(memory.get("phase", "begin"), _CURRENT.get(memory.get("paused_in", ""), 0))
    return [
        Phase(text, "over" if place < now else "now" if place == now else "to come")
        for place, text in enumerate(texts)
    ]


def _texts(manner: Manner) -> list[str]:
    if manner is Manner.CANARY:
        return [_("the first ones"), _("hold"), _("the rest")]
    if manner is Manner.BLUE_GREEN:
        return [_("all beside"), _("switched, old ones kept"), _("old ones replaced")]
    return []
