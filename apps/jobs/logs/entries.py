"""A line of the merged log, as readers get it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.jobs.logs.story import Told


@dataclass(frozen=True, slots=True)
class LogLine:
    """`source` is `log` for what an instance wrote, `operation` and `event` for what happened, which have a `level`.

    `position` is where a line begins in its file; `estimated`: it carries no time of its own; `cut`: it goes on in
    the next one. `order` is what it is sorted by, where that is not its time.
    """

    time: datetime
    source: str
    text: str
    task_id: str = ""
    host: str = ""
    version: int | None = None
    file: str = ""
    level: str = ""
    operation: int | None = None
    position: str = ""
    estimated: bool = False
    cut: bool = False
    order: datetime | None = None


def entry_of(told: Told) -> LogLine:
    return LogLine(
        time=told.at,
        source=told.source,
        text=told.text,
        task_id=told.task_id,
        host=told.host,
        version=told.version,
        level=told.level,
        operation=told.operation,
    )
