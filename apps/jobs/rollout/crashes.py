"""Telling a new version that keeps crashing, where no health check tells it. Pure.

Marathon ends old instances as soon as new ones run, which those of a misspelt command do for a moment. Soon nothing
serves, so the verdict is not left to the deadline.
"""

from __future__ import annotations

from apps.jobs.rollout.values import Found, Goal, Wanted
from engines.base import WorkloadStatus

CRASHES = 3
"""Times that one instance ended in a row."""


def keeps_crashing(wanted: Wanted, found: Found, main: WorkloadStatus | None) -> bool:
    """Whether new instances that are to take the place of those that served do not stay up: one was started again and
    again, and none is well. Where nothing ran before nothing is lost by waiting: what it needs may yet come."""
    if main is None or found.main is None or not found.main.ours or wanted.goal is not Goal.ON:
        return False
    served = wanted.before.version is not None and wanted.before.instances > 0
    if main.has_health_checks or not served or any(copy.well for copy in found.main.new):
        return False
    last = main.last_failure
    return (
        last is not None
        and last.engine_version is not None
        and last.engine_version >= main.config_changed_at
        and last.restarts + 1 >= CRASHES
    )
