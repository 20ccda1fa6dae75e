"""Trying again at once what the scheduler holds back after failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Operation
from apps.core.operations.services import Intent
from apps.jobs.models import Job
from apps.jobs.services.actions import Ask
from apps.jobs.services.drafts import require_editable

if TYPE_CHECKING:
    from apps.accounts.models import User

RETRY = "job.retry"


@transaction.atomic
def job_retry(*, job: Job, by: User, idempotency_key: str = "", reason: str = "") -> Operation:
    """Start instances that are held back after failures now, and forget the delay that has grown.

    Source: Marathon REST, DELETE /v2/queue/{id}/delay."""
    require_editable(job, by=by)
    ask = Ask(job, Intent(RETRY, by, {}, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    if not job.is_published:
        text = _("The job has not been published yet: publish it first.")
        raise InvalidInput(FieldError("", "not_published", text))
    return ask.start()
