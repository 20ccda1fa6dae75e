"""Writing down what steps came to, of many operations at once: one row each, their log, and the ends of those that
ended, in one transaction for each kind."""

from __future__ import annotations

import copy
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from django.db import transaction
from django.utils import timezone

from apps.core.models import Operation, OperationLog
from apps.core.operations.dispatch import ring
from apps.core.operations.kinds import Again, Cancelled, Done, Failed, Kind, Outcome, Together
from apps.core.operations.line import line_moves
from apps.core.operations.services import announce_operations

log = logging.getLogger(__name__)

_WRITTEN = (
    "state", "lease_owner", "lease_expires_at", "attempts", "wake_at", "deadline_at", "finished_at", "progress",
    "message", "message_values", "error", "error_values", "deployment_id", "memory",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken, and what came of it."""

    operation: Operation
    kind: Kind
    outcome: Outcome

    @property
    def ends(self) -> bool:
        return not isinstance(self.outcome, Again)


def record(steps: Sequence[Taken]) -> None:
    """Write them, as far as this process still holds the operations: by its own lease, to the microsecond, as two
    workers can have the same name (process numbers of containers that share a host's).

    What cannot be written together is written one by one; what cannot be written at all keeps its lease until that
    ends, and is taken over.
    """
    by_kind: defaultdict[str, list[Taken]] = defaultdict(list)
    for step in steps:
        by_kind[step.kind.name].append(step)
    for group in by_kind.values():
        try:
            _record(group)
        except Exception:
            if len(steps) == 1:
                raise
            log.exception("operations_not_recorded", extra={"count": len(group)})
            _one_by_one(group)


def _one_by_one(steps: Sequence[Taken]) -> None:
    for step in steps:
        try:
            _record([step])
        except Exception:
            log.exception("operation_not_recorded", extra={"operation": step.operation.pk})


def _record(steps: Sequence[Taken]) -> None:
    """The same for steps of one kind."""
    kind, ending = steps[0].kind, [step.operation for step in steps if step.ends]
    if ending and isinstance(kind, Together):
        kind.keep(ending)
    with transaction.atomic():
        if ending and isinstance(kind, Together):
            kind.lock_targets(ending)
        held, woken, overtaken = _held(steps)
        held = [_not_handed_over(step, overtaken) for step in held]
        rows = [_row(step, at_once=step.operation.pk in woken | overtaken) for step in held]
        Operation.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["id"], update_fields=list(_WRITTEN)
        )
        _end([step for step in held if step.ends], kind=kind, overtaken=overtaken)
        OperationLog.objects.bulk_create(line for step in held for line in _lines(step))
        announce_operations([step.operation for step in held])
    for lost in {step.operation.pk for step in steps} - {row.pk for row in rows}:
        log.warning("operation_lease_lost", extra={"operation": lost})
    _ring_again(rows, kind=kind)


def _held(steps: Sequence[Taken]) -> tuple[list[Taken], set[int], set[int]]:
    """Those that this process still holds, locked; which of them were told something, or woken, while their step ran;
    and which have somebody who waits to take over."""
    by_pk = {step.operation.pk: step for step in steps}
    running = Operation.objects.select_for_update(no_key=True).filter(
        pk__in=by_pk, state=Operation.State.RUNNING
    )
    held, woken = [], set()
    for pk, owner, expires, wake_at in running.order_by("pk").values_list(
        "pk", "lease_owner", "lease_expires_at", "wake_at"
    ):
        operation = by_pk[pk].operation
        if (owner, expires) != (operation.lease_owner, operation.lease_expires_at):
            continue
        held.append(by_pk[pk])
        if wake_at is None:
            woken.add(pk)
    # Asked for only now: whoever lines up locks the row that it waits for.
    waiting = Operation.objects.next_in_line().filter(after__in=[step.operation.pk for step in held])
    overtaken = waiting.values_list("after_id", flat=True)
    return held, woken, {pk for pk in overtaken if pk is not None}


def _not_handed_over(step: Taken, overtaken: set[int]) -> Taken:
    """Who should have taken over left the line: it has not ended after all."""
    outcome = step.outcome
    if isinstance(outcome, Cancelled) and outcome.hands_over and step.operation.pk not in overtaken:
        return replace(step, outcome=Again(after_s=0.0))
    return step


def _end(steps: Sequence[Taken], *, kind: Kind, overtaken: set[int]) -> None:
    ends = [(step.operation, step.outcome) for step in steps]
    if ends and isinstance(kind, Together):
        kind.all_ended(ends)
    elif ends:
        for operation, outcome in ends:
            kind.ended(operation, outcome)
    for operation, _outcome in ends:
        if operation.pk in overtaken:
            line_moves(operation, kind=kind)


def _row(step: Taken, *, at_once: bool) -> Operation:
    """The row as it is from now on; the operation stays as its step left it, for those who read it. `at_once`: what it
    was told while the step ran, or woken for, is looked at straight away."""
    row, outcome, now = copy.copy(step.operation), step.outcome, timezone.now()
    row.lease_owner, row.lease_expires_at, row.attempts = "", None, 0
    match outcome:
        case Again():
            row.state = Operation.State.WAITING
            row.wake_at = None if at_once else now + timedelta(seconds=outcome.after_s)
            if outcome.progress is not None:
                row.progress = max(0, min(99, outcome.progress))
            _say(row, outcome.message, outcome.values)
        case Done():
            _finish(row, Operation.State.SUCCEEDED, now)
            _say(row, outcome.message, outcome.values)
            row.progress = 100
        case Cancelled():
            _finish(row, Operation.State.CANCELLED, now)
            _say(row, outcome.message, outcome.values)
        case Failed():
            _finish(row, Operation.State.FAILED, now)
            row.error, row.error_values, row.message = outcome.reason, dict(outcome.values), ""
        case _:
            assert_never(outcome)
    log.info("operation_step", extra={"operation": row.pk, "state": row.state})
    return row


def _finish(row: Operation, state: Operation.State, now: datetime) -> None:
    row.state, row.finished_at, row.wake_at = state, now, None


def _say(row: Operation, text: str, values: Mapping[str, Any]) -> None:
    if text:
        row.message, row.message_values = text, dict(values)


def _lines(step: Taken) -> list[OperationLog]:
    if not isinstance(step.outcome, Failed):
        return step.operation.said
    text, values = step.outcome.reason[:500], dict(step.outcome.values)
    failed = OperationLog(operation=step.operation, text=text, values=values, level=OperationLog.Level.ERROR)
    return [*step.operation.said, failed]


def _ring_again(rows: Sequence[Operation], *, kind: Kind) -> None:
    """Once for each moment at which some of them are due, to a tenth of a second later."""
    now, delays = timezone.now(), set()
    for row in rows:
        if row.state == Operation.State.WAITING:
            left = (row.wake_at - now).total_seconds() if row.wake_at else 0.0
            delays.add(0.0 if left <= 0 else round(left + 0.1, 1))
    for delay in sorted(delays):
        ring(kind.queue, after_s=delay)
