"""The catalogue: which rules there are, and which go before which. See docs/explain.md."""

from __future__ import annotations

from collections.abc import Callable

from apps.jobs.explain import backoff, capacity, crash, dependencies, health, launching, offers, placement
from apps.jobs.explain.facts import Facts
from apps.jobs.explain.problem import Problem

Rule = Callable[[Facts], Problem | None]
GROUPS: tuple[tuple[Rule, ...], ...] = (
    (dependencies.not_ready,),
    (
        capacity.no_hosts,
        placement.unknown_attribute,
        placement.unknown_value,
        placement.not_together,
        capacity.too_large,
        capacity.too_large_together,
        offers.unseen_reason,
        placement.too_many_wanted,
        placement.taken,
        capacity.room_for_some,
        capacity.full,
        offers.declined,
        offers.about_to_start,
    ),
    (
        health.grace_too_short,
        health.nothing_listens,
        health.http_status,
        health.no_answer_in_time,
        health.command_failed,
        health.unhealthy,
    ),
    (
        crash.out_of_limits,
        crash.not_fetched,
        crash.not_launched,
        crash.command_not_found,
        crash.not_executable,
        crash.killed_by_signal,
        crash.finished,
        crash.port_taken,
        crash.exited,
    ),
    (launching.unreachable,),
    (launching.staging_long,),
    (launching.foreign_deployment,),
    (backoff.held_back,),
)
"""Of each group the first rule that says anything is heard: its rules tell of the same trouble, the surest first."""
AT_LAST: tuple[Rule, ...] = (launching.starting, launching.unchecked)
"""Where nothing is wrong, what is still to come."""
WAITING = 1
"""The group that tells of instances which wait for a host."""
_ORDER = {"error": 0, "warning": 1, "info": 2}


def explain(facts: Facts) -> list[Problem]:
    """What keeps a job from being as wanted, the most telling first. Empty when all is well."""
    found = [
        problem
        for index, group in enumerate(GROUPS)
        if (index != WAITING or _waits_for_a_host(facts)) and (problem := _first(group, facts))
    ]
    found = found or [problem for rule in AT_LAST if (problem := rule(facts))]
    return sorted(found, key=lambda problem: _ORDER[problem.severity])


def _first(group: tuple[Rule, ...], facts: Facts) -> Problem | None:
    return next((problem for rule in group if (problem := rule(facts))), None)


def _waits_for_a_host(facts: Facts) -> bool:
    """Held back after failures they would not start on the best of hosts."""
    waiting = facts.waiting
    return waiting is not None and waiting.count > 0 and waiting.delay_s <= 0
