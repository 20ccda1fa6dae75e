"""Whose logs can be read: the instances that the scheduler lists, and those that it lists no more, of which the
mirror and the history tell. Hosts keep the folder of an instance for a while after its end, which is when its last
words are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import pgettext

from apps.core.models import render_line
from apps.jobs.models import GoneInstance, Instance, Job, JobEvent
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
    version: int | None = None
    started_at: datetime | None = None


def log_sources(job: Job, *, at_most: int) -> list[LogSource]:
    """Those that exist, the newest first, then those that ended, the latest first."""
    return [*listed_sources(job)[:at_most], *ended_sources(job, at_most=ENDED_SHOWN)]


def listed_sources(job: Job, *, version: int | None = None) -> list[LogSource]:
    """Those that the scheduler lists (of one version), the newest first."""
    instances = instances_of(job) if version is None else instances_of(job).filter(version=version)
    return [_of_instance(instance) for instance in instances]


def ended_sources(job: Job, *, at_most: int, version: int | None = None) -> list[LogSource]:
    """Those that it lists no more, the latest first. Those that ended before they were ever mirrored are known by
    their bad end only, and not by their version."""
    gone = GoneInstance.objects.filter(job=job)
    gone = gone if version is None else gone.filter(version=version)
    ends = _ends(job) if version is None else _ends(job).none()
    return _ended(job, gone[:at_most], ends[:at_most])[:at_most]


def log_source(job: Job, task_id: str) -> LogSource | None:
    """The instance of this job with that id; None where neither the scheduler nor the history knows it."""
    return next(iter(sources_by_id(job, [task_id])), None)


def sources_by_id(job: Job, task_ids: Iterable[str]) -> list[LogSource]:
    """The instances of this job with these ids; those that nobody knows are left out."""
    asked = list(task_ids)
    listed = [_of_instance(instance) for instance in instances_of(job).filter(task_id__in=asked)]
    known = {source.task_id for source in listed}
    missing = [task_id for task_id in asked if task_id not in known]
    if not missing:
        return listed
    gone = GoneInstance.objects.filter(job=job, task_id__in=missing)
    ends = _ends(job).filter(key__in=[f"{JobEvent.ENDED_KEY}{task_id}" for task_id in missing])
    return [*listed, *_ended(job, gone, ends)]


def failing_source(job: Job, *, since: datetime | None) -> LogSource | None:
    """The instance whose last words are most worth a look: one that fails now, or the last that ended after
    `since`."""
    if instance := failing_instance(job):
        return _of_instance(instance)
    event = _ends(job).filter(at__gte=since).first() if since else None
    return source_of_end(event) if event else None


def source_of_end(event: JobEvent) -> LogSource:
    """The instance whose bad end this line of the history tells."""
    state = render_line("%(state)s", event.values)
    return LogSource(event.ended_task, event.values.get("host", ""), state, ended_at=event.at)


def source_of_gone(gone: GoneInstance, *, state: str = "") -> LogSource:
    """An instance that is listed no more, `state` saying how it ended where somebody knows."""
    return LogSource(
        gone.task_id,
        gone.host,
        state or pgettext("instance", "gone"),
        ended_at=gone.gone_at,
        version=gone.version,
        started_at=gone.started_at,
    )


def _ended(job: Job, gone: Iterable[GoneInstance], ends: Iterable[JobEvent]) -> list[LogSource]:
    found = {event.ended_task: source_of_end(event) for event in ends}
    for row in gone:
        known = found.get(row.task_id)
        found[row.task_id] = source_of_gone(row, state=known.state if known else "")
    # One that was lost and is listed again has not ended.
    back = Instance.objects.filter(job=job, task_id__in=found).values_list("task_id", flat=True)
    for task_id in back:
        del found[task_id]
    return sorted(found.values(), key=_ended_at, reverse=True)


def _ended_at(source: LogSource) -> float:
    return source.ended_at.timestamp() if source.ended_at else 0.0


def _ends(job: Job) -> QuerySet[JobEvent]:
    return JobEvent.objects.filter(job=job, kind=JobEvent.INSTANCE_FAILED)


def _of_instance(instance: Instance) -> LogSource:
    return LogSource(
        instance.task_id,
        instance.host,
        instance.get_state_display(),
        version=instance.version,
        started_at=instance.started_at or instance.staged_at,
    )
