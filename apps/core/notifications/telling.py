"""`notify`, `notify_all`: the ways to tell groups something."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from apps.core.models import Notification, NotificationGroup, Severity
from apps.core.notifications.words import Sentence
from apps.core.operations.dispatch import send

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine

RELEASE_TASK = "core.release_notification"
MAX_PARTS = 30
"""Different sentences that one message keeps; what comes after is counted."""
MAX_KEY = 120

Matter = tuple[int, str]
"""A group's id, and a key: what has one open message."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell, and whom. The fields are those of `notify`; `lines` may be a function that is only called for
    what there is room for: of ten thousand events a digest says thirty."""

    groups: Sequence[NotificationGroup]
    subject: Sentence
    key: str
    lines: Sequence[Sentence] | Callable[[], Sequence[Sentence]] = ()
    severity: Severity = Severity.INFO
    product_line_id: int | None = None
    path: str = ""

    def __post_init__(self) -> None:
        if len(self.key) > MAX_KEY:
            raise ValueError(f"A notification's key has at most {MAX_KEY} characters: {self.key}")


def notify(
    groups: Iterable[NotificationGroup],
    *,
    subject: Sentence,
    lines: Sequence[Sentence] = (),
    key: str,
    severity: Severity = Severity.INFO,
    product_line: ProductLine | None = None,
    path: str = "",
) -> list[Notification]:
    """Tell these groups, in the caller's transaction; nothing is sent before it commits, and nothing from here.

    `key` names the matter (`elastic.at_max`): a group hears of one matter at most once in its `merge_s`, and what
    happens meanwhile is one digest. So give what happens to many things at once one key, not one for each. `path` is
    the address of the page to look at, `product_line` whose matter it is (who may read it in the log).
    Returns the open message of each group that is enabled. The row of a group's open message stays locked until the
    caller's transaction ends: keep that short.
    """
    line_id = product_line.pk if product_line else None
    return notify_all([Event(list(groups), subject, key, lines, severity, line_id, path)])


@transaction.atomic
def notify_all(events: Iterable[Event]) -> list[Notification]:
    """The same for many events, each to groups of its own, in a number of statements that does not grow with them."""
    matters: dict[Matter, list[Event]] = {}
    for event in events:
        for group in event.groups:
            if group.enabled:
                matters.setdefault((group.pk, event.key), []).append(event)
    if not matters:
        return []
    now = timezone.now()
    opened = _opened(matters, now=now)
    for matter, notification in opened.items():
        if notification.due_at <= now:  # else the worker that put it off has asked for another look
            _ring(notification.pk)
        _take_in(notification, matters[matter], at=now.isoformat())
    Notification.objects.bulk_update(
        opened.values(), ["parts", "events", "severity", "product_line"], batch_size=500
    )
    return list(opened.values())


def _opened(matters: Collection[Matter], *, now: datetime) -> dict[Matter, Notification]:
    """The open message of each, locked; an empty one where there was none. Everybody locks and opens in one order."""
    found = _locked(matters)
    while missing := sorted(matter for matter in matters if matter not in found):
        # A rival may open one meanwhile, which is seen by the next look, unless it went out already.
        Notification.objects.bulk_create(
            [
                Notification(group_id=group_id, key=key, events=0, created_at=now, due_at=now)
                for group_id, key in missing
            ],
            ignore_conflicts=True,
        )
        found |= _locked(missing)
    return found


def _locked(matters: Iterable[Matter]) -> dict[Matter, Notification]:
    group_ids, keys = zip(*matters, strict=True)
    rows = Notification.objects.filter(
        group__in=set(group_ids), key__in=set(keys), released_at__isnull=True
    ).order_by("group_id", "key")
    wanted = set(zip(group_ids, keys, strict=True))
    locked = {(row.group_id, row.key): row for row in rows.select_for_update()}
    return {matter: row for matter, row in locked.items() if matter in wanted}


def _take_in(found: Notification, events: Sequence[Event], *, at: str) -> None:
    """What is said already is counted; what is not is another part, while there is room."""
    known: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for part in found.parts:
        known.setdefault((part["path"], part["text"], part["severity"]), []).append(part)
    for event in events:
        alike = known.setdefault((event.path, event.subject.text, event.severity.value), [])
        same = next((part for part in alike if part["values"] == event.subject.values), None)
        if same is not None:
            same["count"] += 1
            same["last_at"] = at
            same["lines"] = _lines(event)
        elif len(found.parts) < MAX_PARTS:
            part = _part(event, at=at)
            found.parts.append(part)
            alike.append(part)
    lines = {event.product_line_id for event in events}
    if found.events:
        lines.add(found.product_line_id)
    # Of several, or of none: for SREs, and who is in the group.
    found.product_line_id = lines.pop() if len(lines) == 1 else None
    severities = {Severity(found.severity), *(event.severity for event in events)}
    found.severity = max(severities, key=lambda severity: severity.rank)
    found.events += len(events)


def _part(event: Event, *, at: str) -> dict[str, Any]:
    return {
        **event.subject.as_json(),
        "lines": _lines(event),
        "path": event.path,
        "severity": event.severity.value,
        "at": at,
        "last_at": at,
        "count": 1,
    }


def _lines(event: Event) -> list[dict[str, Any]]:
    lines = event.lines() if callable(event.lines) else event.lines
    return [line.as_json() for line in lines]


def _ring(notification_id: int) -> None:
    transaction.on_commit(lambda: send(RELEASE_TASK, notification_id, queue="background"), robust=True)
