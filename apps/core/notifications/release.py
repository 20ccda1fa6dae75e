"""Releases messages: at most one for each group and matter within the group's `merge_s`."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.core.live import announce
from apps.core.models import Notification, NotificationChannel, NotificationDelivery, Severity
from apps.core.notifications.telling import RELEASE_TASK
from apps.core.operations.dispatch import send

log = logging.getLogger(__name__)

DELIVER_TASK = "core.deliver_notification"
TEST_KEY = "test"
"""The matter of a message that tries one channel out."""
SWEPT_AT_ONCE = 500


@transaction.atomic
def notification_release(notification_id: int) -> bool:
    """Let the message out if it is due, with a delivery for each of its group's channels that listens to such; else put
    it off until it is. Returns whether it went out. Does nothing for one that went out before.

    The open message of a matter is one row, locked here. The next one can be opened only when this has committed, so
    looking for the last that went out can miss none.
    """
    now = timezone.now()
    found = (
        Notification.objects.select_for_update(of=["self"])
        .select_related("group")
        .filter(pk=notification_id, released_at__isnull=True)
        .first()
    )
    if found is None:
        return False
    due_at = _due_at(found)
    if due_at > now:
        Notification.objects.filter(pk=found.pk).update(due_at=due_at)
        wait_s = (due_at - now).total_seconds()
        transaction.on_commit(
            lambda: send(RELEASE_TASK, notification_id, queue="background", after_s=wait_s), robust=True
        )
        return False
    Notification.objects.filter(pk=found.pk).update(released_at=now)
    listening = [
        channel
        for channel in NotificationChannel.objects.filter(group=found.group, enabled=True)
        if Severity(channel.from_severity).rank <= Severity(found.severity).rank
    ]
    deliveries_start(found, listening)
    log.info(
        "notification_released",
        extra={"notification": found.pk, "group": found.group.name, "key": found.key, "events": found.events},
    )
    return True


def deliveries_start(
    notification: Notification, channels: list[NotificationChannel]
) -> list[NotificationDelivery]:
    """A delivery by each channel, rung for on commit."""
    made = NotificationDelivery.objects.bulk_create(
        NotificationDelivery(notification=notification, channel=channel) for channel in channels
    )
    for delivery in made:
        _ring_delivery(delivery.pk)
    topic = f"notification-group:{notification.group_id}"
    transaction.on_commit(lambda: announce(topic, "notifications"), robust=True)
    return made


def notifications_sweep(*, now: datetime) -> None:
    """Ring again for what is due: a ring that was lost, a delivery whose worker died, a digest that waited."""
    due = Notification.objects.filter(released_at__isnull=True, due_at__lte=now).order_by("due_at")
    for pk in due.values_list("pk", flat=True)[:SWEPT_AT_ONCE]:
        send(RELEASE_TASK, pk, queue="background")
    waiting = NotificationDelivery.objects.claimable(now=now).order_by("wake_at")
    for pk in waiting.values_list("pk", flat=True)[:SWEPT_AT_ONCE]:
        send(DELIVER_TASK, pk, queue="background")


def notifications_prune(*, now: datetime, batch: int = 1000) -> int:
    """Delete what was told more than OCEAN_HISTORY_DAYS ago, oldest first. Returns how many."""
    old = Notification.objects.filter(created_at__lt=now - timedelta(days=settings.OCEAN_HISTORY_DAYS))
    pks = list(old.order_by("created_at").values_list("pk", flat=True)[:batch])
    Notification.objects.filter(pk__in=pks).delete()
    return len(pks)


def _due_at(notification: Notification) -> datetime:
    """When the message may go out: `merge_s` after the last one about the same matter."""
    last = (
        Notification.objects.filter(
            group=notification.group_id, key=notification.key, released_at__isnull=False
        )
        .order_by("-released_at")
        .values_list("released_at", flat=True)
        .first()
    )
    if last is None:
        return notification.created_at
    return last + timedelta(seconds=notification.group.merge_s)


def _ring_delivery(delivery_id: int) -> None:
    transaction.on_commit(lambda: send(DELIVER_TASK, delivery_id, queue="background"), robust=True)
