"""Makes the job operations known to the workers. Imported once, when Django starts."""

from __future__ import annotations

from apps.core.operations.kinds import register
from apps.jobs.operations import migrate, publish, release, remove, resize, restart, retry
from apps.jobs.operations.base import OnJob

KINDS: tuple[OnJob, ...] = (*publish.KINDS, *resize.KINDS, *restart.KINDS, *remove.KINDS)
for job_kind in KINDS:
    register(job_kind)
for retry_kind in retry.KINDS:
    register(retry_kind)
for release_kind in release.KINDS:
    register(release_kind)
for migration in migrate.KINDS:
    register(migration)
