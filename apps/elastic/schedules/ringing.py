"""Chronos calls for a schedule: its slot, and all slots of the same cluster and moment, are noted, once.

The first call of a moment notes all of them in one transaction, since Chronos starts a task for each schedule, which
takes many seconds for thousands. Chronos is asked to call LEAD before the slot; `settling` makes the slot take effect
at its time. Which slots there are is decided by Ocean's calendar alone: a call when nothing is due changes nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction

from apps.core.operations.dispatch import send
from apps.elastic.models import ScalingSchedule, ScheduleRun
from apps.elastic.schedules.settling import AHEAD, SETTLE_TASK, runs_due_settle

log = logging.getLogger(__name__)

LEAD = timedelta(seconds=3)
"""So long before a slot Chronos is to ring: Mesos offers resources once a second, and a task takes time to start."""
EARLY = timedelta(seconds=10)
"""A call may come so long before the slot: clocks differ."""
MISFIRE_AFTER = timedelta(seconds=90)
"""A slot that nobody rang for by then was missed. Chronos tries a failed call again after 60 s."""


class Rung(StrEnum):
    """What a call came to."""

    RUN = "run"  # at its time, which is now or in a moment
    ALREADY = "already_run"  # the last slot was dealt with, or is being now
    NOT_DUE = "not_due"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slot that is to run, of a locked schedule. `missed`: earlier slots that were lost with it."""

    schedule: ScalingSchedule
    due_at: datetime
    missed: int = 0


def schedule_rung(*, schedule: ScalingSchedule, now: datetime) -> Rung:
    """Chronos called for this schedule. One that comes more than MISFIRE_AFTER late is left to the row's rule."""
    due_at = schedule.next_at
    if due_at is None or due_at > now + EARLY:
        return Rung.NOT_DUE if schedule.last_at is None else Rung.ALREADY
    if now - due_at > MISFIRE_AFTER:
        return Rung.MISSED
    if not _moment_note(schedule, due_at=due_at, now=now):
        return Rung.ALREADY
    if due_at <= now:
        runs_due_settle(now=now)
    return Rung.RUN


@transaction.atomic
def _moment_note(schedule: ScalingSchedule, *, due_at: datetime, now: datetime) -> int:
    """Note the ring for this schedule and all others of its cluster that are due at that moment. Returns how many.

    The caller's own row is waited for: whoever holds it notes it, and then there is nothing left to do. The others'
    are not: somebody who holds one notes it too."""
    due = ScalingSchedule.objects.filter(next_at=due_at, enabled=True, job__deleted_at__isnull=True)
    due = due.select_for_update(of=("self",), no_key=True)
    own = due.filter(pk=schedule.pk).first()
    if own is None:
        return 0
    others = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
    others = others.filter(job__cluster_id=schedule.job.cluster_id).exclude(pk=own.pk).order_by("pk")
    candidates = [Candidate(row, due_at) for row in (own, *others)]
    slots_note(candidates, trigger=ScheduleRun.Trigger.CHRONOS, rung_by=own, now=now)
    if due_at > now:
        wait_s = max(0.0, (due_at - AHEAD - now).total_seconds())
        transaction.on_commit(
            lambda: send(SETTLE_TASK, schedule.pk, queue="elastic", after_s=wait_s), robust=True
        )
    log.info("schedules_rung", extra={"count": len(candidates), "due": due_at.isoformat()})
    return len(candidates)


def slots_note(
    candidates: Sequence[Candidate],
    *,
    trigger: ScheduleRun.Trigger,
    rung_by: ScalingSchedule | None,
    now: datetime,
) -> list[ScheduleRun]:
    """Write the runs of locked schedules, which `settling` makes real at their time, and go on to their next slots."""
    runs = [
        ScheduleRun(
            job_id=candidate.schedule.job_id,
            schedule=candidate.schedule,
            due_at=candidate.due_at,
            at=now,
            state=ScheduleRun.State.RUNG,
            trigger=trigger,
            rung_by=rung_by,
            instances=candidate.schedule.instances,
            kind=candidate.schedule.kind,
            missed=candidate.missed,
        )
        for candidate in candidates
    ]
    ScheduleRun.objects.bulk_create(runs, batch_size=1000)
    schedules_move(candidates, now=now)
    return runs


def schedules_move(candidates: Iterable[Candidate], *, now: datetime) -> None:
    """Their slots are dealt with: on to the next ones. Rows that go on to the same one are written together."""
    moved: defaultdict[tuple[datetime, datetime | None], list[int]] = defaultdict(list)
    known: dict[tuple[str, str, str, datetime], datetime | None] = {}
    for candidate in candidates:
        row = candidate.schedule
        key = (row.start, row.time_zone, row.interval, candidate.due_at)
        if key not in known:
            known[key] = row.rule.next_after(max(candidate.due_at, now))
        moved[(candidate.due_at, known[key])].append(row.pk)
    for (due_at, next_at), pks in moved.items():
        ScalingSchedule.objects.filter(pk__in=pks).update(last_at=due_at, next_at=next_at)
