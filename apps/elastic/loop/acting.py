"""Turns decisions into operations, exactly once: both are written in one transaction, and the idempotency key of each
operation is the id of its decision's row."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Exists, Q
from django.utils import translation

from apps.core.errors import DomainError, TargetBusy
from apps.core.models import MAX_REASON, Operation
from apps.elastic.models import ScalingDecision, ScalingPause, ScalingPolicy
from apps.elastic.words import decision_text
from apps.jobs.services import Scale, jobs_lock, jobs_scale

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.jobs.models import Job

log = logging.getLogger(__name__)

_ENACTED = """
UPDATE elastic_scalingdecision AS row
   SET acted = new.operation_id IS NOT NULL, operation_id = new.operation_id, values = new.values::jsonb
  FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS new (id, operation_id, values)
 WHERE row.id = new.id
"""


@dataclass(frozen=True, slots=True)
class Order:
    """A decision to be carried out. `had`: the job's number when it was made; `version`: the policy's."""

    decision: ScalingDecision
    had: int
    version: int


@transaction.atomic
def enact(orders: Sequence[Order], *, agent: User, now: datetime) -> list[Operation | None]:
    """Ask for the numbers that were decided, each of another job. A fixed number of statements.

    None where it is not asked for: the decision `waits` while another operation holds the job, and is `overtaken` where
    the job or its policy is not what it was, as somebody scaled, stopped or deleted it, or changed, paused or removed
    the policy. What a person has asked for by then stands.
    """
    decisions = [order.decision for order in orders]
    jobs = jobs_lock(decision.job_id for decision in decisions)
    versions = _versions(jobs, now=now)
    asked = [
        order.decision
        for order in orders
        if _stands(order, jobs.get(order.decision.job_id), versions.get(order.decision.job_id))
    ]
    for decision in asked:
        decision.acted = True  # its words say so
    scales = [
        Scale(jobs[decision.job_id], decision.wanted, f"scaling:{decision.pk}", _reason(decision))
        for decision in asked
    ]
    answers = {
        scale.job.pk: answer for scale, answer in zip(scales, jobs_scale(scales, agent=agent), strict=True)
    }
    operations = []
    for decision in decisions:
        answer = answers.get(decision.job_id)
        operation = answer if isinstance(answer, Operation) else None
        operations.append(operation)
        decision.acted, decision.operation = operation is not None, operation
        if operation is None:
            decision.values["overtaken" if answer is None else "waits"] = True
        if isinstance(answer, DomainError) and not isinstance(answer, TargetBusy):
            log.warning("scaling_refused", extra={"job": decision.job_id, "error": str(answer)})
    _write(decisions)
    busy = sum(isinstance(answer, TargetBusy) for answer in answers.values())
    overtaken = len(decisions) - len(asked)
    log.info("scaling_acts", extra={"jobs": len(decisions), "busy": busy, "overtaken": overtaken})
    return operations


def _versions(job_ids: Iterable[int], *, now: datetime) -> dict[int, int]:
    """Of these jobs' policies those that may change something now, with their version."""
    paused = ScalingPause.objects.filter(until__gt=now)
    policies = ScalingPolicy.objects.filter(~Exists(paused), job__in=list(job_ids), enabled=True)
    policies = policies.filter(Q(paused_until__isnull=True) | Q(paused_until__lte=now), advise_only=False)
    return dict(policies.values_list("job_id", "version"))


def _stands(order: Order, job: Job | None, version: int | None) -> bool:
    if job is None or job.deleted_at is not None or version != order.version:
        return False
    return job.wanted in (order.had, order.decision.instances, order.decision.wanted)


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
