"""What happens when a scaling's time is up."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.core.errors import TargetBusy
from apps.core.models import Operation
from apps.jobs.models import Job, ScaleExpiry
from apps.jobs.services.actions import job_scale
from apps.jobs.services.expiry import job_lock, lapse
from apps.jobs.services.history import Happening, history_add

log = logging.getLogger(__name__)

EXPIRED = gettext_noop("The time is up: instances go from %(during)s back to %(instances)s.")


def expiries_run(*, now: datetime, limit: int = 200) -> int:
    """Scale back what is due, the oldest first. A job that another operation holds, a publish that holds for days
    perhaps, stands in nobody's way, and has its turn at a later call. Returns how many operations were started."""
    busy = Operation.objects.active().filter(target_type="job").values("target_id")
    free = ScaleExpiry.objects.filter(at__lte=now).exclude(job_id__in=busy)
    due = free.order_by("at", "pk").values_list("pk", "job_id")
    return sum(_run(expiry_id, job_id, now=now) is not None for expiry_id, job_id in due[:limit])


@transaction.atomic
def _run(expiry_id: int, job_id: int, *, now: datetime) -> Operation | None:
    """The operation that scales back, if there is something to scale back still. Its row and the expiry's go in one
    transaction: a killed worker leaves both undone, or both done."""
    job = job_lock(job_id)
    expiry = ScaleExpiry.objects.select_related("job").filter(pk=expiry_id, at__lte=now).first()
    if expiry is None:
        return None
    if job.deleted_at is not None or job.wanted != expiry.during:
        lapse(expiry)
        return None
    try:
        return _scale_back(job, expiry)
    except TargetBusy as exc:
        log.info("expiry_waits", extra={"job": job.tag, "operation": exc.operation.pk})
        return None


@transaction.atomic
def _scale_back(job: Job, expiry: ScaleExpiry) -> Operation:
    key, values = f"expiry:{expiry.pk}", {"during": expiry.during, "instances": expiry.instances}
    expiry.delete()
    operation = job_scale(job=job, instances=values["instances"], by=None, idempotency_key=key)
    history_add(job, Happening("job.scale", f"expired:{key}", EXPIRED, values), operation=operation)
    return operation
