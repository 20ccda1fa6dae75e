"""What a job needs to run first."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop

from apps.jobs.explain.facts import Dependency, Facts
from apps.jobs.explain.problem import Change, Problem, Severity, line

WAITS_WHILE_DRAFT = gettext_noop("It needs %(job)s, which was never published.")
WAITS_WHILE_STOPPED = gettext_noop("It needs %(job)s, which is stopped.")
WAITS_WHILE_MISSING = gettext_noop("It needs %(job)s, which does not exist any more.")
WAITS = gettext_noop("It needs %(job)s, of which %(well)s of %(wanted)s instances are well.")
HELD = gettext_noop("The publish waits until it runs.")
OWN_PROBLEM = gettext_noop("Its own trouble: %(what)s")
HELD_AND_PROBLEM = gettext_noop("The publish waits until it runs. Its own trouble: %(what)s")
PUBLISH_IT = gettext_noop("Publish %(job)s, or take it off the dependencies.")
START_IT = gettext_noop("Start %(job)s, or take it off the dependencies.")
DROP_IT = gettext_noop("Take %(job)s off the dependencies.")
MEND_IT = gettext_noop("See what keeps %(job)s, or take it off the dependencies.")

_BY_STATE = {
    "draft": (WAITS_WHILE_DRAFT, PUBLISH_IT),
    "stopped": (WAITS_WHILE_STOPPED, START_IT),
    "missing": (WAITS_WHILE_MISSING, DROP_IT),
    "deleted": (WAITS_WHILE_MISSING, DROP_IT),
}


def not_ready(facts: Facts) -> Problem | None:
    """The first dependency that does not run: an error where it holds the publish, a "
    "warning beside other trouble."""
    dependency = next((one for one in facts.dependencies if not one.is_ready), None)
    if dependency is None or not (facts.is_short or facts.status is None):
        return None
    return explain_dependency(facts, dependency, held=facts.status is None)


def explain_dependency(facts: Facts, dependency: Dependency, *, held: bool) -> Problem:
    what, hint = _BY_STATE.get(dependency.state, (WAITS, MEND_IT))
    values: dict[str, Any] = {
        "job": dependency.name,
        "well": dependency.well,
        "wanted": dependency.wanted,
    }
    why = HELD if held else ""
    if own := dependency.problem:
        why = HELD_AND_PROBLEM if held else OWN_PROBLEM
        values["what"] = line(own["what"], **own.get("values", {}))
    severity: Severity = "error" if held else "warning"
    return Problem(
        severity, "dependency", what, why, hint, values, _without(facts, dependency), (), (dependency.tag,)
    )


def _without(facts: Facts, dependency: Dependency) -> Change | None:
    tags = list(facts.spec.get("depends_on", ()))
    if dependency.tag not in tags:
        return None
    return Change(f"spec.depends_on[{tags.index(dependency.tag)}]", dependency.tag, None)
