"""Reading a job's past: its time line by pages, and how it was at two moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from apps.core.models import Operation
from apps.core.operations.kinds import kind_label
from apps.jobs.models import DefinitionStamp, Job, JobEvent, JobVersion, Slot
from apps.jobs.moments import STATE_EVENTS, Asked, Moment, Stamp, Turn, moment_at
from apps.jobs.selectors import history_of, operations_of
from apps.jobs.spec import Change, spec_diff
from apps.jobs.timeline import Entry, Line, Place, fold

PAGE_SIZE = 50
"""Entries; `READ` lines at most are folded into them."""
READ = 500
MAX_SCALINGS = 2000
"""Operations of a job that are looked at for what was wanted at a moment; it has its whole kept history below that."""

_LAST = 2**62
"""A number that no row has."""

GROUPS: dict[str, tuple[Q, Q]] = {
    # name: which events, which operations
    "people": (Q(actor__isnull=False) | Q(operation__isnull=False), Q()),
    "operations": (Q(operation__isnull=False), Q()),
    "versions": (Q(kind__in=["created", "saved"]), Q(pk__in=[])),
    "instances": (Q(kind=JobEvent.INSTANCE_FAILED), Q(pk__in=[])),
    "state": (Q(kind__in=[*STATE_EVENTS]), Q(pk__in=[])),
}
"""Kinds as people ask for them; any other name is an event's or operation's own kind."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which part of a time line is asked for."""

    before: Place | None = None
    after: datetime | None = None
    kinds: Sequence[str] = ()
    who: str = ""
    levels: Sequence[str] = ()
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Page:
    """`older` is where the next page begins; None at the beginning of the history."""

    entries: list[Entry]
    older: Place | None


def timeline(job: Job, wish: Wish) -> Page:
    """What happened, the newest first, in two queries. Days are those of the active time zone."""
    events = _events(job, wish)[: READ + 1]
    operations = _operations(job, wish)[: READ + 1]
    lines = sorted(
        [*map(event_line, events), *map(asked_line, operations)], key=lambda line: line.place, reverse=True
    )
    entries = fold(lines[:READ], day=lambda at: timezone.localtime(at).date())
    if len(entries) <= wish.size:
        return Page(entries, lines[READ - 1].place if len(lines) > READ else None)
    # A line that belongs to an entry of this page but stands below the next one's is counted there, not here.
    cut = entries[wish.size].line.place
    kept = list(islice((line for line in lines if line.place > cut), READ))
    return Page(fold(kept, day=lambda at: timezone.localtime(at).date()), kept[-1].place)


def people_of(job: Job) -> list[str]:
    """The user names of those who saved a version or asked for an operation. (Not read from the events, of which a job
    that crashes has very many.)"""
    saved = JobVersion.objects.filter(job=job, author__isnull=False).order_by()
    asked = operations_of(job).filter(requested_by__isnull=False).order_by()
    names = saved.values_list("author__username").union(asked.values_list("requested_by__username"))
    return sorted(name for (name,) in names)


def event_line(event: JobEvent) -> Line:
    values: dict[str, Any] = event.values
    folds_by = ""
    if event.kind == JobEvent.INSTANCE_FAILED:
        folds_by = f"{values.get('state')} {values.get('message')}"
    elif event.kind in STATE_EVENTS:
        folds_by = event.kind
    return Line(
        place=Place(event.at, "event", event.pk),
        kind=event.kind,
        level=event.level,
        text=event.rendered,
        who=event.actor.get_username() if event.actor else "",
        reason=event.operation.reason if event.operation else "",
        operation=event.operation_id,
        operation_kind=event.operation.kind if event.operation else "",
        version=values.get("version") if event.kind == "saved" else None,
        task_id=event.ended_task,
        folds_by=folds_by,
    )


def asked_line(operation: Operation) -> Line:
    """That somebody asked for an operation; how it ended is an event of its own."""
    return Line(
        place=Place(operation.created_at, "operation", operation.pk),
        kind=operation.kind,
        level=JobEvent.Level.INFO.value,
        text=_asked_text(operation),
        who=operation.requested_by.get_username() if operation.requested_by else "",
        reason=operation.reason,
        operation=operation.pk,
        operation_kind=operation.kind,
        operation_state=operation.state,
        version=operation.parameters.get("version"),
    )


