"""Replacing old instances batch by batch ourselves, where the scheduler's own deployment was ended before its time
(a pause, a slow instance that may be). New instances that are there stay as they are.

A batch is either some instances too many, of which old ones then go, or some old ones that go and are replaced. The
next begins when all of the last are well.
"""

from __future__ import annotations

from datetime import datetime

from apps.jobs.rollout.values import EndOld, GrowMain, Slot, Step, Wait, Wanted


def tolerated(wanted: Wanted, slot: Slot, now: datetime) -> int:
    """How many new instances may be taken as well though they are not; 0 where more than may be are slow."""
    slow = len(slot.slow(wanted, now))
    return slow if slow <= wanted.slow_tolerated else 0


def batch_steps(wanted: Wanted, main: Slot, *, missing: int) -> list[Step]:
    """The next batch of a workload that has the new definition and no deployment; empty when all are replaced.
    `missing` of the new ones are taken as well."""
    goal = wanted.instances
    if sum(copy.well for copy in main.new) + missing < len(main.new):
        return [Wait()]  # for the last batch
    if len(main.new) + len(main.old) < main.wanted:
        return [Wait()]  # the scheduler starts what is missing
    if main.wanted < goal:
        return [GrowMain(goal)]
    extra = main.wanted - goal
    if not main.old:
        return [GrowMain(goal)] if extra else []
    if not extra and wanted.max_surge and not wanted.in_place:
        return [GrowMain(goal + min(wanted.max_surge, len(main.old)))]
    return _end_some(wanted, main, extra=extra, missing=missing)


def _end_some(wanted: Wanted, main: Slot, *, extra: int, missing: int) -> list[Step]:
    """As many old ones as are too many, or as may be missing; first those that serve nobody, which may always go."""
    useless = [copy for copy in main.old if not copy.well]
    useful = [copy for copy in main.old if copy.well]
    spare = max(0, main.well + missing - (wanted.instances - wanted.max_unavailable))
    victims = [*useless, *useful[:spare]]
    if extra:
        victims = victims[:extra]
    return [EndOld(tuple(victims), shrink=bool(extra))] if victims else [Wait()]
