"""A slot's time has come: what was noted takes effect, and jobs that no policy scales are queued for scaling.

A worker is asked to look at that very time; if the message is lost, the timer (`elastic.watch_schedules`) settles the
slot a few seconds later.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.live import announce
from apps.core.operations.dispatch import send
from apps.elastic.models import ScalingPolicy, ScalingSchedule, ScheduleBound, ScheduleRun
from apps.elastic.schedules.bounds import Slot, winner

log = logging.getLogger(__name__)

SETTLE_TASK = "elastic.settle_schedules"
EFFECTS_TASK = "elastic.run_schedule_effects"
EFFECTS_AT_ONCE = 50
"""Runs that one task turns into operations."""
SLACK = timedelta(milliseconds=200)
"""What is due within that counts as due."""
AHEAD = timedelta(milliseconds=150)
"""A worker is asked to begin so long before the slot: to write it takes a moment, and a second for thousands."""
SETTLE_LOCK = 7211
"""An advisory lock: one settles at a time, since slots of one job at one moment decide between them."""

OTHER_WINS = gettext_noop(
    "Another schedule of the job says %(instances)s instances for the same time or a later one."
)
LEFT_TO_LOOP = gettext_noop("Holds for the scaling by metric from now on.")
REMOVED = gettext_noop("The schedule was removed or disabled just before.")

State = ScheduleRun.State


@transaction.atomic
def runs_due_settle(*, now: datetime) -> list[ScheduleRun]:
    """Make real what was rung for and is due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [SETTLE_LOCK])
    due = ScheduleRun.objects.filter(state=State.RUNG, due_at__lte=now + SLACK)
    runs = list(due.select_for_update().order_by("pk"))
    if runs:
        _settle(runs)
    return runs


def _settle(runs: Sequence[ScheduleRun]) -> None:
    """Write what became of these runs, and what holds for their jobs from now on."""
    schedules = ScalingSchedule.objects.filter(pk__in={run.schedule_id for run in runs}, enabled=True)
    enabled = set(schedules.values_list("pk", flat=True))
    alive = [run for run in runs if run.schedule_id in enabled]
    job_ids = {run.job_id for run in alive}
    winning = _winning(alive, job_ids)
    policies = ScalingPolicy.objects.filter(job_id__in=job_ids, enabled=True, advise_only=False)
    driven = set(policies.values_list("job_id", flat=True))
    held = []
    for run in runs:
        if run.schedule_id not in enabled:
            run.state, run.text = State.SKIPPED, REMOVED
        elif winning[run.job_id] != _slot(run):
            run.state, run.text = State.SUPERSEDED, OTHER_WINS
            run.values = {"instances": winning[run.job_id].instances}
        else:
            held.append(run)
            by_loop = run.job_id in driven
            run.state, run.text = (State.APPLIED, LEFT_TO_LOOP) if by_loop else (State.WAITING, "")
    _hold(held)
    _save(runs)
    log.info("schedules_settled", extra={"count": len(runs), "due": runs[0].due_at.isoformat()})
    _tell(runs)


def _slot(run: ScheduleRun) -> Slot:
    return Slot(run.schedule_id or 0, run.due_at, run.kind, run.instances)


def _winning(runs: Iterable[ScheduleRun], job_ids: set[int]) -> dict[int, Slot]:
    """For each job the slot that holds: one of these, or the newer one that holds already."""
    slots: defaultdict[int, list[Slot]] = defaultdict(list)
    for bound in ScheduleBound.objects.filter(job_id__in=job_ids):
        slots[bound.job_id].append(Slot(bound.schedule_id, bound.since, bound.kind, bound.instances))
    for run in runs:
        slots[run.job_id].append(_slot(run))
    return {job_id: winner(found) for job_id, found in slots.items()}


def _hold(runs: Iterable[ScheduleRun]) -> None:
    ScheduleBound.objects.bulk_create(
        [
            ScheduleBound(
                job_id=run.job_id,
                schedule_id=_slot(run).schedule_id,
                kind=run.kind,
                instances=run.instances,
                since=run.due_at,
            )
            for run in runs
        ],
        update_conflicts=True,
        unique_fields=["job"],
        update_fields=["schedule", "kind", "instances", "since"],
        batch_size=1000,
    )


def _save(runs: Iterable[ScheduleRun]) -> None:
    """Runs that became the same are written together."""
    at = timezone.now()
    alike: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
    for run in runs:
        run.at = at
        alike[(run.state, run.text, json.dumps(run.values))].append(run.pk)
    for (state, text, values), pks in alike.items():
        found = ScheduleRun.objects.filter(pk__in=pks)
        found.update(state=state, text=text, values=json.loads(values), at=at)


def _tell(runs: Sequence[ScheduleRun]) -> None:
    """On commit: open pages hear of it, and workers scale the jobs that no policy scales."""
    topics = ["schedules", *(f"job:{run.job_id}" for run in runs)]
    waiting = [run.pk for run in runs if run.state == State.WAITING]

    def ring() -> None:
        for first in waiting[::EFFECTS_AT_ONCE]:
            send(EFFECTS_TASK, first, queue="elastic")
        announce(*topics)

    transaction.on_commit(ring, robust=True)
