"""Writing schedules. What a row says is in force from its next slot on; Chronos follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.audit import audit
from apps.core.errors import FieldError, InvalidInput
from apps.core.live import announce
from apps.core.models import Cluster
from apps.core.operations.dispatch import send
from apps.elastic.models import ScalingSchedule, ScheduleBound
from apps.jobs.models import Job
from apps.jobs.services.drafts import require_editable

if TYPE_CHECKING:
    from apps.accounts.models import User

MAX_SCHEDULES = 50
"""Of one job."""
RECONCILE_TASK = "elastic.reconcile_chronos"
_WHEN = {"start", "time_zone", "interval", "enabled"}


@transaction.atomic
def schedule_create(
    *, job: Job, by: User, fields: Mapping[str, Any], repeatable: bool = False
) -> ScalingSchedule:
    """Add a row: `start`, `time_zone`, `interval`, `instances` and what else `ScheduleFields` checked. `repeatable`:
    the very same row of the same person is the answer to the same request, which came before.

    Raises Forbidden without the right, InvalidInput for a cluster without a Chronos, a row that the job has already,
    and one that never comes again."""
    require_editable(job, by=by)
    Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    if repeatable and (earlier := ScalingSchedule.objects.filter(job=job, created_by=by, **fields).first()):
        return earlier
    _require_chronos(job.cluster)
    if ScalingSchedule.objects.filter(job=job).count() >= MAX_SCHEDULES:
        text = _("A job has at most %(max)s schedules.") % {"max": MAX_SCHEDULES}
        raise InvalidInput(FieldError("", "too_many", text))
    schedule = ScalingSchedule(job=job, created_by=by, **fields)
    _plan(schedule)
    _save(schedule)
    audit(by=by, action="schedule.create", object=job.tag, product_line=job.product_line, id=schedule.pk)
    _announce(job)
    return schedule


@transaction.atomic
def schedule_change(*, schedule: ScalingSchedule, by: User, fields: Mapping[str, Any]) -> ScalingSchedule:
    """Change some fields. A changed number counts from the next slot; disabling ends what the row holds now."""
    require_editable(schedule.job, by=by)
    rows = ScalingSchedule.objects.select_related("job__product_line")
    schedule = rows.select_for_update(of=("self",), no_key=True).get(pk=schedule.pk)
    changed = sorted(name for name, value in fields.items() if getattr(schedule, name) != value)
    if not changed:
        return schedule
    for name in changed:
        setattr(schedule, name, fields[name])
    if _WHEN & set(changed):
        _plan(schedule)
    if not schedule.enabled:
        ScheduleBound.objects.filter(schedule=schedule).delete()
    _save(schedule)
    job = schedule.job
    audit(
        by=by,
        action="schedule.change",
        object=job.tag,
        product_line=job.product_line,
        id=schedule.pk,
        fields=changed,
    )
    _announce(job)
    return schedule


@transaction.atomic
def schedule_delete(*, schedule: ScalingSchedule, by: User) -> None:
    """Remove a row and end what it holds now; what it did stays in the history."""
    job = schedule.job
    require_editable(job, by=by)
    audit(by=by, action="schedule.delete", object=job.tag, product_line=job.product_line, id=schedule.pk)
    schedule.delete()
    _announce(job)


@transaction.atomic
def schedule_token_revoke(*, schedule: ScalingSchedule, by: User) -> None:
    """Revoke the token that the schedule's Chronos job has; the new one goes there at once."""
    require_editable(schedule.job, by=by)
    ScalingSchedule.objects.filter(pk=schedule.pk).update(token_generation=F("token_generation") + 1)
    job = schedule.job
    audit(by=by, action="schedule.revoke", object=job.tag, product_line=job.product_line, id=schedule.pk)
    _announce(job)


def _plan(schedule: ScalingSchedule) -> None:
    """Note its next slot. Raises InvalidInput where an enabled schedule has none left."""
    now = timezone.now()
    schedule.next_at = schedule.next_slot(now=now)
    schedule.chronos, schedule.chronos_error = ScalingSchedule.Chronos.PENDING, ""
    if schedule.enabled and schedule.next_at is None:
        raise InvalidInput(
            FieldError("start", "in_the_past", _("This time has passed, and there is no interval."))
        )


def _save(schedule: ScalingSchedule) -> None:
    try:
        with transaction.atomic():
            schedule.save()
    except IntegrityError as exc:
        if "schedule_slots_once" not in str(exc):
            raise
        text = _("The job has a schedule with this start, interval and time zone already.")
        raise InvalidInput(FieldError("start", "unique", text)) from exc


def _require_chronos(cluster: Cluster) -> None:
    if not cluster.chronos_urls:
        text = _("The cluster %(name)s has no Chronos, which rings for schedules.") % {"name": cluster.name}
        raise InvalidInput(FieldError("", "no_chronos", text))


def _announce(job: Job) -> None:
    """Tell open pages, and let a worker tell Chronos, once this is committed."""
    cluster_id, topics = job.cluster_id, (f"job:{job.pk}", "schedules")
    transaction.on_commit(lambda: announce(*topics), robust=True)
    transaction.on_commit(lambda: send(RECONCILE_TASK, cluster_id, queue="background"), robust=True)
