"""The worker's side: claim an operation, let its kind take one step, write down what came of it.

A claim is one conditional UPDATE with a lease, so a message that is delivered twice does nothing the second time
and a worker that is killed at any line leaves a row that the sweeper hands to the next one.
"""

from __future__ import annotations

import logging
import os
import random
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.logs import bound
from apps.core.models import Operation, OperationLog
from apps.core.operations.dispatch import ring
from apps.core.operations.kinds import (
    Again,
    Cancelled,
    Done,
    Failed,
    Kind,
    Locking,
    Outcome,
    find_kind,
    queue_of,
)
from apps.core.operations.line import line_moves, successor_held
from apps.core.operations.services import announce_operation
from clients.errors import NotFound, Refused, RemoteError, Unauthorized

log = logging.getLogger(__name__)

STEP_LIMIT_S = 25
"""A step must be over by then; the worker ends it a little later, and the lease a little after that."""
LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 6
"""Claims in a row without an outcome: a step that kills its worker ends here instead of looping for ever."""
FAULT_RETRY_CAP_S = 15.0
FULL_CLUSTER_RETRY_S = 1.0
_TOLD = ("cancel_requested_at", "paused_at", "went_on_at")
GIVE_UP_AFTER = timedelta(minutes=2)
"""Past its deadline an operation asks a remote that does not answer for this much longer."""
GIVE_UP_BEGUN_AFTER = timedelta(days=1)
"""And for this long where it has begun something there that nobody else would put back."""

RESUMED = gettext_noop("Taken over from a worker that stopped half-way.")
PASSING_FAULT = gettext_noop("%(error)s Trying again.")
KILLS_WORKERS = gettext_noop("Given up: %(attempts)s workers stopped while working on it.")
TOO_SLOW = gettext_noop("A step was not over after %(seconds)s s.")
NO_DATABASE = gettext_noop("Ocean's own database did not answer.")
CRASHED = gettext_noop("Something went wrong inside Ocean (%(error)s). Tell an SRE the operation's number.")


def owner_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def run_operation(operation_id: int) -> None:
    """Claim the operation and take one step. Does nothing when it is not due, ended, held by someone alive, or of a
    kind that only a newer release knows."""
    now = timezone.now()
    operation = _claim(operation_id, now=now)
    if operation is None:
        return
    kind = find_kind(operation.kind)
    assert kind is not None  # _claim has looked
    with bound(operation=operation.pk, kind=operation.kind, target=operation.target):
        log.info("operation_claimed", extra={"attempt": operation.attempts})
        if operation.attempts > MAX_ATTEMPTS:
            outcome: Outcome = Failed(reason=KILLS_WORKERS, values={"attempts": MAX_ATTEMPTS})
        else:
            outcome = _take_step(operation, kind=kind)
        record(operation, kind=kind, outcome=outcome)
        if operation.cluster_id is not None:
            _ring_put_off(operation.cluster_id)


def _claim(operation_id: int, *, now: datetime) -> Operation | None:
    """The operation, held by this process, or None."""
    before = Operation.objects.claimable(now=now).filter(pk=operation_id).first()
    if before is None:
        return None
    if find_kind(before.kind) is None:
        log.warning("operation_kind_unknown", extra={"operation": operation_id, "kind": before.kind})
        return None
    if before.cluster_id is not None and _cluster_is_full(before.cluster_id, now=now):
        # One that the mirror woke stays due; that it has a time tells it from those whose ring is on its way.
        retry_s = FULL_CLUSTER_RETRY_S if before.state == Operation.State.QUEUED else 0.0
        Operation.objects.filter(pk=operation_id, state=before.state).update(
            wake_at=now + timedelta(seconds=retry_s)
        )
        ring(operation_id, queue=queue_of(before.kind), after_s=FULL_CLUSTER_RETRY_S)
        return None
    claimed = (
        Operation.objects.claimable(now=now)
        .filter(pk=operation_id)
        .update(
            state=Operation.State.RUNNING,
            lease_owner=owner_name(),
            lease_expires_at=now + LEASE,
            attempts=F("attempts") + 1,
            started_at=before.started_at or now,
        )
    )
    if not claimed:
        return None
    operation = Operation.objects.select_related("cluster", "product_line", "requested_by").get(
        pk=operation_id
    )
    if before.state == Operation.State.RUNNING:
        OperationLog.objects.create(operation=before, text=RESUMED, level=OperationLog.Level.WARNING)
        operation.memory["resumed"] = True
    return operation


