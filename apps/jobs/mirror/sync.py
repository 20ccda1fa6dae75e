"""Bringing the mirror of one cluster up to date: whole, by light polls, and workload by workload."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice

from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.core.models import Cluster, Operation
from apps.jobs.mirror.ahead import read_ahead
from apps.jobs.mirror.apply import mirror_apply, mirror_missing, sides_missing
from apps.jobs.mirror.parts import Part, parts_of
from apps.jobs.mirror.side import Counts
from apps.jobs.mirror.why import job_diagnose
from apps.jobs.models import Job, SideWorkload
from apps.jobs.planning import is_side, own_path, side_path
from engines.base import Engine, WorkloadId, WorkloadStatus

log = logging.getLogger(__name__)

BATCH = 100
"""Workloads in one transaction of a snapshot."""
BETWEEN_S = 0.01
"""What is heard meanwhile waits for so long at most while answers are on their way."""
DIAGNOSE_AFTER = timedelta(seconds=1)
"""An instance that is replaced leaves its job ill for a moment, which needs no reason."""
DIAGNOSE_AT_MOST = 100
DIAGNOSE_FOR_S = 0.5
"""Jobs in trouble that are asked about in one round, and for how long; the others have their turn in the next."""


def sync_everything(cluster: Cluster, engine: Engine) -> int:
    """Take a full snapshot at once, streamed. Returns the number of jobs whose mirror changed."""
    asked_at = timezone.now()
    seen: set[str] = set()
    changed = 0
    for statuses in read_ahead(_batches(engine.snapshot())):
        seen.update(status.id for status in statuses)
        changed += len(mirror_apply(cluster, statuses, at=asked_at))
    changed += len(mirror_missing(_published_but_not(cluster, seen), at=asked_at))
    gone = [side.job_id for side in _sides(cluster) if side_path(side.job.workload_id) not in seen]
    return changed + (len(sides_missing(gone, at=asked_at)) if gone else 0)


def cluster_parts(cluster: Cluster, *, at_most: int) -> list[Part]:
    """The parts that a snapshot of the cluster's jobs is taken in: see `parts_of`."""
    rows = Job.objects.alive().filter(cluster=cluster).values_list("workload_id", "wanted", "running")
    return parts_of(
        {path: 1 + max(wanted, running) for path, wanted, running in rows.iterator()}, at_most=at_most
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """Parts of a snapshot that were asked for together, `at`; their answers are on their way."""

    parts: list[Part]
    at: datetime
    answers: list[Future[list[WorkloadStatus]]]


def ask_parts(engine: Engine, parts: list[Part], *, pool: ThreadPoolExecutor) -> Asked:
    """Ask for these parts, each by a request of its own; see `write_parts`."""

    def ask(part: Part) -> list[WorkloadStatus]:
        return list(engine.snapshot(under=part.prefix))

    return Asked(parts, timezone.now(), [pool.submit(ask, part) for part in parts])


def write_parts(
    cluster: Cluster,
    asked: Asked,
    *,
    between: Callable[[], None] = lambda: None,
    answered: Callable[[], None] = lambda: None,
) -> int:
    """Write the answers: what there is, and which jobs of these parts are not there. Returns the number of jobs whose
    mirror changed. `between` is called while they are on their way and after every batch, `answered` before they are
    written. Raises RemoteError when one of them is none; then nothing is written."""
    found = _answers(asked.answers, between=between)
    answered()
    seen = {status.id for status in found}
    changed = 0
    for start in range(0, len(found), BATCH):
        changed += len(mirror_apply(cluster, found[start : start + BATCH], at=asked.at))
        between()
    own = frozenset(chain.from_iterable(part.paths for part in asked.parts))
    rows = Job.objects.alive().filter(cluster=cluster, target_version__isnull=False)
    lost = rows.filter(workload_id__in=own - seen).values_list("pk", flat=True)
    changed += len(mirror_missing(lost, at=asked.at))
    gone = [
        side.job_id
        for side in _sides(cluster)
        if side.job.workload_id in own and side_path(side.job.workload_id) not in seen
    ]
    return changed + (len(sides_missing(gone, at=asked.at)) if gone else 0)


def find_stale(
    cluster: Cluster, engine: Engine, *, between: Callable[[], None] = lambda: None
) -> set[WorkloadId]:
    """Compare counts only (no instances): which of our workloads does the mirror show wrong?

    This is what finds changes whose events were lost without the stream ending. `between` is called after every batch:
    what happens meanwhile need not wait until all is read."""
    sides = {side_path(side.job.workload_id): side for side in _sides(cluster)}
    beside = {side.job_id: Counts.of(side) for side in sides.values()}
    seen: set[str] = set()
    stale: set[WorkloadId] = set()
    for statuses in read_ahead(_batches(engine.summaries())):
        seen.update(status.id for status in statuses)
        own = {own_path(status.id) for status in statuses}
        rows = Job.objects.alive().filter(cluster=cluster, workload_id__in=own)
        ours = {job.workload_id: job for job in rows.only("workload_id", *_COMPARED)}
        for status in statuses:
            job = ours.get(own_path(status.id))
            if job is None:
                continue
            if is_side(status.id):
                differs = _side_differs(sides.get(status.id), status)
            else:
                differs = _differs(job, status, beside=beside.get(job.pk, Counts()))
            if differs:
                stale.add(status.id)
        between()
    running = Job.objects.alive().filter(cluster=cluster, target_version__isnull=False, running__gt=0)
    lost = [*running.values_list("workload_id", flat=True).iterator(), *sides]
    return stale | {WorkloadId(path) for path in lost if path not in seen}


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at some workloads came to: how long it took, and the large ones that were only counted."""

    took_s: float = 0.0
    counted: frozenset[WorkloadId] = frozenset()


def sync_some(
    cluster: Cluster,
    engine: Engine,
    workload_ids: Iterable[WorkloadId],
    *,
    whole: Collection[WorkloadId],
    pool: ThreadPoolExecutor,
    between: Callable[[], None] = lambda: None,
) -> Looked:
    """Ask for each of these of our workloads and apply the answers together. `between` is called again and again while
    they are on their way.

    Of large ones only the counts are asked for, unless they are in `whole`: an event about one instance must not cost
    as much as the job has instances.
    """
    start = time.monotonic()
    asked = list(workload_ids)
    rows = Job.objects.alive().filter(cluster=cluster, workload_id__in={own_path(path) for path in asked})
    jobs = {job.workload_id: job for job in rows.only("workload_id", "tag", "wanted", "running")}
    ours = {path: jobs[own_path(path)] for path in asked if own_path(path) in jobs}
    if not ours:
        return Looked()
    large = {WorkloadId(path) for path, job in ours.items() if job.is_large}
    counted = frozenset(large - set(whole))
    asked_at = timezone.now()
    small = {WorkloadId(path): job.tag for path, job in ours.items() if path not in large}
    asking = [pool.submit(_some, engine, small)]
    asking += [pool.submit(_one, engine, path, whole=path not in counted) for path in large]
    found = _answers(asking, between=between)
    mirror_apply(cluster, found, at=asked_at)
    gone = ours.keys() - {status.id for status in found}
    mirror_missing([ours[path].pk for path in gone if not is_side(path)], at=asked_at)
    sides_missing([ours[path].pk for path in gone if is_side(path)], at=asked_at)
    return Looked(took_s=time.monotonic() - start, counted=counted)


def _some(engine: Engine, tags: Mapping[WorkloadId, str]) -> list[WorkloadStatus]:
    return list(engine.get_some(tags).values())


def _one(engine: Engine, path: WorkloadId, *, whole: bool) -> list[WorkloadStatus]:
    status = engine.get(path) if whole else engine.count(path)
    return [status] if status is not None else []


def _answers(
    asking: list[Future[list[WorkloadStatus]]], *, between: Callable[[], None]
) -> list[WorkloadStatus]:
    """All of them, in their order; `between` is called again and again while they are on their way."""
    waiting = set(asking)
    while waiting:
        _done, waiting = wait(waiting, timeout=BETWEEN_S)
        between()
    return list(chain.from_iterable(answer.result() for answer in asking))


def diagnose_troubled(cluster: Cluster, engine: Engine, *, after: int) -> int:
    """Ask why the jobs in trouble are so, where no operation is doing it already: first those of which nothing is known
    yet, the latest first, then those with a primary key above `after`, each for half of DIAGNOSE_FOR_S at most.
    Returns where to go on, so that each has its turn; 0 when the last was reached."""
    busy = Operation.objects.active().filter(target_type="job").values("target_id")
    ill = Q(state=Job.State.DEGRADED) | Q(state=Job.State.DEPLOYING, target_version__isnull=False)
    troubled = Job.objects.alive().filter(
        ill, cluster=cluster, state_since__lt=timezone.now() - DIAGNOSE_AFTER
    )
    troubled = troubled.exclude(pk__in=busy).select_related("cluster")
    _diagnose_for(DIAGNOSE_FOR_S / 2, troubled.filter(problems=[]).order_by("-state_since"), engine)
    known = troubled.filter(pk__gt=after).exclude(problems=[]).order_by("pk")
    looked, all_of_them = _diagnose_for(DIAGNOSE_FOR_S / 2, known, engine)
    return 0 if all_of_them or not looked else looked[-1]


def _diagnose_for(seconds: float, jobs: QuerySet[Job], engine: Engine) -> tuple[list[int], bool]:
    """Ask about one after the other, for so long at most. Returns whom, and whether these were all."""
    until = time.monotonic() + seconds
    found = list(jobs[:DIAGNOSE_AT_MOST])
    looked: list[int] = []
    for job in found:
        _diagnose(job, engine)
        looked.append(job.pk)
        if time.monotonic() > until:
            break
    return looked, len(looked) < DIAGNOSE_AT_MOST and len(looked) == len(found)


def _diagnose(job: Job, engine: Engine) -> None:
    asked_at = timezone.now()
    status = engine.get(WorkloadId(job.workload_id))
    if status is None:
        mirror_missing([job.pk], at=asked_at)
        return
    mirror_apply(job.cluster, [status], at=asked_at)
    job_diagnose(job, status, engine=engine)


_COMPARED = (
    "running", "healthy", "staging", "has_health_checks", "config_changed_at", "target_version", "state", "wanted",
)  # fmt: skip


def _differs(job: Job, status: WorkloadStatus, *, beside: Counts) -> bool:
    counts = Counts.of(job) - beside != Counts.said(status)
    settled = job.state == Job.State.DEPLOYING and not status.deployments
    return counts or settled or job.config_changed_at != status.config_changed_at


def _side_differs(side: SideWorkload | None, status: WorkloadStatus) -> bool:
    if side is None:
        return True
    known = (Counts.of(side), side.wanted, side.config_changed_at)
    return known != (Counts.said(status), status.wanted, status.config_changed_at)


def _sides(cluster: Cluster) -> list[SideWorkload]:
    """What is known to run beside the cluster's jobs: a handful at any time."""
    rows = SideWorkload.objects.filter(job__cluster=cluster, job__deleted_at__isnull=True)
    return list(rows.select_related("job"))


def _published_but_not(cluster: Cluster, seen: set[str]) -> Iterator[int]:
    rows = Job.objects.alive().filter(cluster=cluster, target_version__isnull=False)
    return (pk for pk, path in rows.values_list("pk", "workload_id").iterator() if path not in seen)


def _batches(statuses: Iterator[WorkloadStatus]) -> Iterator[list[WorkloadStatus]]:
    while batch := list(islice(statuses, BATCH)):
        yield batch
