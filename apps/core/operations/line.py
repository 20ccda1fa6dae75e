"""Taking over: an operation that waits until the one that holds its target has let go.

It is written at once, queued behind the holder (`after`), so that it is seen, can be cancelled, and survives whoever
wrote it. It holds nothing yet. The holder sees it at its next step and ends for it; the transaction that ends the
holder lets it begin.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.models import Operation
from apps.core.operations.dispatch import ring_on_commit
from apps.core.operations.kinds import Kind, Succeeding, get_kind
from apps.core.operations.services import (
    Intent,
    Target,
    announce_operation,
    check_reason,
    operation_insert,
    operation_start,
    operation_told,
)

log = logging.getLogger(__name__)

TOLD_TO_HAND_OVER = gettext_noop("%(who)s asked for another one to take over.")
OVERTAKEN = gettext_noop("Another one takes over in its place.")


def operation_line_up(
    *, target: Target, intent: Intent, holder: Operation, parameters: Mapping[str, Any]
) -> Operation:
    """Write an operation that begins when `holder` has ended, and tell the holder. One that waits already makes room.
    The caller holds the target's own lock. If the holder has ended meanwhile it begins as any other."""
    check_reason(intent.reason)
    held = Operation.objects.select_for_update().get(pk=holder.pk)
    if not held.is_active:
        return operation_start(target=target, intent=intent, parameters=parameters)
    Operation.objects.next_in_line().filter(after=held).update(
        state=Operation.State.CANCELLED, finished_at=timezone.now(), message=OVERTAKEN, after=None
    )
    kind = get_kind(intent.kind)
    operation = operation_insert(target, intent, parameters, deadline=kind.deadline, after=held)
    Operation.objects.filter(pk=held.pk).update(wake_at=None)
    assert intent.by is not None
    operation_told(held, TOLD_TO_HAND_OVER, by=intent.by, reason=intent.reason)
    announce_operation(operation)
    return operation


def successor_of(operation: Operation) -> Operation | None:
    """Who waits to take over from it."""
    return Operation.objects.next_in_line().filter(after=operation).first()


def successor_held(operation: Operation) -> Operation | None:
    """The same, locked: it cannot leave the line before the transaction ends."""
    return Operation.objects.select_for_update().next_in_line().filter(after=operation).first()


def line_moves(operation: Operation, *, kind: Kind) -> None:
    """Called in the transaction that ended `operation`: who waited for it begins."""
    successor = successor_held(operation)
    if successor is None or not isinstance(kind, Succeeding):
        return
    successor.after = None
    successor.deadline_at = timezone.now() + get_kind(successor.kind).deadline
    successor.save(update_fields=["after", "deadline_at"])
    kind.hand_over(operation, successor=successor)
    log.info("operation_taken_over", extra={"operation": operation.pk, "successor": successor.pk})
    ring_on_commit(get_kind(successor.kind).queue)
    announce_operation(successor)