def _cluster_is_full(cluster_id: int, *, now: datetime) -> bool:
    """Whether one slow cluster already has its share of the workers (a guard, not a lock: races cost nothing)."""
    held = Operation.objects.filter(
        cluster_id=cluster_id, state=Operation.State.RUNNING, lease_expires_at__gte=now
    )
    return held.count() >= settings.OCEAN_OPERATIONS_PER_CLUSTER


def _ring_put_off(cluster_id: int) -> None:
    """A place on the cluster is free: the first that found it full need not wait for its time. It is rung for once."""
    now = timezone.now()
    not_begun = Q(state=Operation.State.QUEUED, wake_at__gt=now)
    woken = Q(state=Operation.State.WAITING, wake_at__lte=now)
    put_off = Operation.objects.filter(not_begun | woken, cluster_id=cluster_id)
    first = put_off.order_by("pk").values_list("pk", "kind").first()
    if first is not None and put_off.filter(pk=first[0]).update(wake_at=None):
        ring(first[0], queue=queue_of(first[1]))


def _take_step(operation: Operation, *, kind: Kind) -> Outcome:
    """One step's outcome; every fault becomes one. What a remote or our own database fails to answer passes."""
    late = operation.deadline_at is not None and timezone.now() >= operation.deadline_at
    try:
        return kind.deadline_passed(operation) if late else kind.step(operation)
    except (Refused, NotFound, Unauthorized) as exc:
        if operation.deployment_id:  # it would be left half-way
            return _retry_later(operation, str(exc), late=late)
        log.warning("operation_refused", extra={"error": str(exc)})
        return Failed(reason=str(exc))
    except RemoteError as exc:
        return _retry_later(operation, str(exc), late=late)
    except SoftTimeLimitExceeded:
        return _retry_later(operation, {"text": TOO_SLOW, "values": {"seconds": STEP_LIMIT_S}}, late=late)
    except (OperationalError, InterfaceError) as exc:
        log.warning("operation_database_failed", extra={"error": str(exc)})
        if not connection.is_usable():
            connection.close()  # the next query opens another
        return _retry_later(operation, {"text": NO_DATABASE, "values": {}}, late=late)
    except Exception as exc:
        log.exception("operation_crashed")
        return Failed(CRASHED, {"error": type(exc).__name__})


