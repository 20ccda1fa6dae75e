"""The way back: the version of before serves again, and nothing of the new one is left."""

from __future__ import annotations

from datetime import datetime, timedelta

from apps.jobs.rollout.values import (
    Found,
    GrowMain,
    PutBackMain,
    RemoveMain,
    RemoveSide,
    Returned,
    RollBack,
    Slot,
    Step,
    Switch,
    Wait,
    Wanted,
)

GROWN_WITHIN = timedelta(seconds=30)
"""What runs beside serves on for so long while the old instances come back: it may stand where they have to."""


def back_steps(wanted: Wanted, found: Found, now: datetime) -> list[Step]:
    """Where the old version still has the job's own workload its instances are left alone: what runs beside goes. Else
    that workload is put back first, while what runs beside serves on."""
    main = found.main
    if main is not None and main.ours:
        return _put_main_back(wanted, main)
    if main is not None and wanted.takes_over and main.version != wanted.before.version:
        return _as_before(wanted, main)  # what another publish, from which this one took over, had made of it
    if main is not None and main.deployments and wanted.asked_main:
        return [Wait()]
    if main is not None and found.serving == "side":
        return [Switch("main")]
    steps: list[Step] = []
    if main is not None and _is_of_other_size(wanted, main):
        steps.append(GrowMain(wanted.before.instances))
    if found.side is not None and not (wanted.asked_side_to_go and found.side.deployments):
        if main is not None and not found.serving and _serves_for(wanted, main, found.side, now):
            return steps or [Wait()]
        steps.insert(0, RemoveSide())
    return steps or _over(found)


def _put_main_back(wanted: Wanted, main: Slot) -> list[Step]:
    """By the scheduler's own way back while its deployment runs, else by the definition of before. A deployment that
    began over another publish's would go back to that one's."""
    own = wanted.deployment
    if own is not None and own in main.deployments and not wanted.takes_over:
        return [RollBack(own)]
    return _as_before(wanted, main)


def _as_before(wanted: Wanted, main: Slot) -> list[Step]:
    if wanted.before.version is not None:
        return [PutBackMain(wanted.before.instances)]
    return [Wait()] if wanted.asked_main_to_go and main.deployments else [RemoveMain()]


def _is_of_other_size(wanted: Wanted, main: Slot) -> bool:
    """Whether a canary has taken instances from the old version, or a publish that this one took over from has given it
    other than it had."""
    size = wanted.before.instances
    untouched = main.version == wanted.before.version
    return untouched and (main.wanted < size or (wanted.takes_over and main.wanted > size))


def _serves_for(wanted: Wanted, main: Slot, side: Slot, now: datetime) -> bool:
    """Whether what is well beside stands for old instances that are not back yet."""
    in_time = wanted.back_since is None or now - wanted.back_since < GROWN_WITHIN
    return in_time and side.well > 0 and main.well < wanted.before.instances


def _over(found: Found) -> list[Step]:
    if found.side is not None or (found.main is not None and found.main.deployments):
        return [Wait()]
    return [Switch("")] if found.serving else [Returned()]
