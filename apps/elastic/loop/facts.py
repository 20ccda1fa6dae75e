"""What a tick reads: all jobs that a policy scales, in a fixed number of queries, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, Sum

from apps.accounts.models import ProductLine
from apps.core.models import Operation
from apps.elastic.models import ScalingPause, ScalingPolicy
from apps.elastic.schedules.bounds import Bound
from apps.elastic.schedules.selectors import schedule_bounds
from apps.jobs.models import Instance, Job, JobVersion, ScaleExpiry
from apps.jobs.services.actions import SCALE

APPROVED_FOR = timedelta(minutes=10)
"""An approval that the loop could not use by then is over."""
SERVING_STATES = (Instance.State.RUNNING,)


class Fact(NamedTuple):
    """One job as the mirror has it, and its policy's moving parts."""

    policy_id: int
    job_id: int
    version: int
    paused_until: datetime | None
    approved: int | None
    approved_at: datetime | None
    cluster_id: int
    line_id: int
    target_version: int | None
    wanted: int
    running: int
    healthy: int
    staging: int

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """What changes when its instances do."""
        return (self.wanted, self.running, self.healthy, self.staging)

    def approved_down_to(self, *, now: datetime) -> int | None:
        if self.approved_at is None or now - self.approved_at > APPROVED_FOR:
            return None
        return self.approved


_COLUMNS = (
    "pk", "job_id", "version", "paused_until", "state__approved", "state__approved_at", "job__cluster_id",
    "job__product_line_id", "job__target_version", "job__wanted", "job__running", "job__healthy", "job__staging",
)  # fmt: skip


class Held(NamedTuple):
    """The operation that holds a job, or waits in line for it: what number it brings about, and whether it is the
    loop's own scaling."""

    is_ours: bool
    instances: int | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What bounds the jobs beside their policies."""

    held: Mapping[int, Held] = field(default_factory=dict)
    until: Mapping[int, int] = field(default_factory=dict)
    """Instances that a person asked for until a time, by job."""
    scheduled: Mapping[int, Bound] = field(default_factory=dict)
    """What schedules hold a job to."""
    quota_left: dict[int, int] = field(default_factory=dict)
    """Instances that a product line may have beside those it has and those that were asked for; lines without a quota
    are not here. Who decides takes from it: many jobs may grow at once."""
    all_paused: bool = False


def read_facts(*, only: Collection[int] | None = None) -> list[Fact]:
    """The jobs with an enabled policy; `only` those with these ids."""
    policies = ScalingPolicy.objects.filter(
        enabled=True, job__deleted_at__isnull=True, job__cluster__enabled=True
    )
    if only is not None:
        policies = policies.filter(job__in=only)
    return [Fact(*row) for row in policies.order_by("job_id").values_list(*_COLUMNS)]


def read_surroundings(
    facts: Collection[Fact], *, agent_id: int, now: datetime, only: Collection[int] | None = None
) -> Surroundings:
    """`only`: as `read_facts` was asked."""
    line_ids = {fact.line_id for fact in facts}
    held = _held(agent_id)
    return Surroundings(
        held=held,
        scheduled=schedule_bounds(only, now),
        until=dict(
            ScaleExpiry.objects.filter(job__scaling__enabled=True, at__gt=now).values_list("job", "during")
        ),
        quota_left=_quota_left(line_ids, held),
        all_paused=ScalingPause.objects.filter(until__gt=now).exists(),
    )


def _held(agent_id: int) -> dict[int, Held]:
    """Of several of a job, the one that waits in line is the newest."""
    rows = (
        Operation.objects.filter(target_type="job", state__in=Operation.ACTIVE_STATES)
        .order_by("pk")
        .values_list("target_id", "kind", "requested_by_id", "parameters__instances")
    )
    found: dict[int, Held] = {}
    for job_id, kind, by, instances in rows:
        is_ours = kind == SCALE and by == agent_id
        before = found.get(job_id)
        found[job_id] = Held(is_ours and (before is None or before.is_ours), instances if is_ours else None)
    return found


def _quota_left(line_ids: set[int], held: Mapping[int, Held]) -> dict[int, int]:
    quotas = dict(
        ProductLine.objects.filter(pk__in=line_ids, scaling_quota__isnull=False).values_list(
            "pk", "scaling_quota"
        )
    )
    if not quotas:
        return {}
    jobs = Job.objects.alive().filter(product_line__in=list(quotas)).order_by()
    used = dict(jobs.values_list("product_line").annotate(used=Sum("wanted")))
    asked = {job_id: one.instances for job_id, one in held.items() if one.instances is not None}
    for job_id, line_id, wanted in jobs.filter(pk__in=asked).values_list("pk", "product_line", "wanted"):
        used[line_id] += max(0, asked[job_id] - wanted)
    return {line_id: max(0, (quota or 0) - used.get(line_id, 0)) for line_id, quota in quotas.items()}


def read_endpoints(job_ids: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The task ids of the jobs' running instances; a job that has none is not here."""
    rows = (
        Instance.objects.filter(job__in=list(job_ids), state__in=SERVING_STATES)
        .order_by()
        .values("job_id")
        .annotate(tasks=ArrayAgg("task_id"))
        .values_list("job_id", "tasks")
    )
    return {job_id: tuple(sorted(tasks)) for job_id, tasks in rows}


class Size(NamedTuple):
    """What one instance asks for."""

    cpus: float
    memory_mib: float


def read_sizes(versions: Mapping[int, int]) -> dict[int, Size]:
    """Of each job the size of an instance of this version."""
    if not versions:
        return {}
    rows = JobVersion.objects.filter(job__in=list(versions)).values_list(
        "job_id", "number", "spec__cpus", "spec__memory_mib"
    )
    return {
        job_id: Size(_number(cpus), _number(memory))
        for job_id, number, cpus, memory in rows
        if versions[job_id] == number
    }


def _number(value: object) -> float:
    """As versions were written by people and other releases, too."""
    return float(value) if isinstance(value, (int, float)) else 0.0


def read_manual(
    job_ids: Collection[int], *, agent_id: int, since: datetime
) -> dict[int, tuple[int, datetime]]:
    """Of each job the last number that somebody else asked for, and when."""
    rows = (
        Operation.objects.filter(target_type="job", target_id__in=job_ids, kind=SCALE, created_at__gte=since)
        .exclude(Q(requested_by=agent_id) | Q(requested_by__isnull=True))
        .exclude(state__in=[Operation.State.FAILED, Operation.State.CANCELLED])
        .order_by("pk")
        .values_list("target_id", "parameters__instances", "created_at")
    )
    return {job_id: (instances, at) for job_id, instances, at in rows if instances is not None}
