"""Instances that are held back after failures."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from apps.jobs.explain.facts import Facts
from apps.jobs.explain.problem import Change, Problem
from apps.jobs.explain.words import duration

LONG_S = 30
BACKING_OFF = gettext_noop("Instances that wait %(delay)s before they are started again: %(count)s.")
BACKING_OFF_WHY = gettext_noop(
    "Earlier ones ended soon after their start, so the scheduler holds the next ones back."
)
BACKING_OFF_HINT = gettext_noop("Publish a version that stays up, or try again at once.")


def held_back(facts: Facts) -> Problem | None:
    """The scheduler's back-off: until when, and after how many failures. A publish of a new "
    "version clears it."""
    waiting = facts.waiting
    if waiting is None or not waiting.count or waiting.delay_s <= 0:
        return None
    values = {
        "count": waiting.count,
        "delay": duration(waiting.delay_s),
    }
    backoff = facts.spec.get("backoff") or {}
    longest = backoff.get("max_s")
    change = None
    if waiting.delay_s > LONG_S and longest is not None and longest > LONG_S:
        change = Change("spec.backoff.max_s", longest, LONG_S)
    return Problem("warning", "backing_off", BACKING_OFF, BACKING_OFF_WHY, BACKING_OFF_HINT, values, change)
