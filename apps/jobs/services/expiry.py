"""Scaling for a time: what is pending is a row, which beat's sweep (`expiry_due`) turns into an ordinary scaling when
it is due. Whoever writes the row holds the job's lock first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.core.errors import FieldError, InvalidInput
from apps.core.live import announce
from apps.jobs.models import Job, JobEvent, ScaleExpiry
from apps.jobs.services.drafts import require_editable
from apps.jobs.services.history import Happening, history_add

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.core.models import Operation

MAX_AHEAD = timedelta(days=30)

BEGUN = gettext_noop("%(during)s instances until %(at)s, then %(instances)s.")
KEPT = gettext_noop("%(who)s keeps the number of instances, %(during)s: it does not go back any more.")
LAPSED = gettext_noop(
    "The number of instances was changed since, so it does not go from %(during)s back to %(instances)s at %(at)s."
)


def check_until(until: datetime | None, *, now: datetime) -> None:
    """Raises InvalidInput for a time that is past, or too far ahead."""
    if until is None:
        return
    if until <= now:
        raise InvalidInput(FieldError("until", "past", _("This time has passed: name a later one.")))
    if until > now + MAX_AHEAD:
        text = _("At most %(days)s days ahead.") % {"days": MAX_AHEAD.days}
        raise InvalidInput(FieldError("until", "too_far", text))


def job_lock(job_id: int) -> Job:
    """The job, locked until the transaction ends. Always before its expiry."""
    return Job.objects.select_for_update(no_key=True).get(pk=job_id)


def expiry_of(job: Job) -> ScaleExpiry | None:
    return ScaleExpiry.objects.filter(job=job).first()


def expiry_write(
    job: Job, operation: Operation, pending: ScaleExpiry | None, *, until: datetime | None, before: int
) -> None:
    """The job, which is locked, was scaled from `before`, for good or `until` a time. For good: what was pending is
    over. For a time: it goes back to what it was before the first such scaling."""
    if until is None:
        if pending is not None:
            lapse(pending, operation=operation)
        return
    words = {"during": job.wanted, "instances": pending.instances if pending else before}
    ScaleExpiry.objects.update_or_create(job=job, defaults={**words, "at": until, "operation": operation})
    happening = Happening("job.scale", f"expiry:{operation.pk}", BEGUN, {**words, "at": _moment(until)})
    history_add(job, happening, operation=operation, actor=operation.requested_by)


def expiry_restore(job: Job, stored: Mapping[str, Any] | None) -> None:
    """The scaling that did away with an expiry was called off: what was pending before is pending again."""
    ScaleExpiry.objects.filter(job=job).delete()
    if stored:
        at = datetime.fromisoformat(stored["at"])
        ScaleExpiry.objects.create(
            job=job, at=at, during=stored["during"], instances=stored["instances"], operation=None
        )


@transaction.atomic
def expiry_keep(*, job: Job, by: User) -> bool:
    """Keep the number of instances: nothing is pending any more. Returns whether something was."""
    require_editable(job, by=by)
    job_lock(job.pk)
    pending = expiry_of(job)
    if pending is None:
        return False
    values = {"who": by.get_username(), "during": pending.during}
    history_add(job, Happening("job.scale", f"expiry-kept:{pending.pk}", KEPT, values), actor=by)
    pending.delete()
    transaction.on_commit(lambda: announce(f"job:{job.pk}", "jobs"), robust=True)
    return True


def lapse(expiry: ScaleExpiry, *, operation: Operation | None = None) -> None:
    """It will not happen: write so, and forget it."""
    values = {"at": _moment(expiry.at), "during": expiry.during, "instances": expiry.instances}
    happening = Happening(
        "job.scale", f"expiry-lapsed:{expiry.pk}", LAPSED, values, level=JobEvent.Level.WARNING
    )
    history_add(
        expiry.job, happening, operation=operation, actor=operation.requested_by if operation else None
    )
    expiry.delete()


def _moment(at: datetime) -> dict[str, str]:
    return {"moment": at.astimezone(timezone.get_default_timezone()).isoformat(timespec="minutes")}
