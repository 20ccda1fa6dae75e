"""Writing operations: start, log, cancel, end. Nobody else changes an Operation's state."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.core.errors import DomainError, FieldError, InvalidInput, KeyReused, TargetBusy
from apps.core.live import announce
from apps.core.models import MAX_REASON, Cluster, Operation, OperationLog
from apps.core.operations.dispatch import ring_on_commit
from apps.core.operations.kinds import get_kind, queue_of

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine, User

log = logging.getLogger(__name__)

CANCEL_ASKED = gettext_noop("%(who)s asked to cancel.")
BECAUSE = gettext_noop("Because: %(reason)s")
LEFT_THE_LINE = gettext_noop("Cancelled before its turn came.")


@dataclass(frozen=True, slots=True)
class Target:
    """What an operation works on; one active operation for each (`type`, `id`). `name` is what people see."""

    type: str
    id: int
    name: str
    product_line: ProductLine | None = None
    cluster: Cluster | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """Who asks for what. `asked` is the request as it came, `idempotency_key` (from a client or a caller in the
    house) makes asking the same twice harmless. `reason`: why, in the words of who asks."""

    kind: str
    by: User | None
    asked: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str = ""
    reason: str = ""


def operation_start(
    *, target: Target, intent: Intent, parameters: Mapping[str, Any] | None = None
) -> Operation:
    """Write a queued Operation and ring for a worker on commit. Calls nothing outside the database.

    `parameters` is what its steps need, worked out from the request. The same idempotency key for the same request
    returns the first operation. Raises TargetBusy while another operation holds the target, KeyReused when the key
    came with a different request, InvalidInput for a reason that is too long.
    """
    check_reason(intent.reason)
    if earlier := operation_repeated(target=target, intent=intent):
        return earlier
    kind = get_kind(intent.kind)
    try:
        operation = operation_insert(target, intent, parameters, deadline=kind.deadline)
    except IntegrityError:
        if earlier := operation_repeated(target=target, intent=intent):
            return earlier
        _refuse_busy(target)
        # What held it ended between our insert and this look: once more.
        try:
            operation = operation_insert(target, intent, parameters, deadline=kind.deadline)
        except IntegrityError:
            _refuse_busy(target)
            raise
    log.info(
        "operation_queued",
        extra={"operation": operation.pk, "kind": operation.kind, "target": operation.target},
    )
    ring_on_commit(kind.queue)
    announce_operation(operation)
    return operation


@dataclass(frozen=True, slots=True)
class Wish:
    """One of several operations that are started together."""

    target: Target
    intent: Intent
    parameters: Mapping[str, Any]


def operations_start(wishes: Sequence[Wish]) -> list[Operation | DomainError]:
    """The same for many, in four statements however many they are: of each its operation, or why it was not started.
    All of one kind, each with a key of its own. The caller holds the targets' own locks, as everybody does who starts
    operations on such targets."""
    if not wishes:
        return []
    targets = {(wish.target.type, wish.target.id) for wish in wishes}
    earlier = {
        one.idempotency_key: one
        for one in Operation.objects.filter(
            idempotency_key__in=[wish.intent.idempotency_key for wish in wishes]
        )
    }
    holders = {
        (one.target_type, one.target_id): one
        for one in Operation.objects.active().filter(
            target_type__in={type_ for type_, _id in targets}, target_id__in={id_ for _type, id_ in targets}
        )
    }
    kind, now = get_kind(wishes[0].intent.kind), timezone.now()
    started: list[Operation | DomainError] = []
    new: list[Operation] = []
    for wish in wishes:
        repeated = earlier.get(wish.intent.idempotency_key)
        holder = holders.get((wish.target.type, wish.target.id))
        if repeated is not None:
            started.append(repeated if _is_of(repeated, wish.target, wish.intent) else KeyReused())
        elif holder is not None:
            started.append(TargetBusy(holder))
        else:
            new.append(_new(wish.target, wish.intent, wish.parameters, deadline_at=now + kind.deadline))
            started.append(new[-1])
    Operation.objects.bulk_create(new)
    log.info("operations_queued", extra={"kind": kind.name, "count": len(new)})
    if new:
        ring_on_commit(kind.queue)
        announce_operations(new)
    return started


def operation_insert(
    target: Target,
    intent: Intent,
    parameters: Mapping[str, Any] | None,
    *,
    deadline: timedelta,
    after: Operation | None = None,
) -> Operation:
    """The queued row. Raises IntegrityError, and leaves the caller's transaction usable, when the target is held or the
    key is taken."""
    operation = _new(target, intent, parameters or {}, deadline_at=timezone.now() + deadline)
    operation.after = after
    with transaction.atomic():
        operation.save(force_insert=True)
    operation.is_new = True
    return operation


def _new(
    target: Target, intent: Intent, parameters: Mapping[str, Any], *, deadline_at: datetime
) -> Operation:
    """Not saved yet."""
    return Operation(
        kind=intent.kind,
        target_type=target.type,
        target_id=target.id,
        target=target.name,
        product_line=target.product_line,
        cluster=target.cluster,
        requested_by=intent.by,
        parameters={**parameters, "asked": dict(intent.asked)},
        idempotency_key=intent.idempotency_key,
        reason=intent.reason,
        deadline_at=deadline_at,
    )


def check_reason(reason: str) -> None:
    if len(reason) > MAX_REASON:
        text = _("A reason has at most %(max)s characters.") % {"max": MAX_REASON}
        raise InvalidInput(FieldError("reason", "max_length", text))


def _refuse_busy(target: Target) -> None:
    """Raises TargetBusy if an operation holds the target."""
    holder = Operation.objects.active().filter(target_type=target.type, target_id=target.id).first()
    if holder is not None:
        raise TargetBusy(holder) from None


def operation_repeated(*, target: Target, intent: Intent) -> Operation | None:
    """The operation that this very request started before, by its idempotency key.

    Raises KeyReused when the key came with a different request."""
    if not intent.idempotency_key:
        return None
    earlier = Operation.objects.filter(idempotency_key=intent.idempotency_key).first()
    if earlier is None:
        return None
    if not _is_of(earlier, target, intent):
        raise KeyReused
    return earlier


def _is_of(operation: Operation, target: Target, intent: Intent) -> bool:
    """Whether this very request started it."""
    return (
        operation.kind == intent.kind
        and (operation.target_type, operation.target_id) == (target.type, target.id)
        and operation.parameters.get("asked") == dict(intent.asked)
    )


def operation_log(
    operation: Operation, text: str, *, level: OperationLog.Level = OperationLog.Level.INFO, **values: Any
) -> None:
    """Add a line. `text` is English, marked with `gettext_noop`, its values named: `"asked for %(n)s"`."""
    OperationLog.objects.create(operation=operation, text=text, values=values, level=level)
    announce_operation(operation)


def operation_note(
    operation: Operation, text: str, *, level: OperationLog.Level = OperationLog.Level.INFO, **values: Any
) -> None:
    """The same from within a step: the line is written with what the step comes to."""
    operation.said.append(OperationLog(operation=operation, text=text, values=values, level=level))


def operation_cancel(operation: Operation, *, by: User, reason: str = "", key: str = "") -> bool:
    """Ask for an operation's end: its next step, taken at once, puts back what it began. (Even a queued one first looks
    on the scheduler, as a worker may have died after asking.) Returns whether the wish was noted (False: it had
    already ended, or somebody asked before.) One that waits in line ends here. `key` tells this request when it comes
    again."""
    check_reason(reason)
    now = timezone.now()
    ended = {"state": Operation.State.CANCELLED, "finished_at": now, "after": None}
    if Operation.objects.next_in_line().filter(pk=operation.pk).update(**ended, message=LEFT_THE_LINE):
        announce_operation(operation)
        return True
    noted = (
        Operation.objects.active()
        .filter(pk=operation.pk, cancel_requested_at__isnull=True)
        .update(cancel_requested_at=now, cancel_key=key, wake_at=None)
    )
    if noted:
        operation_told(operation, CANCEL_ASKED, by=by, reason=reason)
    return bool(noted)


def operation_told(operation: Operation, text: str, *, by: User, reason: str = "") -> None:
    """Somebody told an operation something, which its row says: log it, and let a worker look now."""
    who = by.get_username()
    lines = [(text, {"who": who}), *([(BECAUSE, {"reason": reason})] if reason else [])]
    OperationLog.objects.bulk_create(
        OperationLog(operation=operation, text=line, values=values, level=OperationLog.Level.WARNING)
        for line, values in lines
    )
    log.info("operation_told", extra={"operation": operation.pk, "what": text, "by": who})
    ring_on_commit(queue_of(operation.kind))
    announce_operation(operation)


def operations_wake(*, target_type: str, target_ids: list[int]) -> int:
    """Something about these targets changed: let waiting operations look now, and those of which a step is being taken
    once more after it. Those that were woken already and have not looked yet are not rung for again. Returns how many
    were woken."""
    asleep = Operation.objects.filter(
        target_type=target_type,
        target_id__in=target_ids,
        state__in=[Operation.State.WAITING, Operation.State.RUNNING],
        wake_at__isnull=False,
    )
    if not asleep.exists():
        return 0
    with transaction.atomic():
        # In one order, as those who write down what steps came to lock them.
        found = list(asleep.select_for_update(no_key=True).order_by("pk").values_list("pk", "kind", "state"))
        Operation.objects.filter(pk__in=[pk for pk, *_ in found]).update(wake_at=None)
        for queue in sorted({queue_of(kind) for _, kind, state in found if state == Operation.State.WAITING}):
            ring_on_commit(queue)
    return len(found)


def announce_operation(operation: Operation) -> None:
    """Tell open pages, once the transaction has committed."""
    announce_operations([operation])


def announce_operations(operations: Iterable[Operation]) -> None:
    """The same of several, in one message."""
    topics = {"operations"}
    for operation in operations:
        topics |= {f"operation:{operation.pk}", f"{operation.target_type}:{operation.target_id}"}
    transaction.on_commit(lambda: announce(*sorted(topics)), robust=True)


def history_prune(*, now: datetime, batch: int = 1000) -> int:
    """Delete operations that ended more than OCEAN_HISTORY_DAYS ago, oldest first. Returns how many."""
    old = Operation.objects.filter(finished_at__lt=now - timedelta(days=settings.OCEAN_HISTORY_DAYS))
    pks = list(old.order_by("finished_at").values_list("pk", flat=True)[:batch])
    Operation.objects.filter(pk__in=pks).delete()
    return len(pks)
