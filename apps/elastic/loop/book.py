"""What the loop remembers of each job between two ticks: in memory, and after a restart from the last checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from apps.elastic import planning
from apps.elastic.loop.facts import Fact, Size, read_endpoints, read_manual, read_sizes
from apps.elastic.models import ScalingPolicy, ScalingState
from apps.elastic.policies import planned
from engines.metrics.base import JobSeries, Metric

log = logging.getLogger(__name__)

SLICES = 12
"""Of each tick one slice is checkpointed and has its instances read again: all of them in a minute."""
SHOWN_WITHIN_S = 25.0
"""What an instance takes shows in its host's numbers, as they are known here, that long after it was asked for: they
are mirrored every 10 s, and read every 10 s."""
PERSON_AT_LEAST = timedelta(minutes=5)
"""A number that a person asked for is kept as the least for so long, or for the policy's look-back if that is more."""


@dataclass(slots=True)
class Entry:
    """One job. `wanted`: the number that it had, or that we asked for, last; `grown`: how many more lately, and when.
    `person`: what somebody else asked for, the least until a time. `told`: what lasts and was told, and when it was
    seen last."""

    policy_id: int
    job_id: int
    version: int
    cluster_id: int
    policy: planning.Policy
    advise_only: bool
    notify: tuple[str, ...]
    metrics: tuple[Metric, ...]
    hold_for: timedelta
    memory: planning.Memory
    endpoints: tuple[str, ...] = ()
    counts: tuple[int, int, int, int] | None = None
    size: Size | None = None
    size_version: int | None = None
    wanted: int | None = None
    grown: tuple[int, float] = (0, 0.0)
    person: tuple[int, datetime] | None = None
    proposed: int | None = None
    told: dict[str, datetime] = field(default_factory=dict)
    series: JobSeries | None = None

    def person_floor(self, *, now: datetime) -> int | None:
        if self.person is None or self.person[1] <= now:
            return None
        return self.person[0]

    def has(self, wanted: int, *, now: datetime) -> None:
        """This is its number, whoever asked for it. One that we did not ask for is somebody's wish: it is where we go
        on from, and for a while the least."""
        if self.wanted is not None and self.wanted != wanted:
            self.person = (wanted, now + self.hold_for)
        self.asked(wanted, now_s=now.timestamp())

    def asked(self, wanted: int, *, now_s: float) -> None:
        """We asked for this number, or somebody did."""
        if self.wanted is not None and wanted > self.wanted:
            self.grown = (self.coming(now_s=now_s) + wanted - self.wanted, now_s)
        self.wanted = wanted

    def coming(self, *, now_s: float) -> int:
        """Instances whose room may not show yet in what the hosts have free. One that finds no host for longer, for
        whatever reason, takes nobody's room."""
        more, at_s = self.grown
        return more if now_s - at_s < SHOWN_WITHIN_S else 0


