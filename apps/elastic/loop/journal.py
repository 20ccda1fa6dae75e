"""Decisions become rows, few of them: one that repeats is the same row with a count. Memories are checkpointed.

Repeats and checkpoints are written a slice at a time, so that a tick of 10,000 quiet jobs writes a few hundred small
rows by two statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from apps.elastic.loop.book import SLICES, Entry
from apps.elastic.models import ScalingDecision

MERGE_FOR = timedelta(hours=1)
"""A row takes in what repeats for so long."""
FRESH_A_TICK = 500
"""So many new rows of decisions that changed nothing are written in a tick; the others wait for the next."""

_REPEATED = """
UPDATE elastic_scalingdecision AS row
   SET count = new.count, last_at = new.last_at, running = new.running, healthy = new.healthy,
       values = new.values::jsonb, inputs = new.inputs::jsonb, wishes = new.wishes::jsonb
  FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[], %s::int[], %s::int[], %s::text[], %s::text[], %s::text[])
       AS new (id, count, last_at, running, healthy, values, inputs, wishes)
 WHERE row.id = new.id
"""
_STATES = """
INSERT INTO elastic_scalingstate (policy_id, memory, saved_at, proposed, proposed_at)
SELECT policy.id, new.memory::jsonb, %s, new.proposed, CASE WHEN new.proposed IS NULL THEN NULL ELSE %s END
  FROM unnest(%s::bigint[], %s::text[], %s::int[]) AS new (policy_id, memory, proposed)
  JOIN elastic_scalingpolicy AS policy ON policy.id = new.policy_id
    ON CONFLICT (policy_id) DO UPDATE
   SET memory = EXCLUDED.memory, saved_at = EXCLUDED.saved_at, proposed = EXCLUDED.proposed,
       proposed_at = EXCLUDED.proposed_at
"""

Key = tuple[str, int, int, int]
"""(verdict, instances, wanted, running): what a chart shows of it."""


@dataclass(slots=True)
class Journal:
    """What is to be written."""

    _open: dict[int, dict[Key, ScalingDecision]] = field(default_factory=dict)
    _fresh: dict[int, list[ScalingDecision]] = field(default_factory=dict)
    _repeated: dict[int, set[Key]] = field(default_factory=dict)

    def note(self, decision: ScalingDecision) -> None:
        """A decision that changes nothing: a repeat of one that is known, or a new row."""
        rows = self._open.setdefault(decision.job_id, {})
        key = (decision.verdict, decision.instances, decision.wanted, decision.running)
        known = rows.get(key)
        if known is None or decision.at - known.at >= MERGE_FOR:
            rows[key] = decision
            self._fresh.setdefault(decision.job_id, []).append(decision)
            return
        known.count += 1
        known.last_at = decision.at
        known.running, known.healthy = decision.running, decision.healthy
        known.values, known.inputs, known.wishes = decision.values, decision.inputs, decision.wishes
        if known.pk is not None:
            self._repeated.setdefault(decision.job_id, set()).add(key)

    def enact(self, decisions: Iterable[ScalingDecision]) -> None:
        """Write those that something is to be done for now, so that it can be done once for each. What came before them
        is written first, and takes in no more: the rows tell in which order things were."""
        decisions = list(decisions)
        for decision in decisions:
            self._write_fresh(self._fresh.pop(decision.job_id, []))
            self._open.pop(decision.job_id, None)
            self._repeated.pop(decision.job_id, None)
        ScalingDecision.objects.bulk_create(decisions, batch_size=1000)

    def write(self, *, turn: int, whole: bool = False) -> set[int]:
        """New rows, up to a number, and a slice of the repeats; `whole`: all of both. Returns whose they are."""
        take: list[ScalingDecision] = []
        for job_id in list(self._fresh):
            if len(take) >= FRESH_A_TICK and not whole:
                break
            take += self._fresh.pop(job_id)
        self._write_fresh(take)
        jobs = [job_id for job_id in self._repeated if whole or job_id % SLICES == turn % SLICES]
        rows = [
            row
            for job_id in jobs
            for key in self._repeated.pop(job_id)
            if (row := self._open.get(job_id, {}).get(key)) is not None and row.pk is not None
        ]
        if rows:
            with connection.cursor() as cursor:
                cursor.execute(_REPEATED, _columns(rows))
        return {row.job_id for row in (*take, *rows)}

    def forget(self, job_ids: Iterable[int]) -> None:
        """Jobs that nothing scales any more."""
        for job_id in job_ids:
            self._open.pop(job_id, None)
            self._fresh.pop(job_id, None)
            self._repeated.pop(job_id, None)

    @property
    def jobs(self) -> set[int]:
        return set(self._open)

    def _write_fresh(self, rows: list[ScalingDecision]) -> None:
        if rows:
            ScalingDecision.objects.bulk_create(rows, batch_size=1000)


def _columns(rows: list[ScalingDecision]) -> list[list[Any]]:
    return [
        [row.pk for row in rows],
        [row.count for row in rows],
        [row.last_at for row in rows],
        [row.running for row in rows],
        [row.healthy for row in rows],
        [json.dumps(row.values) for row in rows],
        [json.dumps(row.inputs) for row in rows],
        [json.dumps(row.wishes) for row in rows],
    ]


def checkpoint(entries: Iterable[Entry], *, now: datetime) -> None:
    """Keep what the loop remembers of these jobs, and what it proposes. One statement."""
    rows = list(entries)
    if not rows:
        return
    values: list[Any] = [
        now,
        now,
        [entry.policy_id for entry in rows],
        [json.dumps(entry.memory.to_json()) for entry in rows],
        [entry.proposed for entry in rows],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_STATES, values)
