"""Writes decisions as few rows, since one that repeats is the same row with a count; and checkpoints the memories.

Repeats and checkpoints are written in slices, one slice after each tick, so that of 10,000 quiet jobs a few hundred
small rows are written at a time, by two statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Protocol

from django.db import connection

from apps.elastic.loop.book import SLICES, Entry
from apps.elastic.loop.faults import spare
from apps.elastic.models import ScalingDecision

MERGE_FOR = timedelta(hours=1)
"""A row takes in what repeats for so long."""
FRESH_A_TICK = 500
"""So many new rows of decisions that changed nothing are written in a tick; the others wait for the next. Of jobs whose
verdict turned back to an earlier one, so many are written at once; the others wait for their slice."""

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


class Notable(Protocol):
    """A decision before it is a row: most are repeats, and never become one."""

    @property
    def job_id(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def key(self) -> Key: ...
    @property
    def row(self) -> ScalingDecision: ...


@dataclass(slots=True)
class _Open:
    """A row that takes in what repeats, and the newest of that."""

    row: ScalingDecision
    newest: Notable | None = None

    def brought_up(self) -> ScalingDecision:
        """The row with the numbers of the newest."""
        if self.newest is not None:
            newest, self.newest = self.newest.row, None
            for name in ("healthy", "values", "inputs", "wishes"):
                setattr(self.row, name, getattr(newest, name))
        return self.row


@dataclass(slots=True)
class Journal:
    """What is to be written."""

    _open: dict[int, dict[Key, _Open]] = field(default_factory=dict)
    _fresh: dict[int, list[ScalingDecision]] = field(default_factory=dict)
    _repeated: dict[int, set[Key]] = field(default_factory=dict)
    _newest: dict[int, Key] = field(default_factory=dict)
    _turned: set[int] = field(default_factory=set)
    faults: list[tuple[int, Exception]] = field(default_factory=list)
    """The jobs whose rows could not be written, until somebody has looked."""

    def note(self, seen: Notable) -> None:
        """A decision that changes nothing: a repeat of one that is known, or a new row."""
        job_id, key = seen.job_id, seen.key
        rows = self._open.setdefault(job_id, {})
        known = rows.get(key)
        before, self._newest[job_id] = self._newest.get(job_id), key
        if known is None or seen.at - known.row.at >= MERGE_FOR:
            rows[key] = _Open(seen.row)
            self._fresh.setdefault(job_id, []).append(seen.row)
            return
        known.row.count += 1
        known.row.last_at = seen.at
        known.newest = seen
        if known.row.pk is not None:
            self._repeated.setdefault(job_id, set()).add(key)
            if before != key:
                self._turned.add(job_id)

    def enact(self, decisions: Iterable[ScalingDecision]) -> None:
        """Write those that something is to be done for now, so that it can be done once for each. What came before them
        is written first, and takes in no more: the rows tell in which order things were."""
        decisions = list(decisions)
        before: list[ScalingDecision] = []
        for decision in decisions:
            before += self._fresh.pop(decision.job_id, [])
            self._open.pop(decision.job_id, None)
            self._repeated.pop(decision.job_id, None)
            self._newest.pop(decision.job_id, None)
        self._write_fresh([*before, *decisions])

    def write_new(self, *, whole: bool = False) -> set[int]:
        """New rows, up to a number (`whole`: all). Returns whose they are."""
        take: list[ScalingDecision] = []
        for job_id in list(self._fresh):
            if len(take) >= FRESH_A_TICK and not whole:
                break
            take += self._fresh.pop(job_id)
        self._write_fresh(take)
        return {row.job_id for row in take}

    def write_repeats(self, *, turn: int, whole: bool = False) -> set[int]:
        """Of the repeats a slice, and those that say something else than before (`whole`: all). Returns whose they
        are."""
        turned = set(islice(self._turned, FRESH_A_TICK))
        self._turned.clear()
        jobs = [
            job_id
            for job_id in self._repeated
            if whole or job_id % SLICES == turn % SLICES or job_id in turned
        ]
        known = [
            known
            for job_id in jobs
            for key in self._repeated.pop(job_id)
            if (known := self._open.get(job_id, {}).get(key)) is not None
        ]
        for one, exc in spare(_write_repeated, known):
            self._spoiled(one.row.job_id, exc)
        return {one.row.job_id for one in known}

    def forget(self, job_ids: Iterable[int]) -> None:
        """Jobs that nothing scales any more."""
        for job_id in job_ids:
            self._open.pop(job_id, None)
            self._fresh.pop(job_id, None)
            self._repeated.pop(job_id, None)
            self._newest.pop(job_id, None)

    @property
    def jobs(self) -> set[int]:
        return set(self._open)

    def _write_fresh(self, rows: Iterable[ScalingDecision]) -> None:
        for row, exc in spare(_create, rows):
            self._spoiled(row.job_id, exc)

    def _spoiled(self, job_id: int, exc: Exception) -> None:
        self.faults.append((job_id, exc))
        self.forget([job_id])


def _create(rows: Sequence[ScalingDecision]) -> None:
    for row in rows:
        row.pk = None  # of a try that was taken back
    ScalingDecision.objects.bulk_create(rows, batch_size=1000)


def _write_repeated(known: Sequence[_Open]) -> None:
    rows = [one.brought_up() for one in known]
    with connection.cursor() as cursor:
        cursor.execute(_REPEATED, _columns(rows))


def _columns(rows: Sequence[ScalingDecision]) -> list[list[Any]]:
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
