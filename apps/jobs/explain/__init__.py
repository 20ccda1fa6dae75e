"""Why a job is not running: one sentence with numbers and names, and the smallest change that would let it run.

A catalogue of small pure rules, by subject, over what is known (`facts`); see docs/explain.md.
"""

from apps.jobs.explain.catalogue import explain
from apps.jobs.explain.facts import Answer, Dependency, Ended, Facts, HostFacts, HostState, LastWords
from apps.jobs.explain.problem import Change, Problem, Severity, render_problem, summarise
from apps.jobs.explain.standing import (
    draft,
    holding,
    missing,
    paused,
    stale_mirror,
    stopped,
    unpublished_version,
)

__all__ = [
    "Answer",
    "Change",
    "Dependency",
    "Ended",
    "Facts",
    "HostFacts",
    "HostState",
    "LastWords",
    "Problem",
    "Severity",
    "draft",
    "explain",
    "holding",
    "missing",
    "paused",
    "render_problem",
    "stale_mirror",
    "stopped",
    "summarise",
    "unpublished_version",
]
