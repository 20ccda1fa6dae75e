"""Writing jobs. Pages, API, admin and other apps all come through here, so that the rules are the same everywhere.

`drafts` creates jobs and saves versions; `actions` asks for what leaves the database (each an Operation),
`together` for many jobs at once;
`plans` compares what is written with what is there; `secrets` keeps a product line's secrets; `history` writes a
job's history.
"""

from apps.jobs.services.actions import (
    instance_kill,
    instance_kill_repeated,
    job_delete,
    job_publish,
    job_restart,
    job_rollback,
    job_scale,
    job_start,
    job_stop,
    job_undo,
)
from apps.jobs.services.drafts import job_create, job_version_add
from apps.jobs.services.plans import JobPlan, job_plan
from apps.jobs.services.retry import job_retry
from apps.jobs.services.secrets import secret_delete, secret_set
from apps.jobs.services.together import Publish, Scale, jobs_lock, jobs_publish, jobs_scale

__all__ = [
    "JobPlan",
    "Publish",
    "Scale",
    "instance_kill",
    "instance_kill_repeated",
    "job_create",
    "job_delete",
    "job_plan",
    "job_publish",
    "job_restart",
    "job_retry",
    "job_rollback",
    "job_scale",
    "job_start",
    "job_stop",
    "job_undo",
    "job_version_add",
    "jobs_lock",
    "jobs_publish",
    "jobs_scale",
    "secret_delete",
    "secret_set",
]
