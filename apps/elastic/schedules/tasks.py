"""Celery's door to scheduled scaling."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from apps.core.models import Cluster
from apps.elastic.models import ScalingSchedule, ScheduleRun
from apps.elastic.schedules.effects import effects_put_off, effects_run
from apps.elastic.schedules.misfires import misfires_run
from apps.elastic.schedules.reconcile import chronos_reconcile
from apps.elastic.schedules.services import RECONCILE_TASK
from apps.elastic.schedules.settling import EFFECTS_TASK, SETTLE_TASK, runs_due_settle
from clients.errors import RemoteError

log = logging.getLogger(__name__)


@shared_task(name=SETTLE_TASK, time_limit=60)
def settle_schedules(rung_by: int) -> None:
    """The time has come that a ring was for."""
    runs_due_settle(now=timezone.now())


@shared_task(name=EFFECTS_TASK, time_limit=60)
def run_schedule_effects(first: int) -> None:
    effects_run(now=timezone.now(), first=first)


@shared_task(name="elastic.watch_schedules", time_limit=30)
def watch_schedules() -> None:
    """What a worker forgot, what nobody rang for, and what still waits for its job."""
    runs_due_settle(now=timezone.now())
    misfires_run(now=timezone.now())
    effects_run(now=timezone.now())
    effects_put_off()


@shared_task(name=RECONCILE_TASK, time_limit=280)
def reconcile_chronos(cluster_id: int) -> None:
    """A Chronos that is away is noted, and looked at again by the timer."""
    cluster = Cluster.objects.get(pk=cluster_id)
    try:
        chronos_reconcile(cluster, now=timezone.now())
    except RemoteError as exc:
        log.warning("chronos_not_reconciled", extra={"cluster": cluster.name, "error": str(exc)})


@shared_task(name="elastic.reconcile_every_chronos", time_limit=20)
def reconcile_every_chronos() -> None:
    """One task for each, so that one that is slow holds up no other."""
    for cluster_id in Cluster.objects.filter(enabled=True).values_list("pk", flat=True):
        reconcile_chronos.apply_async((cluster_id,), queue="background", expires=25, ignore_result=True)


@shared_task(name="elastic.prune_schedule_runs", time_limit=280)
def prune_schedule_runs() -> None:
    """Records older than OCEAN_HISTORY_DAYS, oldest first. Schedules of deleted jobs are due no more, so that who looks
    for what is due does not come across them for ever."""
    ScalingSchedule.objects.filter(job__deleted_at__isnull=False, next_at__isnull=False).update(next_at=None)
    old = ScheduleRun.objects.filter(at__lt=timezone.now() - timedelta(days=settings.OCEAN_HISTORY_DAYS))
    while pks := list(old.order_by("at").values_list("pk", flat=True)[:5000]):
        ScheduleRun.objects.filter(pk__in=pks).delete()
