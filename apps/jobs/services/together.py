"""Publishing and scaling many jobs at once: the same as one by one, in a number of statements that does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.accounts.rights import Right, lines_with
from apps.core.errors import DomainError, TargetBusy
from apps.core.models import Operation
from apps.core.operations.services import Intent, Wish, check_reason, operations_start
from apps.jobs.models import Job, JobVersion, ScaleExpiry
from apps.jobs.services.actions import (
    PUBLISH,
    SCALE,
    STOP,
    holds_by_own,
    job_scale,
    known_version,
    publish_asked,
    publish_intent,
    publish_plan,
    publish_strategy,
    require_scalable,
    scale_intent,
    scale_kind,
    scale_plan,
    target_of,
)
from apps.jobs.services.drafts import require_editable

if TYPE_CHECKING:
    from apps.accounts.models import User


def jobs_lock(job_ids: Iterable[int]) -> dict[int, Job]:
    """Those of these jobs that there are, as they are now, with product line and cluster; locked, in everybody's order,
    until the transaction ends."""
    jobs = Job.objects.filter(pk__in=list(job_ids)).select_related("product_line", "cluster").order_by("pk")
    return {job.pk: job for job in jobs.select_for_update(of=("self",), no_key=True)}


@dataclass(frozen=True, slots=True)
class Publish:
    """What a job is asked for. `job` comes from `jobs_lock`."""

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
    _intend_publish([publish.job for publish in publishes], started)
    return [refused.get(publish.job.pk) or started[publish.job.pk] for publish in publishes]


@dataclass(frozen=True, slots=True)
class Scale:
    """The number that a job is asked for. `job` comes from `jobs_lock`."""

    job: Job
    instances: int
    idempotency_key: str
    reason: str = ""


def jobs_scale(scales: Sequence[Scale], *, agent: User | None = None) -> list[Operation | DomainError]:
    """See `job_scale`: the platform's own decisions, at most one for a job. Of each its operation, or the error that
    `job_scale` would raise. Those with more to it are asked for alone: that take over from the agent's own scaling, or
    do away with a number until a time."""
    jobs = [scale.job for scale in scales]
    expiring = set(ScaleExpiry.objects.filter(job__in=jobs).values_list("job_id", flat=True))
    found: dict[int, Operation | DomainError] = {}
    alone: list[Scale] = []
    wishes: dict[str, list[Wish]] = {SCALE: [], STOP: []}
    for scale in scales:
        if scale.job.pk in expiring:
            alone.append(scale)
            continue
        try:
            wishes[scale_kind(scale.instances)].append(_scale_wish(scale, agent=agent))
        except DomainError as exc:
            found[scale.job.pk] = exc
    for some in wishes.values():
        found.update(zip((wish.target.id for wish in some), operations_start(some), strict=True))
    _intend_scale(jobs, found)
    for scale in scales:
        answer = found.get(scale.job.pk)
        if isinstance(answer, TargetBusy) and holds_by_own(answer.operation, agent):
            alone.append(scale)
    for scale in alone:
        found[scale.job.pk] = _scale_alone(scale, agent=agent)
    return [found[scale.job.pk] for scale in scales]


def _scale_wish(scale: Scale, *, agent: User | None) -> Wish:
    """Raises what `job_scale` would."""
    job, instances = scale.job, scale.instances
    require_scalable(job, instances)
    check_reason(scale.reason)
    asked = {"instances": instances}
    intent = Intent(scale_kind(instances), agent, asked, scale.idempotency_key, scale.reason)
    return Wish(target_of(job), intent, scale_plan(job, instances=instances))


def _scale_alone(scale: Scale, *, agent: User | None) -> Operation | DomainError:
    try:
        return job_scale(
            job=scale.job,
            instances=scale.instances,
            by=None,
            agent=agent,
            idempotency_key=scale.idempotency_key,
            reason=scale.reason,
        )
    except DomainError as exc:
        return exc


def _intend_publish(jobs: Sequence[Job], started: Mapping[int, Operation | DomainError]) -> None:
    now, changed = timezone.now(), []
    for job, operation in _begun(jobs, started):
        if job.state != Job.State.DEPLOYING:
            job.state_since = now
        for name, value in publish_intent(operation).items():
            setattr(job, name, value)
        changed.append(job)
    _write(changed, "wanted", "target_version", "state", "state_since")


def _intend_scale(jobs: Sequence[Job], started: Mapping[int, Operation | DomainError]) -> None:
    changed = []
    for job, operation in _begun(jobs, started):
        for name, value in scale_intent(job, operation).items():
            setattr(job, name, value)
        changed.append(job)
    _write(changed, "wanted", "wanted_before_stop")


def _begun(
    jobs: Sequence[Job], started: Mapping[int, Operation | DomainError]
) -> Iterable[tuple[Job, Operation]]:
    """What they bring about is what is wanted from now on. Not again for a repeated key."""
    for job in jobs:
        operation = started.get(job.pk)
        if not isinstance(operation, Operation) or operation.after_id is not None:
            continue
        if operation.state == Operation.State.QUEUED and not operation.attempts:
            yield job, operation


def _write(jobs: Sequence[Job], *fields: str) -> None:
    Job.objects.bulk_create(jobs, update_conflicts=True, unique_fields=["id"], update_fields=fields)
