"""The words of a rollout: what is wanted, what was found, and the steps between. Frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from engines.base import DeploymentId, InstanceId

Place = Literal["", "main", "side"]
"""Which side serves during a blue-green publish; empty: all do."""


class Goal(StrEnum):
    """Where to: on to the new version, nowhere for now, or back to the one before."""

    ON = "on"
    PAUSE = "pause"
    BACK = "back"


class Manner(StrEnum):
    """How a version takes over from the one before."""

    START = "start"  # nothing runs that it could take over from
    ROLLING = "rolling"
    RECREATE = "recreate"
    CANARY = "canary"
    BLUE_GREEN = "blue-green"


@dataclass(frozen=True, slots=True)
class Before:
    """What ran before, and is gone back to. `version` None: nothing did."""

    version: int | None
    instances: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a publish is to bring about, and what people and time have said of it so far.

    `aside` is how many instances of the new version run beside the old ones first (canary, blue-green).
    `max_unavailable` and `max_surge` are counts of instances. `deployment`: the scheduler's own, which replaces the old
    instances. `held_since`: since when the hold lasts, `back_since`: the
    way back. `takes_over`: another publish was under way when this began.
    `asked_…`: what the scheduler was asked before: the new definition of the own workload, the end of one.
    """

    instances: int
    manner: Manner
    before: Before
    aside: int = 0
    max_unavailable: int = 0
    max_surge: int = 1
    in_place: bool = False
    slow_tolerated: int = 0
    slow_after: timedelta = timedelta(seconds=10)
    drain: timedelta = timedelta(seconds=15)
    goal: Goal = Goal.ON
    deployment: DeploymentId | None = None
    takes_over: bool = False
    went_on: bool = False
    hold: timedelta | None = None
    held_since: datetime | None = None
    back_since: datetime | None = None
    asked_main: bool = False
    asked_side_to_go: bool = False
    asked_main_to_go: bool = False

    @property
    def is_aside(self) -> bool:
        """Whether the new version shows itself beside the old one first."""
        return self.manner in {Manner.CANARY, Manner.BLUE_GREEN}

    @property
    def kept(self) -> int:
        """How many old instances stay beside a canary."""
        return max(1, self.before.instances - self.aside)

    @property
    def main_first(self) -> int:
        """How many instances the job's own workload is given with the new definition: a canary's share comes after."""
        return max(1, self.instances - self.aside) if self.manner is Manner.CANARY else self.instances


@dataclass(frozen=True, slots=True)
class Copy:
    """An instance. `new`: of this publish's definition. `on_trial`: it runs, too short a time to be called well.
    `ending`: the scheduler ends it, which was first seen at `ending_since`."""

    id: InstanceId
    host: str
    new: bool
    well: bool
    on_trial: bool = False
    staged_at: datetime | None = None
    ending: bool = False
    ending_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A workload as it was found. `ours`: its definition is this publish's."""

    ours: bool
    version: int | None
    wanted: int
    copies: tuple[Copy, ...] = ()
    deployments: tuple[DeploymentId, ...] = ()

    @property
    def new(self) -> list[Copy]:
        return [copy for copy in self.copies if copy.new and not copy.ending]

    @property
    def old(self) -> list[Copy]:
        return [copy for copy in self.copies if not copy.new and not copy.ending]

    @property
    def ending(self) -> list[Copy]:
        return [copy for copy in self.copies if copy.ending]

    @property
    def well(self) -> int:
        """How many are well, of whatever version."""
        return sum(copy.well for copy in self.copies if not copy.ending)

    def slow(self, wanted: Wanted, now: datetime) -> list[Copy]:
        """New ones that have been starting for longer than they were given."""
        return [
            copy
            for copy in self.new
            if not (copy.well or copy.on_trial)
            and copy.staged_at is not None
            and now - copy.staged_at > wanted.slow_after
        ]

    def is_up(self, count: int, *, missing: int = 0) -> bool:
        """Whether it is ours and `count` new instances run, all well but `missing`."""
        return (
            self.ours
            and self.wanted == count == len(self.new)
            and sum(copy.well for copy in self.new) >= count - missing
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What the scheduler has: the job's own workload and the one beside it; and which of them serves."""

    main: Slot | None
    side: Slot | None = None
    serving: Place = ""


# --- steps ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartSide:
    """Run this many instances of the new version beside the job's own."""

    instances: int


@dataclass(frozen=True, slots=True)
class GrowMain:
    """Give the job's own workload this number of instances; its definition stays."""

    instances: int


@dataclass(frozen=True, slots=True)
class ReplaceMain:
    """Give the job's own workload the new definition. `at_once`: what serves is elsewhere. `force`: over whatever
    deployment holds it."""

    instances: int
    at_once: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class PutBackMain:
    """Give the job's own workload the definition of before."""

    instances: int


@dataclass(frozen=True, slots=True)
class RollBack:
    """Have the scheduler go back to what was before its own deployment."""

    deployment: DeploymentId


@dataclass(frozen=True, slots=True)
class LetGo:
    """End the scheduler's deployment as it is."""

    deployment: DeploymentId


@dataclass(frozen=True, slots=True)
class RemoveMain:
    """Forget the job's own workload: nothing ran before."""


@dataclass(frozen=True, slots=True)
class RemoveSide:
    """End what runs beside, for good."""


@dataclass(frozen=True, slots=True)
class EndOld:
    """End these old instances. `shrink`: the wanted number falls by as many."""

    copies: tuple[Copy, ...]
    shrink: bool


@dataclass(frozen=True, slots=True)
class EndAgain:
    """These were asked to end and are still there: ask again, without mercy."""

    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """Let this side serve from now on."""

    to: Place


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait for a person, or until `until`."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class Paused:
    """Do nothing until somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Something is under way: look again."""


@dataclass(frozen=True, slots=True)
class Finish:
    """It is as wanted; `slow` are those that are tolerated though they have not come up."""

    slow: tuple[Copy, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Returned:
    """What was before is back."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else changed the job's own workload on the scheduler meanwhile, or it is gone."""


Step = (
    StartSide | GrowMain | ReplaceMain | PutBackMain | RollBack | LetGo | RemoveMain | RemoveSide | EndOld
    | EndAgain | Switch | Hold | Paused | Wait | Finish | Returned | Lost
)  # fmt: skip
