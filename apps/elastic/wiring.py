"""What scaling listens to of jobs, when Django starts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from apps.elastic.services.following import scaling_copy, scaling_move
from apps.jobs.models import Job
from apps.jobs.signals import job_cloned, job_moved

if TYPE_CHECKING:
    from apps.accounts.models import User


def copy_scaling(sender: object, *, job: Job, clone: Job, by: User, **_more: object) -> None:
    scaling_copy(job=job, clone=clone, by=by)


def move_scaling(sender: object, *, job: Job, clone: Job, since: datetime, **_more: object) -> None:
    scaling_move(job=job, clone=clone, since=since)


job_cloned.connect(copy_scaling, dispatch_uid="elastic.copy")
job_moved.connect(move_scaling, dispatch_uid="elastic.move")
