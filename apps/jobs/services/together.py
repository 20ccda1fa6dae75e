"""Publishing many jobs at once: the same as one by one, in a number of statements that does not grow with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.accounts.rights import Right, lines_with
from apps.core.errors import DomainError
from apps.core.models import Operation
from apps.core.operations.services import Intent, Wish, operations_start
from apps.jobs.models import Job, JobVersion
from apps.jobs.services.actions import (
    PUBLISH,
    known_version,
    publish_asked,
    publish_intent,
    publish_plan,
    publish_strategy,
    target_of,
)
from apps.jobs.services.drafts import require_editable

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class Publish:
    """What a job is asked for. `job` is locked, with its product line and cluster, and as it is now."""

    job: Job
    version: int
    strategy: Mapping[str, Any] | None
    idempotency_key: str


class _Known:
    """What is read for all of them."""

    def __init__(self, publishes: Sequence[Publish], *, by: User) -> None:
        jobs = [publish.job for publish in publishes]
        self.by = by
        lines = {job.product_line_id for job in jobs}
        may = lines_with(by, Right.CHANGE).filter(pk__in=lines)
        self._editable = set(may.values_list("pk", flat=True))
        numbers = {publish.version for publish in publishes} | {job.target_version or 0 for job in jobs}
        versions = JobVersion.objects.filter(job__in=jobs, number__in=numbers)
        self._versions = {(row.job_id, row.number): row for row in versions}

    def wish(self, publish: Publish, *, reason: str) -> Wish:
        """Raises what `job_publish` would."""
        job = publish.job
        if job.product_line_id not in self._editable or job.managed_by:
            require_editable(job, by=self.by)
        row = known_version(job, publish.version, self._versions.get((job.pk, publish.version)))
        before = self._versions.get((job.pk, job.target_version or 0))
        asked = publish_asked(publish.version, publish.strategy)
        return Wish(
            target_of(job),
            Intent(PUBLISH, self.by, asked, publish.idempotency_key, reason),
            {
                "version": row.number,
                "strategy": publish_strategy(row.spec, publish.strategy),
                **publish_plan(job, version=row, before=before),
            },
        )


def jobs_publish(publishes: Sequence[Publish], *, by: User, reason: str) -> list[Operation | DomainError]:
    """See `job_publish`. Of each its operation, or the error that `job_publish` would raise."""
    known = _Known(publishes, by=by)
    refused: dict[int, DomainError] = {}
    wishes: list[Wish] = []
    for publish in publishes:
        try:
            wishes.append(known.wish(publish, reason=reason))
        except DomainError as exc:
            refused[publish.job.pk] = exc
    started = dict(zip((wish.target.id for wish in wishes), operations_start(wishes), strict=True))
    _intend([publish.job for publish in publishes], started)
    return [refused.get(publish.job.pk) or started[publish.job.pk] for publish in publishes]


def _intend(jobs: Sequence[Job], started: Mapping[int, Operation | DomainError]) -> None:
    """What they bring about is what is wanted from now on. Not again for a repeated key."""
    now, changed = timezone.now(), []
    for job in jobs:
        operation = started.get(job.pk)
        if not isinstance(operation, Operation):
            continue
        if operation.state != Operation.State.QUEUED or operation.attempts:
            continue
        if job.state != Job.State.DEPLOYING:
            job.state_since = now
        for name, value in publish_intent(operation).items():
            setattr(job, name, value)
        changed.append(job)
    fields = ["wanted", "target_version", "state", "state_since"]
    Job.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=fields)