@dataclass(slots=True)
class Book:
    """Every job that a policy scales."""

    agent_id: int
    entries: dict[int, Entry] = field(default_factory=dict)
    stale: set[int] = field(default_factory=set)
    """Jobs whose instances somebody said have changed."""
    unreadable: dict[int, Exception] = field(default_factory=dict)
    """Jobs whose policy could not be read by the last update, and why."""

    def update(self, facts: Collection[Fact], *, now: datetime, turn: int, whole: bool) -> None:
        """Bring it up to what was read: `whole` when that is every job. A fixed number of queries."""
        if whole:
            present = {fact.job_id for fact in facts}
            for job_id in self.entries.keys() - present:
                del self.entries[job_id]
        self.unreadable.clear()
        changed = [fact for fact in facts if self._is_news(fact)]
        if changed:
            self._read_policies(changed, now=now)
        # Somebody may have asked for the very number that is there, which shows nowhere else.
        self._read_persons(
            {fact.job_id for fact in changed} | (self.stale & {fact.job_id for fact in facts}), now=now
        )
        self._read_instances(facts, turn=turn)
        self._read_sizes(facts)

    def _is_news(self, fact: Fact) -> bool:
        entry = self.entries.get(fact.job_id)
        return entry is None or (entry.policy_id, entry.version) != (fact.policy_id, fact.version)

    def _read_policies(self, facts: Collection[Fact], *, now: datetime) -> None:
        """What was learned of a job survives a change of its policy, and what was told of it is not told again."""
        policies = ScalingPolicy.objects.in_bulk([fact.policy_id for fact in facts])
        states = ScalingState.objects.filter(policy__in=[fact.policy_id for fact in facts])
        kept = dict(states.values_list("policy_id", "memory"))
        for fact in facts:
            policy = policies.get(fact.policy_id)
            if policy is None:  # deleted since
                continue
            before = self.entries.get(fact.job_id)
            try:
                memory = before.memory if before else _memory(fact.job_id, kept.get(policy.pk))
                entry = _entry(policy, fact, memory)
            except Exception as exc:  # noqa: BLE001 - one job's fault, which is told
                self.unreadable[fact.job_id] = exc
                self.entries.pop(fact.job_id, None)
                continue
            if before is not None:
                entry.told, entry.proposed = before.told, before.proposed
            self.entries[fact.job_id] = entry

    def _read_persons(self, job_ids: Collection[int], *, now: datetime) -> None:
        longest = max(
            (self.entries[job_id].hold_for for job_id in job_ids if job_id in self.entries), default=None
        )
        if longest is None:
            return
        for job_id, (instances, at) in read_manual(
            job_ids, agent_id=self.agent_id, since=now - longest
        ).items():
            entry = self.entries.get(job_id)
            if entry is not None:
                entry.person = (instances, at + entry.hold_for)

    def _read_instances(self, facts: Iterable[Fact], *, turn: int) -> None:
        """Of jobs whose counts moved, of those that were announced, and of a slice of all."""
        look = set()
        for fact in facts:
            entry = self.entries.get(fact.job_id)
            if entry is None:
                continue
            moved = entry.counts != fact.counts or fact.job_id in self.stale
            if moved or fact.job_id % SLICES == turn % SLICES:
                entry.counts = fact.counts
                look.add(fact.job_id)
        if not look:
            return
        self.stale -= look
        found = read_endpoints(look)
        for job_id in look:
            entry = self.entries[job_id]
            endpoints = found.get(job_id, ())
            if entry.endpoints != endpoints or entry.series is None:
                entry.endpoints = endpoints
                entry.series = JobSeries(str(job_id), endpoints, entry.metrics)

    def _read_sizes(self, facts: Iterable[Fact]) -> None:
        """What an instance asks for changes with the version only."""
        news = {
            fact.job_id: fact.target_version
            for fact in facts
            if fact.target_version is not None
            and (entry := self.entries.get(fact.job_id)) is not None
            and entry.size_version != fact.target_version
        }
        for job_id, size in read_sizes(news).items():
            entry = self.entries[job_id]
            entry.size, entry.size_version = size, news[job_id]


def _entry(policy: ScalingPolicy, fact: Fact, memory: planning.Memory) -> Entry:
    values = planned(policy)
    return Entry(
        policy_id=policy.pk,
        job_id=fact.job_id,
        version=policy.version,
        cluster_id=fact.cluster_id,
        policy=values,
        advise_only=policy.advise_only,
        notify=tuple(policy.notify),
        metrics=_asked(policy.metrics),
        hold_for=max(PERSON_AT_LEAST, timedelta(seconds=policy.window_s)),
        memory=memory,
    )


def _memory(job_id: int, kept: Any) -> planning.Memory:
    """What was kept; where that cannot be read the job begins anew."""
    try:
        return planning.Memory.from_json(kept or {})
    except Exception:
        log.exception("memory_unreadable", extra={"job": job_id})
        return planning.Memory()


def _asked(entries: Iterable[dict[str, Any]]) -> tuple[Metric, ...]:
    """The metrics to ask for: those of the policy, and CPU where it teaches what an instance can do."""
    names = [cast("Metric", entry["metric"]) for entry in entries]
    if any("share" in entry for entry in entries) and "cpu" not in names:
        names.append("cpu")
    return tuple(names)
