"""A job's history: one line for each thing that happened, written once however often it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.jobs.models import DefinitionStamp, GoneInstance, Job, JobEvent

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.core.models import Operation


@dataclass(frozen=True, slots=True)
class Happening:
    """What to write: `text` is an English source marked with `gettext_noop`; `key` tells repeats apart from news."""

    kind: str
    key: str
    text: str
    values: dict[str, Any] = field(default_factory=dict)
    level: JobEvent.Level = JobEvent.Level.INFO
    at: datetime | None = None
    operation: Operation | None = None
    """Whose end it tells; who asked for that did it."""


def history_add(
    job: Job, *happenings: Happening, operation: Operation | None = None, actor: User | None = None
) -> None:
    """Add lines to the job's history; those whose key is there already are left as they are."""
    history_write([(job, happening) for happening in happenings], operation=operation, actor=actor)


def history_write(
    lines: Sequence[tuple[Job, Happening]], *, operation: Operation | None = None, actor: User | None = None
) -> None:
    """The same for several jobs at once."""
    JobEvent.objects.bulk_create(
        [
            JobEvent(
                job=job,
                at=happening.at or timezone.now(),
                level=happening.level,
                kind=happening.kind,
                key=happening.key[:600],
                text=happening.text,
                values=happening.values,
                operation=operation or happening.operation,
                actor=actor or (happening.operation.requested_by if happening.operation else None),
            )
            for job, happening in lines
        ],
        ignore_conflicts=True,
    )


def history_begins(*, now: datetime) -> datetime:
    """What happened before is not kept."""
    return now - timedelta(days=settings.OCEAN_HISTORY_DAYS)


def history_prune(*, now: datetime, batch: int = 5000) -> int:
    """Delete lines older than OCEAN_HISTORY_DAYS, oldest first. Returns how many."""
    old = JobEvent.objects.filter(at__lt=history_begins(now=now))
    pks = list(old.order_by("at").values_list("pk", flat=True)[:batch])
    JobEvent.objects.filter(pk__in=pks).delete()
    return len(pks)


def gone_instances_prune(*, now: datetime, batch: int = 5000) -> int:
    """Forget instances whose folder no host keeps any more, oldest first. Returns how many."""
    old = GoneInstance.objects.filter(gone_at__lt=now - timedelta(days=GoneInstance.KEPT_DAYS))
    pks = list(old.order_by("gone_at").values_list("pk", flat=True)[:batch])
    GoneInstance.objects.filter(pk__in=pks).delete()
    return len(pks)


def stamps_prune(*, now: datetime, batch: int = 5000) -> int:
    """Forget which version a definition was before the last one that is older than OCEAN_HISTORY_DAYS: what still runs
    of those has its version on its row. Returns how many."""
    begins = history_begins(now=now)
    later = DefinitionStamp.objects.filter(
        job=OuterRef("job"),
        slot=OuterRef("slot"),
        changed_at__gt=OuterRef("changed_at"),
        changed_at__lt=begins,
    )
    old = DefinitionStamp.objects.filter(Exists(later), changed_at__lt=begins)
    pks = list(old.values_list("pk", flat=True).order_by()[:batch])
    DefinitionStamp.objects.filter(pk__in=pks).delete()
    return len(pks)
