"""The worker's side: take what is due, let its kinds take one step of each, write down what came of them.

Many operations are taken together (`claims`), their steps are taken beside each other, and what they come to is written
together (`recording`) as it comes: one that waits for a slow scheduler holds up nobody's result.
"""

from __future__ import annotations

import logging
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.logs import bound
from apps.core.models import Operation, OperationLog
from apps.core.operations.claims import AT_MOST, claim
from apps.core.operations.dispatch import answered, ring, turn
from apps.core.operations.kinds import Again, Failed, Kind, Outcome, Together, get_kind, kinds_of, queue_of
from apps.core.operations.recording import Taken, record
from apps.core.operations.services import operation_note
from clients.errors import NotFound, Refused, RemoteError, Unauthorized
from clients.limits import calls_end_by

log = logging.getLogger(__name__)

STEP_LIMIT_S = settings.OCEAN_STEP_LIMIT_S
"""Steps must be over by then; the worker ends them a little later, and the lease a little after that."""
CALLS_LIMIT_S = STEP_LIMIT_S - 5.0
"""No remote call of a step lasts longer: what is left is for writing down."""
BEGIN_WITHIN_S = 5.0
"""A step whose turn has not come by then is left to others."""
BESIDE = 16
"""Steps that are taken beside each other."""
GATHER_S = 0.05
"""What is over within this is written down together."""
MAX_ATTEMPTS = 6
"""Claims in a row without an outcome: a step that kills its worker ends here instead of looping for ever."""
FAULT_RETRY_CAP_S = 15.0
GIVE_UP_AFTER = timedelta(minutes=2)
"""Past its deadline an operation asks a remote that does not answer for this much longer."""
GIVE_UP_BEGUN_AFTER = timedelta(days=1)
"""And for this long where it has begun something there that nobody else would put back."""

PASSING_FAULT = gettext_noop("%(error)s Trying again.")
KILLS_WORKERS = gettext_noop("Given up: %(attempts)s workers stopped while working on it.")
TOO_SLOW = gettext_noop("A step was not over after %(seconds)s s.")
NO_DATABASE = gettext_noop("Ocean's own database did not answer.")
CRASHED = gettext_noop("Something went wrong inside Ocean (%(error)s). Tell an SRE the operation's number.")


def run_due(queue: str) -> None:
    """Take what is due in a queue, one step of each. More than one worker can take is rung for at once; what became due
    meanwhile, or found its cluster's workers busy, afterwards."""
    with turn(queue):
        answered(queue)
        operations = claim(kinds_of(queue), now=timezone.now())
        if 0 < len(operations) < AT_MOST:
            run(operations)
    if len(operations) == AT_MOST:
        ring(queue)
        run(operations)
    if operations and _is_due(queue, now=timezone.now()):
        ring(queue)


def run_operation(operation_id: int) -> None:
    """Take one step of this one. Does nothing when it is not due, ended, held by someone alive, or of a kind that only
    a newer release knows."""
    known = Operation.objects.filter(pk=operation_id).values_list("kind", flat=True)
    kinds = [name for name in known if name in kinds_of(queue_of(name))]
    run(claim(kinds, now=timezone.now(), only=operation_id))


def run(operations: Sequence[Operation]) -> None:
    """Take a step of each, which this process holds."""
    log.info("operations_claimed", extra={"count": len(operations)})
    _prepare(operations)
    for steps in _taken(operations):
        record(steps)


def _is_due(queue: str, *, now: datetime) -> bool:
    return Operation.objects.claimable(now=now).filter(kind__in=kinds_of(queue)).exists()


def _prepare(operations: Sequence[Operation]) -> None:
    """Read for all what each would read for itself. Where that fails, each does, and says so."""
    by_kind: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_kind[operation.kind].append(operation)
    for name, group in by_kind.items():
        kind = get_kind(name)
        if isinstance(kind, Together):
            try:
                kind.prepare(group)
            except Exception:
                log.exception("operations_not_prepared", extra={"kind": name, "count": len(group)})
                _mend_connection()


def _taken(operations: Sequence[Operation]) -> Iterator[list[Taken]]:
    """Steps, as they are over. Of several each is taken in a thread of a pool, and none begins late."""
    if len(operations) < 2:
        with calls_end_by(monotonic() + CALLS_LIMIT_S):
            yield [_take(operation) for operation in operations]
        return
    began = monotonic()
    with (
        calls_end_by(began + CALLS_LIMIT_S),
        ThreadPoolExecutor(min(BESIDE, len(operations)), thread_name_prefix="step") as pool,
    ):
        pending: set[Future[Taken]] = {
            pool.submit(copy_context().run, _take_beside, operation, began + BEGIN_WITHIN_S)
            for operation in operations
        }
        while pending:
            wait(pending, return_when=FIRST_COMPLETED)
            over, pending = wait(pending, timeout=GATHER_S)
            yield [future.result() for future in over]


def _take_beside(operation: Operation, begin_by: float) -> Taken:
    """In a thread: what it asks the database for goes over a connection of its own."""
    if monotonic() > begin_by:
        return Taken(operation, get_kind(operation.kind), Again(after_s=0.0))
    try:
        return _take(operation)
    finally:
        connection.close()


def _take(operation: Operation) -> Taken:
    kind = get_kind(operation.kind)
    with bound(operation=operation.pk, kind=operation.kind, target=operation.target):
        if operation.attempts > MAX_ATTEMPTS:
            outcome: Outcome = Failed(reason=KILLS_WORKERS, values={"attempts": MAX_ATTEMPTS})
        else:
            outcome = _take_step(operation, kind=kind)
    return Taken(operation, kind, outcome)


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
        _mend_connection()
        return _retry_later(operation, {"text": NO_DATABASE, "values": {}}, late=late)
    except Exception as exc:
        log.exception("operation_crashed")
        return Failed(CRASHED, {"error": type(exc).__name__})


def _mend_connection() -> None:
    if connection.connection is not None and not connection.is_usable():
        connection.close()  # the next query opens another


def _retry_later(operation: Operation, error: str | dict[str, Any], *, late: bool) -> Outcome:
    """A passing fault (a remote's words, or a stored sentence): note it once for each new wording, and back off with
    jitter. Some time past the deadline there is no point in asking further: it ends, saying what it last heard."""
    memory = operation.memory
    memory["faults"] = int(memory.get("faults", 0)) + 1
    if memory.get("last_fault") != error:
        memory["last_fault"] = error
        operation_note(operation, PASSING_FAULT, level=OperationLog.Level.WARNING, error=error)
    if late and operation.deadline_at:
        patience = GIVE_UP_BEGUN_AFTER if operation.deployment_id else GIVE_UP_AFTER
        if timezone.now() > operation.deadline_at + patience:
            return Failed("%(error)s", {"error": error})
    delay = min(FAULT_RETRY_CAP_S, 1.5 ** min(memory["faults"], 10))
    return Again(after_s=delay * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


def sweep(*, now: datetime, limit: int = 200) -> int:
    """Ring for what is due: lost messages, expired leases, delays past a minute. Returns how many were found."""
    due = Operation.objects.claimable(now=now - timedelta(seconds=1)).order_by(
        F("wake_at").asc(nulls_first=True)
    )
    kinds = list(due.values_list("kind", flat=True)[:limit])
    for queue in sorted({queue_of(kind) for kind in kinds}):
        ring(queue)
    return len(kinds)
