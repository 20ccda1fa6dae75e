"""A decision becomes an operation, once: its row and the operation's are one transaction, and the key is the row's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import translation

from apps.core.errors import DomainError, TargetBusy
from apps.core.models import MAX_REASON, Operation
from apps.elastic.models import ScalingDecision
from apps.elastic.words import decision_text
from apps.jobs.models import Job
from apps.jobs.services import job_scale

if TYPE_CHECKING:
    from apps.accounts.models import User

log = logging.getLogger(__name__)


def enact(decision: ScalingDecision, *, agent: User) -> Operation | None:
    """Ask for the number that was decided. None where the job cannot take it now: another operation holds it, or it is
    not what it was when the number was decided."""
    try:
        with transaction.atomic():
            job = Job.objects.select_related("product_line", "cluster").get(pk=decision.job_id)
            decision.acted = True
            operation = job_scale(
                job=job,
                instances=decision.wanted,
                by=None,
                agent=agent,
                idempotency_key=f"scaling:{decision.pk}",
                reason=_reason(decision),
            )
            decision.operation = operation
            decision.save(update_fields=["acted", "operation"])
    except TargetBusy as exc:
        log.info("scaling_waits", extra={"job": decision.job_id, "operation": exc.operation.pk})
    except (DomainError, Job.DoesNotExist) as exc:
        log.warning("scaling_refused", extra={"job": decision.job_id, "error": str(exc)})
    else:
        log.info(
            "scaling_acts",
            extra={
                "job": decision.job_id,
                "instances": decision.instances,
                "wanted": decision.wanted,
                "verdict": decision.verdict,
                "operation": operation.pk,
            },
        )
        return operation
    decision.acted = False
    return None


def _reason(decision: ScalingDecision) -> str:
    """English, as what people write is kept as they wrote it, too."""
    with translation.override("en"):
        text = decision_text(decision)
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"
