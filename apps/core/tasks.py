"""Celery's door to operations and notifications: thin, by name, arguments are names and ids only."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from apps.core.models import Heartbeat
from apps.core.notifications import delivery, release
from apps.core.operations import runner, services


@shared_task(
    name="core.run_operations",
    soft_time_limit=runner.STEP_LIMIT_S,
    time_limit=runner.STEP_LIMIT_S + 3,
)
def run_operations(queue: str) -> None:
    runner.run_due(queue)


@shared_task(name="core.sweep_operations", time_limit=20)
def sweep_operations() -> None:
    runner.sweep(now=timezone.now())


@shared_task(name="core.heartbeat", time_limit=10)
def heartbeat() -> None:
    """Proves in one row that beat, the broker, a worker and the database work together."""
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": timezone.now()})


@shared_task(name="core.release_notification", time_limit=20)
def release_notification(notification_id: int) -> None:
    release.notification_release(notification_id)


@shared_task(
    name="core.deliver_notification",
    soft_time_limit=delivery.SEND_LIMIT_S,
    time_limit=delivery.SEND_LIMIT_S + 5,
)
def deliver_notification(delivery_id: int) -> None:
    delivery.delivery_run(delivery_id)


@shared_task(name="core.sweep_notifications", time_limit=20)
def sweep_notifications() -> None:
    release.notifications_sweep(now=timezone.now())


@shared_task(name="core.prune_history", time_limit=280)
def prune_history() -> None:
    now = timezone.now()
    while services.history_prune(now=now) or release.notifications_prune(now=now):
        pass
