"""Whose logs can be read: the instances that the scheduler lists, and those that ended lately, of which the history
tells. Hosts keep the folder of an instance for a while after its end, which is when its last words are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.core.models import render_line
from apps.jobs.models import Instance, Job, JobEvent
from apps.jobs.selectors import failing_instance, instances_of

ENDED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LogSource:
    """An instance whose log may be read. `state` in words, in the active language; `ended_at` is None while the
    scheduler lists it."""

    task_id: str
    host: str
    state: str
    ended_at: datetime | None = None


def log_sources(job: Job, *, at_most: int) -> list[LogSource]:
    """Those that exist, the newest first, then those that ended, the latest first."""
    listed = [_of_instance(instance) for instance in instances_of(job)[:at_most]]
    known = {source.task_id for source in listed}
    ended = [_of_event(event) for event in _ends(job)[:ENDED_SHOWN]]
    return [*listed, *(source for source in ended if source.task_id not in known)]


def log_source(job: Job, task_id: str) -> LogSource | None:
    """The instance of this job with that id; None where neither the scheduler nor the history knows it."""
    if instance := instances_of(job).filter(task_id=task_id).first():
        return _of_instance(instance)
    event = _ends(job).filter(key=f"{JobEvent.ENDED_KEY}{task_id}").first()
    return _of_event(event) if event else None


def failing_source(job: Job, *, since: datetime | None) -> LogSource | None:
    """The instance whose last words are most worth a look: one that fails now, or the last that ended after
    `since`."""
    if instance := failing_instance(job):
        return _of_instance(instance)
    event = _ends(job).filter(at__gte=since).first() if since else None
    return _of_event(event) if event else None


def _ends(job: Job) -> QuerySet[JobEvent]:
    return JobEvent.objects.filter(job=job, kind=JobEvent.INSTANCE_FAILED)


def _of_instance(instance: Instance) -> LogSource:
    return LogSource(instance.task_id, instance.host, instance.get_state_display())


def _of_event(event: JobEvent) -> LogSource:
    state = render_line("%(state)s", event.values)
    return LogSource(event.ended_task, event.values.get("host", ""), state, ended_at=event.at)
