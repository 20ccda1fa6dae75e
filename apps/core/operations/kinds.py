"""The registry of operation kinds: each app registers what its operations do, under a name such as `job.scale`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from apps.core.models import Operation

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Again:
    """Not there yet: look again after `after_s` seconds (sooner if the mirror rings). `progress` is 0–100."""

    after_s: float = 2.0
    progress: int | None = None
    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """It was seen to be true."""

    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not become true. `reason` is what people read: the scheduler's own words, or a sentence of ours
    (marked with `gettext_noop`) with its values."""

    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody asked for its end, and what it had begun was put back. `hands_over`: not put back, as its successor goes
    on from it; where that left the line meanwhile, it has not ended after all."""

    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    hands_over: bool = False


Outcome = Again | Done | Failed | Cancelled


class Kind(Protocol):
    """What an operation of one kind does.

    `step` is called again and again, by any worker, until it returns something final. It must look at what is
    already true before it acts, leave notes only in `operation.memory` (and `deployment_id`, `deadline_at`), hold
    no transaction across a remote call, and be over within `runner.STEP_LIMIT_S`. It may raise
    `clients.errors.RemoteError`: passing faults are retried until the deadline, refusals end the operation with the
    remote's own words (unless it has a `deployment_id`: what it began must be put back).
    """

    name: str
    label: StrOrPromise
    queue: str
    deadline: timedelta

    def step(self, operation: Operation) -> Outcome: ...

    def deadline_passed(self, operation: Operation) -> Outcome:
        """Called instead of `step` once `deadline_at` has passed, until it returns something final."""
        ...

    def ended(self, operation: Operation, outcome: Outcome) -> None:
        """Called once, in the transaction that ends the operation: what its end means for the target's rows."""
        ...


Control = Literal["cancel", "pause", "resume", "go-on", "undo"]


@runtime_checkable
class Controlled(Protocol):
    """A kind that can be told more than to end."""

    def controls(self, operation: Operation) -> tuple[Control, ...]:
        """What can be asked of an active operation now. Pure: from the row alone."""
        ...


@runtime_checkable
class Succeeding(Protocol):
    """A kind whose operations can take over from one another."""

    def hand_over(self, operation: Operation, *, successor: Operation) -> None:
        """Called in the transaction that ended `operation`, when `successor` begins: writes what that needs."""
        ...


End = tuple[Operation, Outcome]
"""An operation, and what it ends with."""


@runtime_checkable
class Together(Protocol):
    """A kind that does at once for many operations what the database is asked for: what each step reads, and what each
    end writes."""

    def prepare(self, operations: Sequence[Operation]) -> None:
        """Read what their steps need, into `Operation.prepared`. Without it a step reads for itself."""
        ...

    def keep(self, operations: Sequence[Operation]) -> None:
        """Called before the transaction that ends them: what their last steps saw becomes what Ocean shows."""
        ...

    def lock_targets(self, operations: Sequence[Operation]) -> None:
        """Called first in the transaction that ends them: their targets' rows, before the operations' own."""
        ...

    def all_ended(self, ends: Sequence[End]) -> None:
        """Called in place of `ended`."""
        ...


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known. Called once for each, from the app's `kinds` module when Django starts."""
    if kind.name in _kinds and type(_kinds[kind.name]) is not type(kind):
        raise ValueError(f"operation kind {kind.name} is registered twice")
    _kinds[kind.name] = kind


def get_kind(name: str) -> Kind:
    """Raises KeyError for a kind that this release does not know."""
    return _kinds[name]


def kind_label(name: str) -> str:
    """A kind in words, in the active language: "publish". Its name, where this release does not know it."""
    known = _kinds.get(name)
    return str(known.label) if known else name


def kinds_of(queue: str) -> list[str]:
    """The names of the kinds that wait in this queue."""
    return [name for name, kind in _kinds.items() if kind.queue == queue]


def queue_of(name: str) -> str:
    """Where to ring for operations of this kind, known or not."""
    kind = _kinds.get(name)
    return kind.queue if kind else "operations"


def controls_of(operation: Operation) -> tuple[Control, ...]:
    """What can be asked of an operation now, whoever may ask."""
    if not operation.is_active:
        return ()
    if operation.after_id:
        return ("cancel",)
    kind: object = _kinds.get(operation.kind)
    if isinstance(kind, Controlled):
        return kind.controls(operation)
    return () if operation.cancel_requested_at else ("cancel",)


def all_kinds() -> dict[str, Kind]:
    return dict(_kinds)