def _retry_later(operation: Operation, error: str | dict[str, Any], *, late: bool) -> Outcome:
    """A passing fault (a remote's words, or a stored sentence): note it once for each new wording, and back off with
    jitter. Some time past the deadline there is no point in asking further: it ends, saying what it last heard."""
    memory = operation.memory
    memory["faults"] = int(memory.get("faults", 0)) + 1
    if memory.get("last_fault") != error:
        memory["last_fault"] = error
        OperationLog.objects.create(
            operation=operation,
            text=PASSING_FAULT,
            values={"error": error},
            level=OperationLog.Level.WARNING,
        )
    if late and operation.deadline_at:
        patience = GIVE_UP_BEGUN_AFTER if operation.deployment_id else GIVE_UP_AFTER
        if timezone.now() > operation.deadline_at + patience:
            return Failed("%(error)s", {"error": error})
    delay = min(FAULT_RETRY_CAP_S, 1.5 ** min(memory["faults"], 10))
    return Again(after_s=delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


def record(operation: Operation, *, kind: Kind, outcome: Outcome) -> None:
    """Write what a step came to, if this process still holds the operation: its own lease, to the microsecond, as two
    workers can have the same name (process numbers of containers that share a host's)."""
    with transaction.atomic():
        if not isinstance(outcome, Again):
            if isinstance(kind, Locking):
                kind.lock_target(operation)
            if isinstance(outcome, Cancelled) and outcome.hands_over and successor_held(operation) is None:
                outcome = Again(after_s=0.0)
        ends = not isinstance(outcome, Again)
        fields = _fields(operation, outcome)
        held = Operation.objects.filter(
            pk=operation.pk,
            state=Operation.State.RUNNING,
            lease_owner=operation.lease_owner,
            lease_expires_at=operation.lease_expires_at,
        ).update(**fields)
        if held and ends:
            kind.ended(operation, outcome)
            line_moves(operation, kind=kind)
        if held and isinstance(outcome, Failed):
            OperationLog.objects.create(
                operation=operation,
                text=outcome.reason[:500],
                values=dict(outcome.values),
                level=OperationLog.Level.ERROR,
            )
    if not held:
        log.warning("operation_lease_lost", extra={"operation": operation.pk})
        return
    log.info("operation_step", extra={"state": fields["state"]})
    announce_operation(operation)
    if isinstance(outcome, Again):
        _ring_again(operation, after_s=outcome.after_s)


def _fields(operation: Operation, outcome: Outcome) -> dict[str, Any]:
    """What a step's outcome makes of the row."""
    now = timezone.now()
    fields: dict[str, Any] = {
        "lease_owner": "",
        "lease_expires_at": None,
        "memory": operation.memory,
        "deployment_id": operation.deployment_id,
        "deadline_at": operation.deadline_at,
        "attempts": 0,
    }
    match outcome:
        case Again():
            fields |= {"state": Operation.State.WAITING, "wake_at": now + timedelta(seconds=outcome.after_s)}
            if outcome.progress is not None:
                fields["progress"] = max(0, min(99, outcome.progress))
            fields |= _message(outcome.message, outcome.values)
        case Done():
            fields |= _final(Operation.State.SUCCEEDED, now) | _message(outcome.message, outcome.values)
            fields["progress"] = 100
        case Cancelled():
            fields |= _final(Operation.State.CANCELLED, now) | _message(outcome.message, outcome.values)
        case Failed():
            fields |= _final(Operation.State.FAILED, now)
            fields |= {"error": outcome.reason, "error_values": dict(outcome.values), "message": ""}
        case _:
            assert_never(outcome)
    return fields


def _ring_again(operation: Operation, *, after_s: float) -> None:
    """What it was told while the step ran is looked at straight away."""
    successor = Exists(Operation.objects.next_in_line().filter(after=OuterRef("pk")))
    *now_told, overtaken = Operation.objects.filter(pk=operation.pk).values_list(*_TOLD, successor).get()
    if overtaken or now_told != [getattr(operation, name) for name in _TOLD]:
        Operation.objects.filter(pk=operation.pk, state=Operation.State.WAITING).update(wake_at=None)
        after_s = 0.0
    ring(operation.pk, queue=queue_of(operation.kind), after_s=after_s)


def _final(state: Operation.State, now: datetime) -> dict[str, Any]:
    return {"state": state, "finished_at": now, "wake_at": None}


def _message(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": text, "message_values": dict(values)} if text else {}


def sweep(*, now: datetime, limit: int = 200) -> int:
    """Ring for what is due: lost messages, expired leases, delays past a minute. Returns how many were rung."""
    due = Operation.objects.claimable(now=now - timedelta(seconds=1)).order_by(
        F("wake_at").asc(nulls_first=True)
    )
    rung = 0
    for pk, kind in due.values_list("pk", "kind")[:limit]:
        ring(pk, queue=queue_of(kind))
        rung += 1
    return rung
