"""Writing what the scheduler says into our tables: in bulk, idempotent, newest truth wins.

Both the watcher and the operations' own looks come here, so each batch locks its jobs and skips those of which
something newer is known already (`engine_seen_at` is when the scheduler was asked).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.core.live import announce
from apps.core.models import Cluster, Operation
from apps.core.operations.services import operations_wake
from apps.jobs.explain import Problem, missing
from apps.jobs.masking import masked_statuses
from apps.jobs.mirror.instances import Seen, definitions_stamp, instances_forget, instances_write
from apps.jobs.mirror.loops import crash_looping
from apps.jobs.mirror.rows import Row, jobs_write
from apps.jobs.mirror.side import Counts, side_of, sides_seen, sides_write
from apps.jobs.models import Instance, Job, JobEvent, SideWorkload, Slot
from apps.jobs.planning import job_state, own_path, side_path
from apps.jobs.services.history import Happening, history_begins, history_write
from apps.jobs.signals import instances_changed
from engines.base import InstanceFailure, InstanceState, WorkloadStatus

FAILED = gettext_noop("An instance on %(host)s ended (%(state)s): %(message)s")
DEGRADED = gettext_noop("Not as wanted: %(well)s of %(wanted)s instances are well.")
CRASH_LOOP = gettext_noop("Its instances end again and again.")
RECOVERED = gettext_noop("As wanted again: %(well)s of %(wanted)s instances are well.")

ENDED_BADLY = frozenset(
    {InstanceState.FAILED, InstanceState.FINISHED, InstanceState.UNREACHABLE, InstanceState.UNKNOWN}
)
"""States of an event that go into the history: an instance ended though nobody asked for it."""

_STATE = ("state", "state_since", "problems")
_STATE_FIELDS = (
    "running",
    "healthy",
    "staging",
    "has_health_checks",
    "config_changed_at",
    *_STATE,
)


@dataclass(slots=True)
class Batch:
    """What one transaction found out, to be told after it."""

    changed: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    happenings: list[tuple[Job, Happening]] = field(default_factory=list)


def mirror_apply(cluster: Cluster, statuses: Sequence[WorkloadStatus], *, at: datetime) -> set[int]:
    """Make the mirror of these workloads what the scheduler said at `at`. Of a status that came without instances
    only the counts are taken.

    Workloads that are no jobs of ours, nor beside one, are left alone. Returns the ids of the jobs that changed, after
    telling pages, waiting operations and the listeners of `instances_changed`.
    """
    batch = Batch()
    by_path = {str(status.id): status for status in statuses}
    with transaction.atomic():
        jobs = _locked(cluster=cluster, workload_id__in={own_path(path) for path in by_path})
        by_path = masked_statuses(jobs, by_path)
        before = {job.pk: _written(job) for job in jobs}
        beside = {job.pk: Counts.of(side_of(job)) for job in jobs}
        seen = [
            Seen(job, status, job.config_changed_at)
            for job in jobs
            if (status := by_path.get(job.workload_id)) and _is_news(job.engine_seen_at, at)
        ]
        sides = sides_seen(jobs, [by_path.get(side_path(job.workload_id)) for job in jobs], at=at)
        if not seen and not sides:
            return set()
        definitions_stamp(seen, slot=Slot.MAIN)
        batch.changed |= instances_write(seen, slot=Slot.MAIN, at=at) | sides_write(sides, at=at)
        busy, looping = busy_jobs(jobs), crash_looping(jobs, at=at)
        own = {one.job.pk: one.status for one in seen}
        changed_beside = {one.job.pk: one.status for one in sides}
        for job in jobs:
            if job.pk in own or job.pk in changed_beside:
                share = Share(own.get(job.pk), changed_beside.get(job.pk), beside[job.pk])
                lot = Lot(busy=job.pk in busy, crash_loop=job.pk in looping)
                _write_counts(job, share, at=at, lot=lot, batch=batch)
        history_write(batch.happenings)
        _save(jobs, before, seen=own, at=at)
    tell(batch)
    return batch.changed


def mirror_missing(job_ids: Iterable[int], *, at: datetime) -> set[int]:
    """These jobs are not on the scheduler: they have no instances of their own. Returns those that changed."""
    batch = Batch()
    with transaction.atomic():
        jobs = [job for job in _locked(pk__in=list(job_ids)) if _is_news(job.engine_seen_at, at)]
        gone = instances_forget(Instance.objects.filter(job__in=jobs, slot=Slot.MAIN), at=at)
        busy = busy_jobs(jobs)
        before = {job.pk: _written(job) for job in jobs}
        for job in jobs:
            shown = (job.state, Counts.of(job))
            _set_counts(job, Counts.of(side_of(job)))
            if job.pk not in busy:
                lost = job.is_published
                set_state(job, Job.State.DEGRADED if lost else Job.State.DRAFT)
                job.problems = [missing().as_json()] if lost else []
            if gone or shown != (job.state, Counts.of(job)):
                batch.changed.add(job.pk)
            batch.settled.add(job.pk)
        _save(jobs, before, seen=before, at=at)
    tell(batch)
    return batch.changed


def sides_missing(job_ids: Iterable[int], *, at: datetime) -> set[int]:
    """Beside these jobs nothing runs on the scheduler. Returns those that changed."""
    batch = Batch()
    with transaction.atomic():
        jobs = [
            job for job in _locked(pk__in=list(job_ids), side__isnull=False) if _is_news(job.side.seen_at, at)
        ]
        if not jobs:
            return set()
        busy, looping = busy_jobs(jobs), crash_looping(jobs, at=at)
        before = {job.pk: _written(job) for job in jobs}
        for job in jobs:
            _set_counts(job, Counts.of(job) - Counts.of(job.side))
            set_state(job, counted_state(job, deploying=job.pk in busy, crash_loop=job.pk in looping))
            batch.changed.add(job.pk)
            batch.settled.add(job.pk)
        instances_forget(Instance.objects.filter(job__in=jobs, slot=Slot.SIDE), at=at)
        SideWorkload.objects.filter(job__in=jobs).delete()
        _save(jobs, before, seen=(), at=at)
    tell(batch)
    return batch.changed


def state_refresh(job_id: int) -> None:
    """Work out a job's state again from the counts that are known: its operation has just ended."""
    with transaction.atomic():
        states_refresh([Job.objects.select_for_update(no_key=True).get(pk=job_id)])