def _asked_text(operation: Operation) -> str:
    kind = capfirst(kind_label(operation.kind))
    parameters = operation.parameters
    if parameters.get("version"):
        return _("%(kind)s asked for: v%(version)s") % {"kind": kind, "version": parameters["version"]}
    if parameters.get("instances"):
        text = _("%(kind)s asked for: instances %(instances)s")
        return text % {"kind": kind, "instances": parameters["instances"]}
    return _("%(kind)s asked for") % {"kind": kind}


def _events(job: Job, wish: Wish) -> QuerySet[JobEvent]:
    events = history_of(job).filter(_within("at", "event", wish))
    if wish.kinds:
        events = events.filter(
            _any(GROUPS[kind][0] if kind in GROUPS else Q(kind=kind) for kind in wish.kinds)
        )
    if wish.who:
        events = events.filter(actor__username=wish.who)
    if wish.levels:
        events = events.filter(level__in=wish.levels)
    return events.order_by("-at", "-id")


def _operations(job: Job, wish: Wish) -> QuerySet[Operation]:
    operations = operations_of(job).filter(_within("created_at", "operation", wish))
    if wish.kinds:
        operations = operations.filter(
            _any(GROUPS[kind][1] if kind in GROUPS else Q(kind=kind) for kind in wish.kinds)
        )
    if wish.who:
        operations = operations.filter(requested_by__username=wish.who)
    if wish.levels and JobEvent.Level.INFO not in wish.levels:
        operations = operations.none()
    return operations.order_by("-created_at", "-id")


def _any(conditions: Any) -> Q:
    found: Q | None = None
    for condition in conditions:
        if not condition:
            return Q()
        found = condition if found is None else found | condition
    return found or Q()


def _within(column: str, source: str, wish: Wish) -> Q:
    condition = Q()
    if wish.after is not None:
        condition &= Q(**{f"{column}__gte": wish.after})
    if (place := wish.before) is None:
        return condition
    earlier = Q(**{f"{column}__lt": place.at})
    if place.source == source:
        earlier |= Q(**{column: place.at, "pk__lt": place.pk})
    elif source < place.source:
        earlier |= Q(**{column: place.at})
    return condition & earlier


# --- two moments -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a job was at two moments, what differs between the specs that it ran, and what happened in between."""

    before: Moment
    after: Moment
    changes: list[Change]
    entries: list[Entry] = field(default_factory=list)
    older: Place | None = None
    """More happened in between than `entries` hold: they go on from here."""


def compare(job: Job, *, start: datetime, end: datetime) -> Comparison:
    """`start` before `end`. Five queries, whatever happened in between."""
    facts = _Facts.of(job)
    before, after = facts.at(start), facts.at(end)
    numbers = {number for number in (before.version, after.version) if number}
    specs: dict[int, dict[str, Any]] = dict(
        JobVersion.objects.filter(job=job, number__in=numbers).values_list("number", "spec")
    )
    old, new = specs.get(before.version or 0), specs.get(after.version or 0)
    page = timeline(job, Wish(before=Place(end, "operation", _LAST), after=start, size=200))
    return Comparison(
        before=before,
        after=after,
        changes=spec_diff(old, new) if old is not None and new is not None else [],
        entries=page.entries,
        older=page.older,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was written down of a job's past, oldest first."""

    stamps: list[Stamp]
    asked: list[Asked]
    turns: list[Turn]

    @classmethod
    def of(cls, job: Job) -> _Facts:
        stamps = DefinitionStamp.objects.filter(job=job, slot=Slot.MAIN).order_by("changed_at")
        operations = operations_of(job).order_by("-id")[:MAX_SCALINGS]
        turns = JobEvent.objects.filter(job=job, kind__in=[*STATE_EVENTS]).order_by("-at")[:MAX_SCALINGS]
        return cls(
            [Stamp(stamp.changed_at, stamp.version) for stamp in stamps],
            [_asked(operation) for operation in reversed(operations)],
            [
                Turn(turn.at, turn.kind, well=turn.values.get("well"), wanted=turn.values.get("wanted"))
                for turn in reversed(turns)
            ],
        )

    def at(self, moment: datetime) -> Moment:
        return moment_at(moment, stamps=self.stamps, asked=self.asked, turns=self.turns)


def _asked(operation: Operation) -> Asked:
    parameters: dict[str, Any] = operation.parameters
    previous = parameters.get("previous") or {}
    return Asked(
        asked_at=operation.created_at,
        ended_at=operation.finished_at,
        succeeded=operation.state == Operation.State.SUCCEEDED,
        instances=parameters.get("instances"),
        before=previous.get("wanted"),
    )
