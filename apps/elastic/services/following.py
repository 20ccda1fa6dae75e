"""A job's scaling goes where the job goes: moved with one that migrates, copied to a clone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.core.live import announce
from apps.core.models import NotificationGroup
from apps.core.operations.dispatch import send
from apps.elastic.falcon.hints import mark
from apps.elastic.models import FalconEntry, ScalingPolicy, ScalingSchedule, ScheduleBound, ScheduleRun
from apps.elastic.policies import policy_body
from apps.elastic.schedules.services import RECONCILE_TASK, schedule_create
from apps.elastic.schedules.settling import SETTLE_LOCK
from apps.elastic.services.policies import policy_set
from apps.jobs.models import Job

if TYPE_CHECKING:
    from apps.accounts.models import User

_COPIED = ("start", "time_zone", "interval", "instances", "kind", "misfire", "enabled", "note")


@transaction.atomic
def scaling_move(*, job: Job, clone: Job, since: datetime) -> None:
    """Give `clone` the policy of `job`, with what was learned, and its schedules, with what they hold now. What the
    clone has from before `since` makes room, what somebody set there later stays. Decisions and runs of the past stay
    with the job that they were of; Falcon and Chronos of both clusters follow."""
    with connection.cursor() as cursor:  # no slot is made real in between
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [SETTLE_LOCK])
    _move_policy(job, clone, since=since)
    _move_schedules(job, clone, since=since)
    _follow(job, clone)


def _move_policy(job: Job, clone: Job, *, since: datetime) -> None:
    policy = ScalingPolicy.objects.filter(job=job).first()
    if policy is None or ScalingPolicy.objects.filter(job=clone, updated_at__gte=since).exists():
        return
    ScalingPolicy.objects.filter(job=clone).delete()
    ScalingPolicy.objects.filter(pk=policy.pk).update(job=clone)
    FalconEntry.objects.filter(policy=policy).delete()  # of the other cluster's Falcon


def _move_schedules(job: Job, clone: Job, *, since: datetime) -> None:
    schedules = ScalingSchedule.objects.filter(job=job)
    if not schedules.exists():
        return
    ScalingSchedule.objects.filter(job=clone, created_at__lt=since).delete()
    same = ScalingSchedule.objects.filter(
        job=clone, start=OuterRef("start"), time_zone=OuterRef("time_zone"), interval=OuterRef("interval")
    )
    moved = list(schedules.exclude(Exists(same)).values_list("pk", flat=True))
    ScalingSchedule.objects.filter(pk__in=moved).update(
        job=clone, chronos=ScalingSchedule.Chronos.PENDING, chronos_error=""
    )
    coming = (ScheduleRun.State.RUNG, ScheduleRun.State.WAITING)
    ScheduleRun.objects.filter(schedule__in=moved, job=job, state__in=coming).update(job=clone)
    if not ScheduleBound.objects.filter(job=clone).exists():
        ScheduleBound.objects.filter(job=job, schedule__in=moved).update(job=clone)


def _follow(job: Job, clone: Job) -> None:
    """Once this is committed."""
    job_ids, cluster_ids = {job.pk, clone.pk}, {job.cluster_id, clone.cluster_id}
    topics = ["schedules", *(f"{name}:{job_id}" for job_id in job_ids for name in ("job", "scaling"))]

    def follow() -> None:
        mark(job_ids)
        for cluster_id in cluster_ids:
            send(RECONCILE_TASK, cluster_id, queue="background")
        announce(*topics)

    transaction.on_commit(follow, robust=True)


@transaction.atomic
def scaling_copy(*, job: Job, clone: Job, by: User) -> None:
    """Give `clone` a policy and schedules like those of `job`. Groups of another product line are left out, and
    schedules that never come again.

    Raises InvalidInput for what cannot be there: more than the quota, a cluster without a Chronos."""
    policy = ScalingPolicy.objects.filter(job=job).first()
    if policy is not None:
        fields: dict[str, Any] = {**policy_body(policy), "notify": _groups(policy, clone)}
        del fields["version"]
        policy_set(job=clone, fields=fields, by=by)
    now = timezone.now()
    for schedule in ScalingSchedule.objects.filter(job=job).order_by("pk"):
        if schedule.rule.next_after(now) is not None:
            copied = {name: getattr(schedule, name) for name in _COPIED}
            schedule_create(job=clone, by=by, fields=copied)


def _groups(policy: ScalingPolicy, clone: Job) -> list[str]:
    theirs = Q(product_line__isnull=True) | Q(product_line=clone.product_line)
    known = set(
        NotificationGroup.objects.filter(theirs, name__in=policy.notify).values_list("name", flat=True)
    )
    return [name for name in policy.notify if name in known]
