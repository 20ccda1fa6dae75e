"""Making a slot real: Chronos rings, and every schedule of that cluster and moment runs, once.

A ring is for a moment: the first call of one takes along all schedules of the same cluster that are due at the very
same time, in one transaction, since Chronos starts one task for each and thousands take it many seconds. Which slots
there are is for Ocean's calendar alone; a call that comes when nothing is due changes nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.core.live import announce
from apps.core.operations.dispatch import send
from apps.elastic.models import ScalingPolicy, ScalingSchedule, ScheduleBound, ScheduleRun
from apps.elastic.schedules.bounds import Slot, winner

log = logging.getLogger(__name__)

EARLY = timedelta(seconds=5)
"""A call may come so long before the slot: clocks differ."""
MISFIRE_AFTER = timedelta(seconds=90)
"""A slot that nobody rang for by then was missed. Chronos tries a failed call again after 60 s."""
EFFECTS_TASK = "elastic.run_schedule_effects"
EFFECTS_AT_ONCE = 50
"""Runs that one task turns into operations."""

OTHER_WINS = gettext_noop(
    "Another schedule of the job says %(instances)s instances for the same time or a later one."
)
LEFT_TO_LOOP = gettext_noop("Holds for the scaling by metric from now on.")


class Rung(StrEnum):
    """What a call came to."""

    RUN = "run"
    ALREADY = "already_run"  # the last slot was dealt with, or is being now
    NOT_DUE = "not_due"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slot that is to run, of a locked schedule. `missed`: earlier slots that were lost with it."""

    schedule: ScalingSchedule
    due_at: datetime
    missed: int = 0

    @property
    def slot(self) -> Slot:
        schedule = self.schedule
        return Slot(schedule.pk, self.due_at, schedule.kind, schedule.instances)


def schedule_rung(*, schedule: ScalingSchedule, now: datetime) -> Rung:
    """Chronos called for this schedule. One that comes more than MISFIRE_AFTER late is left to the row's rule."""
    due_at = schedule.next_at
    if due_at is None or due_at > now + EARLY:
        return Rung.NOT_DUE if schedule.last_at is None else Rung.ALREADY
    if now - due_at > MISFIRE_AFTER:
        return Rung.MISSED
    return Rung.RUN if _moment_run(schedule, due_at=due_at, now=now) else Rung.ALREADY


@transaction.atomic
def _moment_run(schedule: ScalingSchedule, *, due_at: datetime, now: datetime) -> int:
    """Run this schedule and all others of its cluster that are due at that moment. Returns how many.

    The caller's own row is waited for: whoever holds it runs it, and then there is nothing left to do. The others'
    are not: somebody who holds one runs it too."""
    due = ScalingSchedule.objects.filter(next_at=due_at, enabled=True, job__deleted_at__isnull=True)
    due = due.select_for_update(of=("self",), no_key=True)
    own = due.filter(pk=schedule.pk).first()
    if own is None:
        return 0
    cluster_id = schedule.job.cluster_id
    others = due.select_for_update(of=("self",), no_key=True, skip_locked=True)
    others = others.filter(job__cluster_id=cluster_id).exclude(pk=own.pk).order_by("pk")
    candidates = [Candidate(row, due_at) for row in (own, *others)]
    slots_run(candidates, trigger=ScheduleRun.Trigger.CHRONOS, rung_by=own, now=now)
    return len(candidates)


def slots_run(
    candidates: Sequence[Candidate],
    *,
    trigger: ScheduleRun.Trigger,
    rung_by: ScalingSchedule | None,
    now: datetime,
) -> list[ScheduleRun]:
    """Write the runs of locked schedules, what holds for their jobs from now on, and their next slots."""
    job_ids = {candidate.schedule.job_id for candidate in candidates}
    winning = _winning(candidates, job_ids)
    driven = set(
        ScalingPolicy.objects.filter(job_id__in=job_ids, enabled=True, advise_only=False).values_list(
            "job_id", flat=True
        )
    )
    runs = [
        _run_of(candidate, winning[candidate.schedule.job_id], driven, trigger, rung_by, now)
        for candidate in candidates
    ]
    ScheduleRun.objects.bulk_create(runs, batch_size=1000)
    _hold([c for c in candidates if winning[c.schedule.job_id] == c.slot])
    schedules_move(candidates, now=now)
    log.info(
        "schedules_run",
        extra={"count": len(runs), "trigger": str(trigger), "due": candidates[0].due_at.isoformat()},
    )
    _tell(runs)
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


def _winning(candidates: Iterable[Candidate], job_ids: set[int]) -> dict[int, Slot]:
    """For each job the slot that holds: one of these, or the newer one that holds already."""
    slots: defaultdict[int, list[Slot]] = defaultdict(list)
    for bound in ScheduleBound.objects.filter(job_id__in=job_ids):
        slots[bound.job_id].append(Slot(bound.schedule_id, bound.since, bound.kind, bound.instances))
    for candidate in candidates:
        slots[candidate.schedule.job_id].append(candidate.slot)
    return {job_id: winner(found) for job_id, found in slots.items()}


def _run_of(
    candidate: Candidate,
    winning: Slot,
    driven: set[int],
    trigger: ScheduleRun.Trigger,
    rung_by: ScalingSchedule | None,
    now: datetime,
) -> ScheduleRun:
    schedule = candidate.schedule
    state, text, values = ScheduleRun.State.WAITING, "", {}
    if winning != candidate.slot:
        state, text = ScheduleRun.State.SUPERSEDED, OTHER_WINS
        values = {"instances": winning.instances}
    elif schedule.job_id in driven:
        state, text = ScheduleRun.State.APPLIED, LEFT_TO_LOOP
    return ScheduleRun(
        job_id=schedule.job_id,
        schedule=schedule,
        due_at=candidate.due_at,
        at=now,
        state=state,
        text=text,
        values=values,
        trigger=trigger,
        rung_by=rung_by,
        instances=schedule.instances,
        kind=schedule.kind,
        missed=candidate.missed,
    )


def _hold(candidates: Iterable[Candidate]) -> None:
    ScheduleBound.objects.bulk_create(
        [
            ScheduleBound(
                job_id=candidate.schedule.job_id,
                schedule=candidate.schedule,
                kind=candidate.schedule.kind,
                instances=candidate.schedule.instances,
                since=candidate.due_at,
            )
            for candidate in candidates
        ],
        update_conflicts=True,
        unique_fields=["job"],
        update_fields=["schedule", "kind", "instances", "since"],
        batch_size=1000,
    )


def _tell(runs: Sequence[ScheduleRun]) -> None:
    """On commit: open pages hear of it, and workers scale the jobs that no policy scales."""
    topics = ["schedules", *(f"job:{run.job_id}" for run in runs)]
    waiting = [run.pk for run in runs if run.state == ScheduleRun.State.WAITING]
    firsts = waiting[::EFFECTS_AT_ONCE]

    def ring() -> None:
        for first in firsts:
            send(EFFECTS_TASK, first, queue="elastic")
        announce(*topics)

    transaction.on_commit(ring, robust=True)
