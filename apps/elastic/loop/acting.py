"""Decisions become operations, once: their rows and the operations' are one transaction, and a key is its row's."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import translation

from apps.core.errors import TargetBusy
from apps.core.models import MAX_REASON, Operation
from apps.elastic.models import ScalingDecision
from apps.elastic.words import decision_text
from apps.jobs.services import Scale, jobs_lock, jobs_scale

if TYPE_CHECKING:
    from apps.accounts.models import User

log = logging.getLogger(__name__)

_ENACTED = """
UPDATE elastic_scalingdecision AS row
   SET acted = new.operation_id IS NOT NULL, operation_id = new.operation_id, values = new.values::jsonb
  FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS new (id, operation_id, values)
 WHERE row.id = new.id
"""


@transaction.atomic
def enact(decisions: Sequence[ScalingDecision], *, agent: User) -> list[Operation | None]:
    """Ask for the numbers that were decided, each of another job. None where a job cannot take it now: another
    operation holds it, or it is not what it was when the number was decided. A fixed number of statements."""
    jobs = jobs_lock(decision.job_id for decision in decisions)
    asked = [decision for decision in decisions if decision.job_id in jobs]
    for decision in asked:
        decision.acted = True  # its words say so
    scales = [
        Scale(jobs[decision.job_id], decision.wanted, f"scaling:{decision.pk}", _reason(decision))
        for decision in asked
    ]
    answers = {
        scale.job.pk: answer for scale, answer in zip(scales, jobs_scale(scales, agent=agent), strict=True)
    }
    busy, operations = 0, []
    for decision in decisions:
        answer = answers.get(decision.job_id)
        operation = answer if isinstance(answer, Operation) else None
        operations.append(operation)
        decision.acted, decision.operation = operation is not None, operation
        if operation is None:
            decision.values["waits"] = True
        if isinstance(answer, TargetBusy):
            busy += 1
        elif operation is None:
            log.warning("scaling_refused", extra={"job": decision.job_id, "error": str(answer or "gone")})
    _write(decisions)
    log.info("scaling_acts", extra={"jobs": len(decisions), "busy": busy})
    return operations


def _write(decisions: Sequence[ScalingDecision]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _ENACTED,
            [
                [decision.pk for decision in decisions],
                [decision.operation_id for decision in decisions],
                [json.dumps(decision.values) for decision in decisions],
            ],
        )


def _reason(decision: ScalingDecision) -> str:
    """English, as what people write is kept as they wrote it, too."""
    with translation.override("en"):
        text = decision_text(decision)
    return text if len(text) <= MAX_REASON else f"{text[: MAX_REASON - 1]}…"
