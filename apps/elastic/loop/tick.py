"""One tick: read, ask the metric sources, decide, record, act. A function of the time, the sources and the database.

Jobs that grow are acted on before those that shrink. A tick acts for a short time only and goes on between the ticks
(`Loop.go_on`); what is still left when the next tick comes is decided anew, by newer samples.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError

from apps.core.live import announce
from apps.elastic import planning
from apps.elastic.loop.acting import enact
from apps.elastic.loop.book import SLICES, Book, Entry
from apps.elastic.loop.facts import Fact, Surroundings, read_facts, read_surroundings
from apps.elastic.loop.faults import Faults, spare
from apps.elastic.loop.journal import Journal, checkpoint
from apps.elastic.loop.looking import look
from apps.elastic.loop.samples import SampleReader, Samples
from apps.elastic.loop.seen import Failure, Seen
from apps.elastic.loop.shares import Shares, room_left
from apps.hosts.capacity import Capacity, capacity_by_cluster

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.core.models import Operation

log = logging.getLogger(__name__)

ACT_UNTIL_S = 0.8
"""After the tick's begin; it goes on until the next one is due (`Loop.go_on`)."""
ACT_TOGETHER = 100
"""So many decisions are enacted in one transaction, which holds their jobs for a tenth of a second."""
CAPACITY_EVERY_S = 10.0

Told = Callable[[Iterable[Seen]], None]


@dataclass(slots=True)
class Report:
    """What a tick came to."""

    jobs: int = 0
    acted: int = 0
    waiting: int = 0
    away: dict[int, str] = field(default_factory=dict)
    took_s: float = 0.0


