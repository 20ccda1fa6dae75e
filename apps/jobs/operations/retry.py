"""Starting at once what the scheduler holds back after failures."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.kinds import Done, Failed, Outcome
from apps.jobs.masking import job_engine
from apps.jobs.mirror.apply import state_refresh
from apps.jobs.models import Job
from apps.jobs.services.history import Happening, history_add
from apps.jobs.services.retry import RETRY
from engines.base import WorkloadId

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TRIED = gettext_noop("What was held back is started at once.")
NEVER_ASKED = gettext_noop("The scheduler could not be asked in time.")


class Retry:
    """Clear the scheduler's back-off. Doing it twice is harmless, so it is one step and remembers nothing."""

    name = RETRY
    label: StrOrPromise = _("try again")
    queue = "operations"
    deadline = timedelta(minutes=2)

    def step(self, operation: Operation) -> Outcome:
        job = Job.objects.select_related("cluster").get(pk=operation.target_id)
        job_engine(job).clear_backoff(WorkloadId(job.workload_id))
        return Done(TRIED)

    def deadline_passed(self, operation: Operation) -> Outcome:
        return Failed(NEVER_ASKED)

    def ended(self, operation: Operation, outcome: Outcome) -> None:
        state_refresh(operation.target_id)
        if isinstance(outcome, Done):
            job = Job.objects.get(pk=operation.target_id)
            happening = Happening(operation.kind, f"operation:{operation.pk}", outcome.message)
            history_add(job, happening, operation=operation, actor=operation.requested_by)


KINDS = (Retry(),)
