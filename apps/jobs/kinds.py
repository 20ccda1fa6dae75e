"""Makes the job operations known to the workers. Imported once, when Django starts."""

from __future__ import annotations

from apps.core.operations.kinds import register
from apps.jobs.operations import publish, remove, resize, restart

for kind in (*publish.KINDS, *resize.KINDS, *restart.KINDS, *remove.KINDS):
    register(kind)