class Loop:
    """Lives for as long as this process holds the lock."""

    def __init__(self, samples: SampleReader, *, agent: User, tell: Told | None = None) -> None:
        self.book = Book(agent.pk)
        self._agent = agent
        self._samples = samples
        self._tell = tell
        self._journal = Journal()
        self._faults = Faults()
        self._turn = 0
        self._now = datetime.min.replace(tzinfo=UTC)
        self._left: list[Seen] = []
        self._unkept = False
        self._shares = Shares()
        self._capacity: tuple[float, dict[int, Capacity]] = (float("-inf"), {})

    def tick(self, now: datetime, *, only: Collection[int] | None = None) -> Report:
        """Look, decide, act; `only`: of these jobs, in between, as something was said of them."""
        began = time.monotonic()
        waited = self._set_aside(only)
        self._now = now
        if only is None:
            self._turn += 1
        facts = read_facts(only=only)
        self.book.update(facts, now=now, turn=self._turn, whole=only is None)
        for fact in facts:
            if (unreadable := self.book.unreadable.get(fact.job_id)) is not None:
                self._fail(fact.job_id, fact.counts, unreadable)
        facts = [fact for fact in facts if fact.job_id in self.book.entries]
        around = read_surroundings(facts, agent_id=self._agent.pk, now=now, only=only)
        self._share(around.quota_left, now=now, whole=only is None)
        samples = self._read_samples(facts, now=now)
        seen = [
            self._newest(one, waited.get(one.job_id))
            for one in self._see_all(facts, around, samples, now=now)
        ]
        self._left = sorted(
            (*self._left, *(one for one in seen if one.acts)),
            key=lambda one: one.observation.wanted - one.decision.wanted,
        )
        report = Report(jobs=len(seen), away=samples.away)
        done = self._act(until=began + ACT_UNTIL_S)
        report.acted = sum(one.acted for one in done)
        report.waiting = len(done) - report.acted + len(self._left)
        for one in seen:
            if not one.acts:
                self._note(one)
        self._say(seen)
        self._write(seen, now=now, whole=only is None)
        report.took_s = time.monotonic() - began
        return report

    def save(self, now: datetime) -> None:
        """Keep everything: the process ends."""
        for one in self._set_aside().values():
            self._note(one)
        self._journal.write_new(whole=True)
        self._journal.write_repeats(turn=0, whole=True)
        self._keep(self.book.entries.values(), now=now)

    # --- looking ---------------------------------------------------------------------------------------

    def _read_samples(self, facts: Iterable[Fact], *, now: datetime) -> Samples:
        series: dict[int, list[Any]] = {}
        for fact in facts:
            entry = self.book.entries[fact.job_id]
            if entry.series is not None and fact.wanted and fact.target_version is not None:
                series.setdefault(fact.cluster_id, []).append(entry.series)
        return self._samples.read(series, now_s=now.timestamp())

    def _see_all(
        self, facts: Iterable[Fact], around: Surroundings, samples: Samples, *, now: datetime
    ) -> list[Seen]:
        """A job that cannot be decided, which is a mistake of ours, is left alone and holds up no other. It begins
        anew, without what it remembered, over which the decision may have stumbled."""
        seen = []
        for fact in facts:
            if fact.job_id in samples.faults:
                self._fail(fact.job_id, fact.counts, samples.faults[fact.job_id])
                continue
            try:
                seen.append(self._see(fact, around, samples, now=now))
            except Exception as exc:  # noqa: BLE001 - one job's fault, which is told
                self._fail(fact.job_id, fact.counts, exc)
                self.book.entries[fact.job_id].memory = planning.Memory()
        return seen

    def _see(self, fact: Fact, around: Surroundings, samples: Samples, *, now: datetime) -> Seen:
        return look(self.book.entries[fact.job_id], fact, around, self._shares, samples, now=now)

    def _share(self, quota_left: dict[int, int], *, now: datetime, whole: bool) -> None:
        """What is left of what jobs share. What was decided and not asked for yet is taken already: from the room until
        the next whole tick, from the quotas as they are read anew."""
        if whole:
            read_at, capacity = self._capacity
            if time.monotonic() - read_at > CAPACITY_EVERY_S:
                capacity = capacity_by_cluster()
                self._capacity = (time.monotonic(), capacity)
            room = room_left(capacity, self.book.entries.values(), now_s=now.timestamp())
            self._shares = Shares(quota_left, room)
            return
        for one in self._left:
            if one.fact.line_id in quota_left:
                quota_left[one.fact.line_id] -= one.grows_by
        self._shares.quota_left = quota_left

    # --- acting ----------------------------------------------------------------------------------------

    def go_on(self, *, until: float) -> None:
        """What can wait for the end of the tick: write what repeats and what is remembered of a slice of the jobs, and
        act on what there was no time for, until this moment of `time.monotonic`."""
        if self._unkept:
            self._unkept = False
            _announce(self._write_slice())
        acted = [one for one in self._act(until=until) if one.acted]
        self._say(acted)
        _announce({one.job_id for one in acted})

    def _act(self, *, until: float) -> list[Seen]:
        """The largest growth first. Returns those whose turn it was."""
        done: list[Seen] = []
        while self._left and time.monotonic() < until:
            some, self._left = self._left[:ACT_TOGETHER], self._left[ACT_TOGETHER:]
            self._act_on(some)
            done += some
        return done

    def _act_on(self, some: Sequence[Seen]) -> None:
        """What is remembered is kept before anything is asked for: whoever takes over in the middle then counts no
        sample a second time, and at worst decides again by new ones."""
        ready = [one for one in some if self._can(one)]
        self._journal.enact([one.row for one in ready])
        broken = {job_id for job_id, _ in self._journal.faults}
        ready = [one for one in ready if one.job_id not in broken]
        answers: dict[int, Operation | None] = {}

        def ask(batch: Sequence[Seen]) -> None:
            checkpoint([one.entry for one in batch], now=self._now)
            operations = enact([one.order for one in batch], agent=self._agent, now=self._now)
            answers.update(zip((one.job_id for one in batch), operations, strict=True))

        for one, exc in spare(ask, ready):
            answers.pop(one.job_id, None)
            one.spoiled(self._faults.note(one.job_id, exc, now=self._now))
            one.row.save(update_fields=["verdict", "values", "wanted", "acted", "operation"])
            one.entry.memory = planning.Memory()
        for one in ready:
            if one.job_id in answers:
                one.answered(answers[one.job_id])

    def _can(self, one: Seen) -> bool:
        """Whether the decision can be put into words."""
        try:
            return bool(one.order.decision)
        except Exception as exc:  # noqa: BLE001 - one job's fault, which is told
            self._fail(one.job_id, one.fact.counts, exc)
            return False

    def _set_aside(self, only: Collection[int] | None = None) -> dict[int, Seen]:
        """Those (of these jobs) that there was no time for: they are decided anew, by the newest samples. Until
        something else is decided growing stays wanted, however long it takes until its turn comes."""
        aside = {one.job_id: one for one in self._left if only is None or one.job_id in only}
        self._left = [one for one in self._left if one.job_id not in aside]
        for one in aside.values():
            one.put_off(now_s=self._now.timestamp())
            self._shares.take(one.entry, one.fact.line_id, -one.grows_by)
        return aside

    def _newest(self, one: Seen, waited: Seen | None) -> Seen:
        """The decision that counts; the one that waited for its turn, with its own words, where nothing else was
        decided since."""
        if waited is None:
            return one
        same = (one.wanted, one.observation.wanted) == (waited.wanted, waited.observation.wanted)
        if one.acts and one.verdict.code == "again" and same:
            waited.waits = False
            return waited
        self._note(waited)
        return one

    # --- writing ---------------------------------------------------------------------------------------

    def _note(self, one: Seen) -> None:
        try:
            self._journal.note(one)
        except Exception as exc:  # noqa: BLE001 - one job's fault, which is told
            self._fail(one.job_id, one.fact.counts, exc)

    def _fail(self, job_id: int, counts: tuple[int, int, int, int], exc: Exception) -> None:
        """The job's page says that the loop fails on it; its number stays."""
        error = self._faults.note(job_id, exc, now=self._now)
        self._journal.note(Failure(job_id, self._now, counts, error))

    def _keep(self, entries: Iterable[Entry], *, now: datetime) -> None:
        """A memory that cannot be kept is of no use: that job begins anew."""
        for entry, exc in spare(partial(checkpoint, now=now), entries):
            entry.memory = planning.Memory()
            self._fail(entry.job_id, entry.counts or (0, 0, 0, 0), exc)

    def _say(self, seen: Sequence[Seen]) -> None:
        """Who is not told is told next time; nothing waits for it. But a connection that is lost takes the lock along,
        and Django would silently go on over another."""
        if self._tell is None:
            return
        try:
            self._tell(seen)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("scaling_not_told")

    def _write(self, seen: list[Seen], *, now: datetime, whole: bool) -> None:
        urgent = []
        for one in seen:
            proposed = one.decision.asks if one.decision.needs_approval else None
            if proposed != one.entry.proposed:
                urgent.append(one.entry)
            one.entry.proposed = proposed
        told = {entry.job_id for entry in urgent} | {one.job_id for one in seen if one.acted}
        if not whole:
            self._keep(urgent, now=now)
            _announce(told)
            return
        self._journal.forget(self._journal.jobs - self.book.entries.keys() - self.book.unreadable.keys())
        told |= self._journal.write_new()
        self._keep(urgent, now=now)
        self._unkept = True
        self._note_faults()
        self._faults.forget(now=now)
        _announce(told)

    def _write_slice(self) -> set[int]:
        told = self._journal.write_repeats(turn=self._turn)
        entries = self.book.entries.values()
        self._keep([one for one in entries if one.job_id % SLICES == self._turn % SLICES], now=self._now)
        self._note_faults()
        return told

    def _note_faults(self) -> None:
        """Whose rows could not be written."""
        for job_id, exc in self._journal.faults:
            known = self.book.entries.get(job_id)
            self._fail(job_id, (known and known.counts) or (0, 0, 0, 0), exc)
        self._journal.faults.clear()


def _announce(job_ids: Collection[int]) -> None:
    announce(*(f"scaling:{job_id}" for job_id in job_ids))
