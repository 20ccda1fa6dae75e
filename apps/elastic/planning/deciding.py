"""`decide`: one job, one tick."""

from __future__ import annotations

from apps.elastic.planning.changes import change
from apps.elastic.planning.fleet import fleet_see
from apps.elastic.planning.limits import Bounded, paced_in, paced_out, within_bounds
from apps.elastic.planning.memory import Memory
from apps.elastic.planning.target import target_wish
from apps.elastic.planning.threshold import threshold_wish
from apps.elastic.planning.values import Decision, MetricPolicy, Mode, Observation, Policy, Reason, Wish


def decide(policy: Policy, memory: Memory, seen: Observation) -> Decision:
    """The number of instances that `policy` asks for, given all that was seen so far. Brings `memory` up to date."""
    if memory.began_s is None:
        memory.began_s = seen.now_s
    fleet_see(memory.fleet, seen)
    wishes = tuple(_wish(policy, metric, memory, seen) for metric in policy.metrics)
    known = [wish for wish in wishes if wish.wanted is not None]
    if known:
        memory.seen_s = seen.now_s
    if seen.exact is not None:
        bounded = within_bounds(policy, seen, seen.exact)
        if seen.publishing and bounded.wanted < seen.wanted:
            bounded.hold(Reason("publishing", {"wish": bounded.wanted}), seen.wanted)
        return _decided(policy, memory, seen, bounded, Reason("exact", {"instances": seen.exact}), wishes)
    top = max(known, key=lambda wish: wish.wanted or 0, default=None)
    bounded = within_bounds(policy, seen, seen.wanted if top is None or top.wanted is None else top.wanted)
    if bounded.wanted > seen.wanted:
        paced_out(policy, memory, seen, bounded)
    elif bounded.wanted < seen.wanted:
        _shrink(policy, memory, seen, bounded, wishes)
    reason = top.reason if top is not None else _blind(wishes, seen)
    return _decided(policy, memory, seen, bounded, reason, wishes)


def _wish(policy: Policy, metric: MetricPolicy, memory: Memory, seen: Observation) -> Wish:
    if metric.mode is Mode.THRESHOLD:
        wish = threshold_wish(policy, metric, memory, seen)
    else:
        wish = target_wish(policy, metric, memory, seen)
    if seen.source_away and (wish.wanted is None or wish.wanted <= seen.wanted):
        return Wish(metric.metric, None, Reason("source_away"))
    return wish


def _shrink(
    policy: Policy, memory: Memory, seen: Observation, bounded: Bounded, wishes: tuple[Wish, ...]
) -> None:
    """Only if everything is known and well: bad data can hold or grow, never shrink."""
    wish = bounded.wanted
    unknown = next((wish for wish in wishes if wish.wanted is None), None)
    if unknown is not None:
        values = {"wish": wish, "metric": unknown.metric, "why": unknown.reason.code, **unknown.reason.values}
        bounded.hold(Reason("unknown", values), seen.wanted)
    elif seen.publishing:
        bounded.hold(Reason("publishing", {"wish": wish}), seen.wanted)
    elif seen.starting > 0 or seen.running < seen.wanted:
        starting = max(seen.starting, seen.wanted - seen.running)
        bounded.hold(Reason("starting", {"wish": wish, "starting": starting}), seen.wanted)
    elif seen.healthy < seen.running:
        bounded.hold(
            Reason("unhealthy", {"wish": wish, "unhealthy": seen.running - seen.healthy}), seen.wanted
        )
    else:
        paced_in(policy, memory, seen, bounded)


def _blind(wishes: tuple[Wish, ...], seen: Observation) -> Reason:
    return wishes[0].reason if wishes else Reason("no_metrics")


def _decided(
    policy: Policy,
    memory: Memory,
    seen: Observation,
    bounded: Bounded,
    reason: Reason,
    wishes: tuple[Wish, ...],
) -> Decision:
    before = None
    if bounded.wanted != seen.wanted:
        before = change(memory, seen, bounded.wanted)
        for state in memory.thresholds.values():
            state.high = state.low = 0
    since = memory.seen_s if memory.seen_s is not None else memory.began_s
    return Decision(
        memory=memory,
        wanted=bounded.wanted,
        verdict=bounded.held or reason,
        wishes=wishes,
        clamps=tuple(bounded.clamps),
        needs_approval=bounded.asks is not None,
        asks=bounded.asks,
        alarm=bool(wishes) and since is not None and seen.now_s - since >= policy.alarm_s,
        before=before,
    )