def states_refresh(jobs: Sequence[Job], *, with_fields: Sequence[str] = _STATE) -> None:
    """The same of several, which are locked; writes these fields of theirs."""
    alive = [job for job in jobs if job.deleted_at is None]
    looping = crash_looping(alive, at=timezone.now())
    for job in alive:
        set_state(job, counted_state(job, deploying=False, crash_loop=job.pk in looping))
        if job.all_well:
            job.problems = []
    Job.objects.bulk_create(
        jobs, update_conflicts=True, unique_fields=["id"], update_fields=list(with_fields)
    )
    topics = sorted(f"job:{job.pk}" for job in alive)
    transaction.on_commit(lambda: announce("jobs", *topics), robust=True)


def problems_store(job_id: int, problems: Iterable[Problem]) -> None:
    """Keep why a job is not as wanted, for the pages; not where it has become so while the reason was looked for."""
    stored = [problem.as_json() for problem in problems]
    ill = Job.objects.filter(pk=job_id).exclude(state__in=[Job.State.RUNNING, Job.State.STOPPED])
    if ill.exclude(problems=stored).update(problems=stored):
        announce(f"job:{job_id}", "jobs")


# --- the parts of a batch ------------------------------------------------------------------------------


def bad_end(failure: InstanceFailure) -> Happening:
    """An instance's bad end for its job's history: once, however often it is reported."""
    # The state is a word of the catalogue (Instance.State's label), translated with the sentence.
    state = {"text": failure.state.value}
    return Happening(
        kind=JobEvent.INSTANCE_FAILED,
        key=f"{JobEvent.ENDED_KEY}{failure.instance_id}",
        text=FAILED,
        values={"host": failure.host, "state": state, "message": failure.message},
        level=JobEvent.Level.WARNING,
        at=failure.at,
    )


def _written(job: Job) -> tuple[Any, ...]:
    return tuple(getattr(job, name) for name in _STATE_FIELDS)


def _locked(**which: Any) -> list[Job]:
    """The living jobs that these fields name, with their sides, locked in one order."""
    rows = Job.objects.alive().filter(**which).select_related("side")
    return list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def _is_news(seen_at: datetime | None, at: datetime) -> bool:
    return seen_at is None or seen_at < at


