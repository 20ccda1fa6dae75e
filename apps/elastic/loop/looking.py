"""One job in one tick: from what was read to what is decided."""

from __future__ import annotations

from datetime import datetime

from apps.elastic import planning
from apps.elastic.loop.book import Entry
from apps.elastic.loop.facts import Fact, Surroundings
from apps.elastic.loop.samples import Samples
from apps.elastic.loop.seen import Seen
from apps.elastic.loop.shares import Shares
from apps.elastic.schedules.bounds import Bound


def look(
    entry: Entry, fact: Fact, around: Surroundings, shares: Shares, samples: Samples, *, now: datetime
) -> Seen:
    """Decide, by all that is known; who grows takes from the shares."""
    observation = _observe(entry, fact, around, shares, samples, now=now)
    wanted = observation.wanted
    rests = _rests(fact, samples, around.scheduled.get(fact.job_id))
    if rests is None:
        decision = planning.decide(entry.policy, entry.memory, observation)
        decision = planning.still_waiting(entry.policy, decision, observation)
    else:
        entry.memory.waiting = None
        decision = planning.Decision(entry.memory, wanted, planning.Reason(rests))
    seen = Seen(entry, fact, observation, decision, decision.verdict, decision.wanted, now, acts=False)
    if decision.wanted == wanted or entry.advise_only:
        return seen
    if around.all_paused or (fact.paused_until is not None and fact.paused_until > now):
        planning.called_off(decision)
        seen.verdict, seen.wanted = planning.Reason("paused", {"wish": decision.wanted}), wanted
    elif observation.publishing:  # it would be refused; nothing shrinks meanwhile
        seen.put_off()
    else:
        seen.acts = True
        shares.take(entry, fact.line_id, seen.grows_by)
    return seen


def _observe(
    entry: Entry, fact: Fact, around: Surroundings, shares: Shares, samples: Samples, *, now: datetime
) -> planning.Observation:
    held = around.held.get(fact.job_id)
    wanted = fact.wanted
    if held is not None and held.is_ours and held.instances is not None:
        wanted = held.instances
    entry.has(wanted, now=now)
    bound = around.scheduled.get(fact.job_id)
    floors = (entry.person_floor(now=now), around.until.get(fact.job_id), bound.floor if bound else None)
    asked = [number for number in floors if number is not None]
    return planning.Observation(
        now_s=now.timestamp(),
        wanted=wanted,
        running=fact.running,
        healthy=min(fact.healthy, fact.running),
        starting=fact.staging,
        publishing=held is not None and not held.is_ours,
        samples=samples.of(fact.job_id),
        floor=max(asked) if asked else None,
        exact=bound.exact if bound else None,
        quota_max=shares.quota_max(fact, wanted),
        capacity_max=shares.room_max(entry, wanted),
        source_away=fact.cluster_id in samples.away or fact.cluster_id in samples.none,
        approved_down_to=fact.approved_down_to(now=now),
    )


def _rests(fact: Fact, samples: Samples, bound: Bound | None) -> str | None:
    """Why there is nothing to decide. What a schedule says holds without monitoring, too."""
    if fact.target_version is None:
        return "not_published"
    if not fact.wanted:
        return "stopped"
    if fact.cluster_id in samples.none and bound is None:
        return "no_source"
    return None
