"""The next steps of a publish, from what is wanted and what is found. Pure, and asked again after each step, so that
whoever asks need remember nothing: a worker that dies loses nothing.

The job's own workload ('main') is what runs in the end. A canary and a blue-green publish run a second one beside it
('side') until the new version is trusted. What comes out is the order of things; usually the first is done, and the
rest is worked out anew.
"""

from __future__ import annotations

from datetime import datetime

from apps.jobs.rollout.back import back_steps
from apps.jobs.rollout.batches import batch_steps, tolerated
from apps.jobs.rollout.values import (
    Copy,
    EndAgain,
    EndOld,
    Finish,
    Found,
    Goal,
    GrowMain,
    Hold,
    LetGo,
    Lost,
    Manner,
    Paused,
    RemoveSide,
    ReplaceMain,
    Slot,
    StartSide,
    Step,
    Switch,
    Wait,
    Wanted,
)


def next_steps(wanted: Wanted, found: Found, now: datetime) -> list[Step]:
    """What to do now, never empty. A publish that has come true is finished, whatever was said of it meanwhile."""
    if is_there(wanted, found, now):
        return [Finish(slow=_slow(wanted, found, now))]
    lingering = _ending_for_too_long(wanted, found, now)
    steps: list[Step] = [EndAgain(lingering)] if lingering else []
    match wanted.goal:
        case Goal.BACK:
            return steps + back_steps(wanted, found, now)
        case Goal.PAUSE:
            return steps + _pause(found)
        case Goal.ON:
            return steps + _forward(wanted, found, now)


def is_there(wanted: Wanted, found: Found, now: datetime) -> bool:
    """Whether every instance is of the new version and well, but those that may be slow, and nothing else is left."""
    main = found.main
    return (
        main is not None
        and found.side is None
        and not found.serving
        and not main.deployments
        and not main.old
        and not main.ending
        and main.is_up(wanted.instances, missing=tolerated(wanted, main, now))
    )


def only_drains(wanted: Wanted, found: Found, now: datetime) -> bool:
    """Whether all of the new version is there, and only old instances that are ending keep it from being over."""
    main = found.main
    return (
        main is not None
        and bool(main.ending)
        and not main.old
        and main.is_up(wanted.instances, missing=tolerated(wanted, main, now))
    )


def only_on_trial(found: Found) -> bool:
    """Whether every new instance there is runs, and some only have not run for long enough yet."""
    new = [copy for slot in (found.main, found.side) if slot for copy in slot.new]
    return any(copy.on_trial for copy in new) and all(copy.well or copy.on_trial for copy in new)


def _forward(wanted: Wanted, found: Found, now: datetime) -> list[Step]:
    main = found.main
    if main is not None and main.ours:
        return _through_main(wanted, main, found, now)
    if wanted.asked_main:
        return [Lost()]
    if main is not None and wanted.is_aside:
        return _aside(wanted, main, found, now)
    return [ReplaceMain(wanted.main_first, force=wanted.takes_over)]


def _aside(wanted: Wanted, main: Slot, found: Found, now: datetime) -> list[Step]:
    """The new version beside the old one, until somebody, or time, says to go on."""
    blue_green = wanted.manner is Manner.BLUE_GREEN
    side = found.side
    if wanted.takes_over and main.deployments and not (side and side.ours):
        return [LetGo(main.deployments[0])]  # what another publish had begun: the mix of it serves on
    if blue_green and not found.serving:
        return [Switch("main")]
    if side is None or not side.ours or side.wanted != wanted.aside:
        return [StartSide(wanted.aside)]
    if not side.is_up(wanted.aside, missing=tolerated(wanted, side, now) if blue_green else 0):
        return [Wait()]
    if not blue_green and main.wanted > wanted.kept:
        return [GrowMain(wanted.kept)]
    if main.deployments:
        return [Wait()]
    if blue_green and found.serving != "side":
        return [Switch("side")]
    if not wanted.went_on:
        until = None if wanted.hold is None else (wanted.held_since or now) + wanted.hold
        if until is None or now < until:
            return [Hold(until)]
    return [ReplaceMain(wanted.main_first, at_once=blue_green)]


def _through_main(wanted: Wanted, main: Slot, found: Found, now: datetime) -> list[Step]:
    """The job's own workload has the new definition: the scheduler replaces its instances, and where it no longer
    does, we go on batch by batch."""
    missing = tolerated(wanted, main, now)
    if main.deployments:
        well = sum(copy.well for copy in main.new)
        if missing > 0 and well + missing == len(main.new):
            return [LetGo(main.deployments[0])]  # it would wait for the slow ones
        if wanted.manner is Manner.RECREATE and main.old and not main.well and not (main.new or main.ending):
            return [
                EndOld(tuple(main.old), shrink=False)
            ]  # Marathon counts only healthy ones as to be stopped
        return [Wait()]
    return batch_steps(wanted, main, missing=missing) or _clear_up(wanted, found)


def _clear_up(wanted: Wanted, found: Found) -> list[Step]:
    """All of the new version runs: what helped on the way goes."""
    if found.serving:
        return [Switch("")]
    side = found.side
    if side is not None and not (wanted.asked_side_to_go and side.deployments):
        return [RemoveSide()]
    return [Wait()]


def _pause(found: Found) -> list[Step]:
    """Cut short what the scheduler does by itself; the mix of versions serves on."""
    main = found.main
    if main is not None and main.ours and main.deployments:
        return [LetGo(main.deployments[0])]
    return [Paused()]


def _ending_for_too_long(wanted: Wanted, found: Found, now: datetime) -> tuple[Copy, ...]:
    slots = [slot for slot in (found.main, found.side) if slot is not None]
    return tuple(
        copy
        for slot in slots
        for copy in slot.ending
        if copy.ending_since is not None and now - copy.ending_since > wanted.drain
    )


def _slow(wanted: Wanted, found: Found, now: datetime) -> tuple[Copy, ...]:
    return tuple(found.main.slow(wanted, now)) if found.main else ()
