"""Slots for which nobody called: found here, and made up for or skipped, as the row says.

Of several missed slots of a row only the newest is dealt with, and its record says how many there were before it: what
those would have asked for is out of date.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.elastic.models import ScalingSchedule, ScheduleRun
from apps.elastic.schedules.ringing import MISFIRE_AFTER, Candidate, schedules_move, slots_note
from apps.elastic.schedules.settling import runs_due_settle
from apps.elastic.schedules.telling import runs_tell

log = logging.getLogger(__name__)

SKIPPED = gettext_noop("Chronos did not ring for it in time; the schedule says to skip it then.")
MOST_COUNTED = 1000


def misfires_run(*, now: datetime, limit: int = 500) -> list[ScheduleRun]:
    """Deal with what was missed, the oldest first, and tell of it, in one transaction: so each is told once, whatever
    becomes of this worker. Returns the records, of which each is new."""
    late = ScalingSchedule.objects.filter(
        next_at__lt=now - MISFIRE_AFTER, enabled=True, job__deleted_at__isnull=True
    )
    with transaction.atomic():
        rows = late.select_for_update(of=("self",), no_key=True, skip_locked=True).order_by("next_at", "pk")
        candidates = [_missed(row, now=now) for row in rows[:limit]]
        runs = _skip(_with_rule(candidates, ScalingSchedule.Misfire.SKIP), now=now)
        made_up = _with_rule(candidates, ScalingSchedule.Misfire.MAKE_UP)
        if made_up:
            runs += slots_note(made_up, trigger=ScheduleRun.Trigger.OCEAN, rung_by=None, now=now)
            runs_due_settle(now=now)
        runs = list(ScheduleRun.objects.filter(pk__in=[run.pk for run in runs]).select_related("job"))
        runs_tell(runs)
    if runs:
        log.warning("schedules_missed", extra={"count": len(runs)})
    return runs


def _missed(row: ScalingSchedule, *, now: datetime) -> Candidate:
    """The newest of the row's slots that have passed."""
    assert row.next_at is not None  # the query asked for it
    later = takewhile(lambda slot: slot <= now, row.rule.slots(row.next_at))
    missed, newest = 0, row.next_at
    for slot in later:
        missed, newest = missed + 1, slot
        if missed >= MOST_COUNTED:
            newest = row.rule.latest_until(now) or newest
            break
    return Candidate(row, newest, missed)


def _with_rule(candidates: Iterable[Candidate], rule: ScalingSchedule.Misfire) -> list[Candidate]:
    return [candidate for candidate in candidates if candidate.schedule.misfire == rule]


def _skip(candidates: list[Candidate], *, now: datetime) -> list[ScheduleRun]:
    runs = [
        ScheduleRun(
            job_id=candidate.schedule.job_id,
            schedule=candidate.schedule,
            due_at=candidate.due_at,
            at=now,
            state=ScheduleRun.State.SKIPPED,
            text=SKIPPED,
            trigger=ScheduleRun.Trigger.OCEAN,
            instances=candidate.schedule.instances,
            kind=candidate.schedule.kind,
            missed=candidate.missed,
        )
        for candidate in candidates
    ]
    ScheduleRun.objects.bulk_create(runs)
    schedules_move(candidates, now=now)
    return runs
