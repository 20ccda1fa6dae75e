"""How a job was at a moment of the past, put together from what was written down. Pure.

What is known: which version each definition of the scheduler's was and since when (`DefinitionStamp`), what operations
asked for and when they ended, and when the job fell ill or got well. What is not written down is not guessed: None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.jobs.models import Job

STATE_EVENTS = {"degraded": Job.State.DEGRADED, "recovered": Job.State.RUNNING}


@dataclass(frozen=True, slots=True)
class Stamp:
    """From `at` the scheduler's definition was this version of ours (None: of nobody we know)."""

    at: datetime
    version: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation: `instances` is the number that it asked for (None: it did not touch it), `before` that of before
    it where that was noted. `ended_at` None: it is under way."""

    asked_at: datetime
    ended_at: datetime | None
    succeeded: bool
    instances: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The job fell ill or got well by itself: `well` of `wanted` instances were well then."""

    at: datetime
    kind: str
    well: int | None = None
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """How the job was at `at`. `well` is the number that was last noted with its state, at `well_at`."""

    at: datetime
    version: int | None
    state: Job.State
    wanted: int | None
    well: int | None = None
    well_at: datetime | None = None


def moment_at(
    at: datetime, *, stamps: Sequence[Stamp], asked: Sequence[Asked], turns: Sequence[Turn]
) -> Moment:
    """All three oldest first; what came after `at` is left out here."""
    known = [stamp for stamp in stamps if stamp.at <= at]
    version = known[-1].version if known else None
    wanted = _wanted(at, asked)
    latest = next((turn for turn in reversed(turns) if turn.at <= at), None)
    # An operation that ended after the turn made it well, or put back what was before: the turn no longer counts.
    ended = max((one.ended_at for one in asked if one.ended_at and one.ended_at <= at), default=None)
    turn = latest if latest and (ended is None or latest.at >= ended) else None
    if any(one.asked_at <= at and (one.ended_at is None or one.ended_at > at) for one in asked):
        state = Job.State.DEPLOYING
    elif not known:
        state = Job.State.DRAFT
    elif wanted == 0:
        state = Job.State.STOPPED
    else:
        state = STATE_EVENTS[turn.kind] if turn else Job.State.RUNNING
    return Moment(
        at=at,
        version=version,
        state=state,
        wanted=wanted,
        well=turn.well if turn else None,
        well_at=turn.at if turn else None,
    )


def _wanted(at: datetime, asked: Sequence[Asked]) -> int | None:
    """What the newest operation asked for that is not known to have failed by then; before the first, what that one
    found."""
    numbered = [one for one in asked if one.instances is not None]
    by_then = [
        one
        for one in numbered
        if one.asked_at <= at and (one.succeeded or one.ended_at is None or one.ended_at > at)
    ]
    if by_then:
        return by_then[-1].instances
    later = [one for one in numbered if one.asked_at > at]
    return later[0].before if later else None
