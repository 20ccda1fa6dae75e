"""Writing the mirror's part of jobs' rows: many in one statement.

`bulk_update` builds an expression for each row and column (4 ms a job), an upsert sends every column of each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.jobs.models import Job

_UPDATE = """
UPDATE jobs_job AS job
   SET running = new.running, healthy = new.healthy, staging = new.staging, state = new.state,
       state_since = new.state_since, has_health_checks = new.has_health_checks,
       config_changed_at = new.config_changed_at, problems = COALESCE(new.problems, job.problems),
       engine_seen_at = GREATEST(job.engine_seen_at, new.seen_at)
  FROM json_to_recordset(%s)
       AS new (id bigint, running integer, healthy integer, staging integer, state text, state_since timestamptz,
               has_health_checks boolean, config_changed_at timestamptz, problems jsonb, seen_at timestamptz)
 WHERE job.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A job as it should be written. `problems` None: as they are. `seen_at`: when the scheduler said so, if it did;
    a later moment that is there already stays."""

    job: Job
    problems: list[Any] | None
    seen_at: datetime | None


def jobs_write(rows: Iterable[Row]) -> None:
    """Write the counts, the state and what was seen. The jobs are locked."""
    written = [_json(row) for row in rows]
    if written:
        with connection.cursor() as cursor:
            cursor.execute(_UPDATE, [json.dumps(written)])


def _json(row: Row) -> dict[str, Any]:
    job, changed_at = row.job, row.job.config_changed_at
    return {
        "id": job.pk,
        "running": job.running,
        "healthy": job.healthy,
        "staging": job.staging,
        "state": str(job.state),
        "state_since": job.state_since.isoformat(),
        "has_health_checks": job.has_health_checks,
        "config_changed_at": changed_at.isoformat() if changed_at else None,
        "problems": row.problems,
        "seen_at": row.seen_at.isoformat() if row.seen_at else None,
    }