def _save(
    jobs: Sequence[Job], before: Mapping[int, tuple[Any, ...]], *, seen: Collection[int], at: datetime
) -> None:
    """Write what changed, and of those jobs of `seen`, which are locked, that they were looked at."""
    changed = [job for job in jobs if _written(job) != before[job.pk]]
    jobs_write(Row(job, job.problems, at if job.pk in seen else None) for job in changed)
    if same := set(seen) - {job.pk for job in changed}:
        Job.objects.filter(pk__in=same).update(engine_seen_at=at)


def busy_jobs(jobs: Sequence[Job]) -> set[int]:
    """The jobs that an operation is working on."""
    active = Operation.objects.active().filter(target_type="job", target_id__in=[job.pk for job in jobs])
    return set(active.values_list("target_id", flat=True))


@dataclass(frozen=True, slots=True)
class Share:
    """What was just seen of a job (`own`) and of what runs beside it (`side`), None where this look was not about it;
    `beside`: what was known of the side before."""

    own: WorkloadStatus | None
    side: WorkloadStatus | None
    beside: Counts

    def counts(self, job: Job) -> Counts:
        own = Counts.said(self.own) if self.own else Counts.of(job) - self.beside
        return own + (Counts.said(self.side) if self.side else self.beside)

    @property
    def statuses(self) -> list[WorkloadStatus]:
        return [status for status in (self.own, self.side) if status]


@dataclass(frozen=True, slots=True)
class Lot:
    """What else is so with a job: an operation works on it, its instances end again and again."""

    busy: bool
    crash_loop: bool


def _write_counts(job: Job, share: Share, *, at: datetime, lot: Lot, batch: Batch) -> None:
    before = (job.state, Counts.of(job))
    _set_counts(job, share.counts(job))
    if share.own:
        job.has_health_checks = share.own.has_health_checks
        job.config_changed_at = share.own.config_changed_at
    deploying = lot.busy or any(status.deployments for status in share.statuses)
    state = counted_state(job, deploying=deploying, crash_loop=lot.crash_loop)
    if happening := turn(job, state, at=at):
        batch.happenings.append((job, happening))
    set_state(job, state)
    if job.all_well:
        job.problems = []
    for status in share.statuses:
        if status.last_failure is not None and status.last_failure.at > history_begins(now=at):
            batch.happenings.append((job, bad_end(status.last_failure)))
        if not status.deployments or (status.running >= status.wanted and not status.staging):
            batch.settled.add(job.pk)
    if before != (job.state, Counts.of(job)):
        batch.changed.add(job.pk)


def _set_counts(job: Job, counts: Counts) -> None:
    job.running, job.healthy, job.staging = counts.running, counts.healthy, counts.staging


def counted_state(job: Job, *, deploying: bool, crash_loop: bool) -> Job.State:
    """The job's state by the counts on it."""
    return job_state(
        published=job.is_published,
        deploying=deploying,
        wanted=job.wanted,
        running=job.running,
        healthy=job.healthy,
        has_health_checks=job.has_health_checks,
        crash_loop=crash_loop,
    )


def turn(job: Job, state: Job.State, *, at: datetime) -> Happening | None:
    """A job that fell ill or got well by itself is worth a line of history."""
    words = {
        (Job.State.RUNNING, Job.State.DEGRADED): ("degraded", DEGRADED, JobEvent.Level.WARNING),
        (Job.State.DEGRADED, Job.State.RUNNING): ("recovered", RECOVERED, JobEvent.Level.INFO),
    }.get((Job.State(job.state), state))
    if words is None:
        return None
    kind, text, level = words
    values = {"well": min(job.healthy, job.running), "wanted": job.wanted}
    if state == Job.State.DEGRADED and values["well"] >= job.wanted:
        text = CRASH_LOOP
    return Happening(kind, f"{kind}:{at.isoformat()}", text, values, level=level, at=at)


def set_state(job: Job, state: Job.State) -> None:
    """Not saved yet."""
    if job.state != state:
        job.state, job.state_since = state, timezone.now()


def tell(batch: Batch) -> None:
    """After the transaction: pages, waiting operations, and whoever follows the mirror."""
    if batch.settled:
        operations_wake(target_type="job", target_ids=sorted(batch.settled))
    if batch.changed:
        announce("jobs", *(f"job:{job_id}" for job_id in sorted(batch.changed)))
        instances_changed.send_robust(sender=Job, job_ids=frozenset(batch.changed))
