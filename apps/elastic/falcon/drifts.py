"""The drift of a job's template: what its buttons do."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.core.drift import Action, DriftKind
from apps.core.models import Drift
from apps.core.operations.dispatch import send
from apps.elastic.falcon.reconcile import KIND
from apps.jobs.models import Job

REAPPLY_TASK = "elastic.reapply_falcon"


def fix(drift: Drift, action: Action) -> None:
    """Have a worker put the job's template back."""
    job = Job.objects.filter(tag=drift.object).first()
    if job is not None:
        job_id = job.pk
        transaction.on_commit(lambda: send(REAPPLY_TASK, job_id, queue="background"), robust=True)


FALCON_DRIFT = DriftKind(KIND, _("Template in Falcon"), ("reapply",), fix)
