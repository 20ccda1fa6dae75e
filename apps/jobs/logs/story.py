"""What happened to the job, for the stream of its logs: steps of operations, its history, instances that came and
went. Only what was not told yet; in the active language."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from apps.core.models import OperationLog
from apps.jobs.log_sources import LogSource, source_of_end, source_of_gone
from apps.jobs.logs.cursor import Cursor, RowsRead
from apps.jobs.models import GoneInstance, Job, JobEvent
from apps.jobs.selectors import operations_of

FIRST_ROWS = 50
"""Of each kind, for a reader who has just come."""
ROWS_AT_MOST = 200
OPERATIONS_LOOKED_AT = 20

RowT = TypeVar("RowT", bound=Model)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened. `source`: `operation` or `event`; `operation` is its id."""

    at: datetime
    source: str
    level: str
    text: str
    task_id: str = ""
    host: str = ""
    version: int | None = None
    operation: int | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Rows that were not told yet."""

    events: Sequence[JobEvent]
    log: Sequence[OperationLog]
    gone: Sequence[GoneInstance]

    @property
    def ended(self) -> list[LogSource]:
        """The instances that these rows say have ended."""
        by_task = {event.ended_task: source_of_end(event) for event in self.events if event.ended_task}
        for row in self.gone:
            known = by_task.get(row.task_id)
            by_task[row.task_id] = source_of_gone(row, state=known.state if known else "")
        return list(by_task.values())

    def told(self) -> Iterator[Told]:
        badly_ended = {event.ended_task for event in self.events}
        for event in self.events:
            yield Told(
                event.at,
                "event",
                event.level,
                event.rendered,
                task_id=event.ended_task,
                host=event.values.get("host", "") if event.ended_task else "",
                operation=event.operation_id,
            )
        for line in self.log:
            yield Told(line.at, "operation", line.level, line.rendered, operation=line.operation_id)
        for row in self.gone:
            if row.task_id not in badly_ended:
                text = _("The instance on %(host)s has gone.") % {"host": row.host or "–"}
                yield Told(row.gone_at, "event", "info", text, row.task_id, row.host, row.version)


def started(source: LogSource) -> Iterator[Told]:
    """That the instance was started, where that is known."""
    if source.started_at is not None:
        text = _("An instance started on %(host)s.") % {"host": source.host or "–"}
        yield Told(source.started_at, "event", "info", text, source.task_id, source.host, source.version)


def news(job: Job, cursor: Cursor | None) -> tuple[News, dict[str, RowsRead]]:
    """What was not told yet, and what has been told with it (the cursor's fields). Three queries.

    To whoever has not read yet the latest of each kind is told."""
    if cursor is not None and not cursor.turn:
        cursor = None
    operations = operations_of(job).order_by("-id").values("pk")[:OPERATIONS_LOOKED_AT]
    tables: dict[str, QuerySet[Any]] = {
        "events": JobEvent.objects.filter(job=job),
        "log": OperationLog.objects.filter(operation__in=operations),
        "gone": GoneInstance.objects.filter(job=job),
    }
    found: dict[str, list[Any]] = {}
    read: dict[str, RowsRead] = {}
    for name, rows in tables.items():
        before: RowsRead = getattr(cursor, name) if cursor else RowsRead()
        found[name] = _unread(rows, before) if cursor else list(rows.order_by("-id")[:FIRST_ROWS])
        read[name] = before.with_rows([row.pk for row in found[name]])
    return News(**found), read


def _unread(rows: QuerySet[RowT], read: RowsRead) -> list[RowT]:
    unread = rows.filter(pk__gt=read.floor).exclude(pk__in=read.recent)
    return list(unread.order_by("pk")[:ROWS_AT_MOST])


def of_interest(told: Told, *, tasks: Collection[str], version: int | None, since: datetime | None) -> bool:
    """Whether it belongs to what the reader asked for: steps and history always, instances as they were chosen."""
    if since is not None and told.at < since:
        return False
    if tasks and told.task_id and told.task_id not in tasks:
        return False
    return version is None or told.version is None or told.version == version
