"""Telling an operation under way what to do: pause, resume, go on. (Undo is `operation_cancel`.)

Each is one conditional update of a column of its own, so that a worker that records its step at the same moment cannot
write over it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.errors import NotNow
from apps.core.models import Operation, OperationQuerySet
from apps.core.operations.kinds import Control, controls_of
from apps.core.operations.services import check_reason, operation_cancel, operation_told

if TYPE_CHECKING:
    from apps.accounts.models import User

PAUSED = gettext_noop("%(who)s paused it.")
RESUMED = gettext_noop("%(who)s resumed it.")
WENT_ON = gettext_noop("%(who)s told it to go on.")


def operation_control(operation: Operation, control: Control, *, by: User, reason: str = "") -> None:
    """Tell it. Asking for what was asked already changes nothing. Raises NotNow when it cannot be told this now."""
    check_reason(reason)
    if _is_so(operation, control):
        return
    if control not in controls_of(operation):
        raise NotNow(operation)
    if control in {"cancel", "undo"}:
        operation_cancel(operation, by=by, reason=reason)
        return
    now = timezone.now()
    active = Operation.objects.active().filter(pk=operation.pk, cancel_requested_at__isnull=True)
    told, text = _told(active, control, now=now)
    if told:
        operation_told(operation, text, by=by, reason=reason)


def _told(active: OperationQuerySet, control: Control, *, now: datetime) -> tuple[int, str]:
    if control == "pause":
        return active.filter(paused_at__isnull=True).update(paused_at=now, wake_at=None), PAUSED
    if control == "resume":
        return active.filter(paused_at__isnull=False).update(paused_at=None, wake_at=None), RESUMED
    return active.filter(went_on_at__isnull=True).update(went_on_at=now, wake_at=None), WENT_ON


def _is_so(operation: Operation, control: Control) -> bool:
    """Whether somebody, or the same person with a second click, has told it already."""
    if control in {"cancel", "undo"}:
        return operation.cancel_requested_at is not None or not operation.is_active
    if control == "pause":
        return operation.paused_at is not None
    return control == "go-on" and operation.went_on_at is not None
