"""The live topics of jobs: `jobs` and `job:<id>`."""

from __future__ import annotations

from apps.accounts.models import User
from apps.core.live_topics import register_list, register_rows
from apps.jobs.selectors import jobs_visible


def job_visible(user: User, job_id: int) -> bool:
    return jobs_visible(user).filter(pk=job_id).exists()


register_list("jobs")
register_rows("job", job_visible)
