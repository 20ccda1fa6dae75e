"""Sending one message by one channel, in a worker. A worker that is killed half-way leaves a row that another takes up;
those whom the message reached are written down one by one, so that at most one of them gets it twice."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import F
from django.utils import timezone

from apps.core.live import announce
from apps.core.models import NotificationChannel, NotificationDelivery
from apps.core.notifications.channels import kind_of
from apps.core.notifications.channels.base import Outgoing
from apps.core.notifications.release import DELIVER_TASK, TEST_KEY
from apps.core.operations.dispatch import send
from clients.chat import Unusable
from clients.errors import ProtocolError, Refused, RemoteError, Unauthorized, Unavailable

log = logging.getLogger(__name__)

SEND_LIMIT_S = 60
"""An attempt must be over by then; the lease ends a little later."""
LEASE = timedelta(seconds=SEND_LIMIT_S + 15)
PAUSES_S = (5, 30, 120, 600, 1800)
"""After each failed attempt but the last: a receiver that restarts, one that is deployed, one that is broken."""
MAX_ERROR = 500
_FINAL = (Refused, Unauthorized, ProtocolError, Unusable)


def delivery_run(delivery_id: int) -> None:
    """Claim the delivery and try once. Does nothing when it is not due, done, or held by someone alive."""
    now = timezone.now()
    claimed = (
        NotificationDelivery.objects.claimable(now=now)
        .filter(pk=delivery_id)
        .update(
            state=NotificationDelivery.State.SENDING,
            lease_expires_at=now + LEASE,
            attempts=F("attempts") + 1,
        )
    )
    if not claimed:
        return
    delivery = NotificationDelivery.objects.select_related("notification__group", "channel").get(
        pk=delivery_id
    )
    if delivery.attempts > len(PAUSES_S) + 1:
        _ended(delivery, "workers stopped while sending it")
    elif _is_called_off(delivery):
        _end(delivery, "the group or its channel was switched off meanwhile")
    else:
        _try(delivery)
    announce(f"notification-group:{delivery.notification.group_id}", "notifications")


def _try(delivery: NotificationDelivery) -> None:
    """Send it, and write down what came of that."""
    try:
        _send(delivery)
    except _FINAL as exc:
        _ended(delivery, _words(exc))
    except (RemoteError, SoftTimeLimitExceeded) as exc:
        _put_off(delivery, exc)
    except Exception as exc:
        # Whatever a channel's library throws: a delivery that crashes must not hang in "sending".
        log.exception("delivery_crashed", extra={"delivery": delivery.pk})
        _put_off(delivery, exc)
    else:
        _ended(delivery, "")


def _send(delivery: NotificationDelivery) -> None:
    outgoing = Outgoing(
        notification=delivery.notification,
        channel=delivery.channel,
        delivery=delivery.pk,
        reached=frozenset(delivery.reached),
    )
    for to in kind_of(delivery.channel).deliver(outgoing):
        delivery.reached.append(to)
        delivery.save(update_fields=["reached"])


def _put_off(delivery: NotificationDelivery, exc: Exception) -> None:
    """Once more after a pause, or the end."""
    error = _words(exc)
    if delivery.attempts > len(PAUSES_S):
        _ended(delivery, error)
        return
    pause_s = float(PAUSES_S[delivery.attempts - 1])
    if isinstance(exc, Unavailable) and exc.retry_after_s is not None:
        pause_s = min(max(pause_s, exc.retry_after_s), float(PAUSES_S[-1]))
    now = timezone.now()
    delivery.state = NotificationDelivery.State.QUEUED
    delivery.error = error
    delivery.wake_at = now + timedelta(seconds=pause_s)
    delivery.lease_expires_at = None
    delivery.save(update_fields=["state", "error", "wake_at", "lease_expires_at"])
    _mark(delivery.channel, error, now=now)
    log.warning("delivery_put_off", extra={"delivery": delivery.pk, "error": error, "after_s": pause_s})
    send(DELIVER_TASK, delivery.pk, queue="background", after_s=pause_s)


def _is_called_off(delivery: NotificationDelivery) -> bool:
    """Whether its way was closed since it was released. A test is sent whatever the switches say."""
    is_open = delivery.channel.enabled and delivery.notification.group.enabled
    return not is_open and delivery.notification.key != TEST_KEY


def _ended(delivery: NotificationDelivery, error: str) -> None:
    """It was tried, and the channel's own row says how that went."""
    _end(delivery, error)
    _mark(delivery.channel, error, now=timezone.now())


def _end(delivery: NotificationDelivery, error: str) -> None:
    now = timezone.now()
    delivery.state = NotificationDelivery.State.FAILED if error else NotificationDelivery.State.SENT
    delivery.error = error
    delivery.finished_at = now
    delivery.lease_expires_at = None
    delivery.save(update_fields=["state", "error", "finished_at", "lease_expires_at"])
    log.info("delivery_ended", extra={"delivery": delivery.pk, "state": delivery.state, "error": error})


def _mark(channel: NotificationChannel, error: str, *, now: datetime) -> None:
    """How the channel is doing, on its own row: lists show it without a look at its deliveries."""
    changed = {"failed_at": now, "error": error} if error else {"sent_at": now, "error": ""}
    NotificationChannel.objects.filter(pk=channel.pk).update(**changed)


def _words(exc: Exception) -> str:
    if isinstance(exc, RemoteError):
        return exc.message[:MAX_ERROR]
    return (str(exc) or type(exc).__name__)[:MAX_ERROR]
