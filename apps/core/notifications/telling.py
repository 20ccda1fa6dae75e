"""`notify`: the one way to tell a group something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
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
    if len(key) > MAX_KEY:
        raise ValueError(f"A notification's key has at most {MAX_KEY} characters: {key}")
    now = timezone.now()
    part = {
        **subject.as_json(),
        "lines": [line.as_json() for line in lines],
        "path": path,
        "severity": severity.value,
        "at": now.isoformat(),
        "last_at": now.isoformat(),
        "count": 1,
    }
    told = []
    for group in sorted((group for group in groups if group.enabled), key=lambda group: group.pk):
        notification = _add(group, key, part, product_line=product_line, now=now)
        told.append(notification)
        _ring(notification.pk)
    return told


def _add(
    group: NotificationGroup,
    key: str,
    part: dict[str, Any],
    *,
    product_line: ProductLine | None,
    now: datetime,
) -> Notification:
    """Into the open message about this matter, or a new one."""
    while True:
        with transaction.atomic():
            found = (
                Notification.objects.select_for_update()
                .filter(group=group, key=key, released_at__isnull=True)
                .first()
            )
            if found is not None:
                _merge(found, part, product_line)
                return found
            try:
                with transaction.atomic():
                    return Notification.objects.create(
                        group=group,
                        key=key,
                        severity=part["severity"],
                        product_line=product_line,
                        parts=[part],
                        created_at=now,
                        due_at=now,
                    )
            except IntegrityError:
                # A rival opened it between our look and our insert; it can be seen now, unless it went out already.
                continue


def _merge(found: Notification, part: dict[str, Any], product_line: ProductLine | None) -> None:
    same = next((known for known in found.parts if _is_same(known, part)), None)
    if same is not None:
        same["count"] += 1
        same["last_at"] = part["last_at"]
        same["lines"] = part["lines"]
    elif len(found.parts) < MAX_PARTS:
        found.parts.append(part)
    found.events += 1
    found.severity = max(Severity(found.severity), Severity(part["severity"]), key=lambda one: one.rank)
    if product_line is None or found.product_line_id != product_line.pk:
        found.product_line = None  # of several: for SREs, and who is in the group
    found.save(update_fields=["parts", "events", "severity", "product_line"])


def _is_same(known: dict[str, Any], part: dict[str, Any]) -> bool:
    return all(known[name] == part[name] for name in ("text", "values", "path", "severity"))


def _ring(notification_id: int) -> None:
    transaction.on_commit(lambda: send(RELEASE_TASK, notification_id, queue="background"), robust=True)
