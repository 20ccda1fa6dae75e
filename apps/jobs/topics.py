"""The live topics of jobs and releases: `jobs`, `job:<id>`, `releases`, `release:<id>`,
`templates`."""

from __future__ import annotations

from apps.accounts.models import User
from apps.core.live_topics import register_list, register_rows
from apps.jobs.selectors import jobs_visible, releases_visible


def job_visible(user: User, job_id: int) -> bool:
    return jobs_visible(user).filter(pk=job_id).exists()


def release_visible(user: User, release_id: int) -> bool:
    return releases_visible(user).filter(pk=release_id).exists()


register_list("jobs")
register_list("releases")
register_list("templates")
register_rows("job", job_visible)
register_rows("release", release_visible)
