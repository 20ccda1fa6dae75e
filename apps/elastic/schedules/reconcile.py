"""Making a cluster's Chronos hold what the schedules want: at once after a change, and on a timer.

The steps come from `chronos_jobs.diff`. Each is harmless to repeat, so a worker that is killed between two leaves the
rest to the next look.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.urls import reverse

from apps.core.live import announce
from apps.core.models import Cluster
from apps.elastic.models import ChronosLook, ScalingSchedule
from apps.elastic.schedules.chronos_jobs import Delete, Put, Step, Ticker, diff
from apps.elastic.schedules.drifts import drifts_note
from apps.elastic.schedules.ringing import LEAD
from apps.elastic.schedules.tokens import token_of
from clients.chronos import ChronosApi, ChronosJob
from clients.errors import NotFound, Refused, RemoteError
from clients.http import Credentials

log = logging.getLogger(__name__)

State = ScalingSchedule.Chronos
RECONCILE_LOCK = 7210
"""The first key of an advisory lock; the second is the cluster's id. Never reused for another use."""


def chronos_reconcile(cluster: Cluster, *, now: datetime) -> list[Step]:
    """Compare and put right; what Chronos says is noted at the schedules. Returns the steps that were taken.

    While another worker does it nothing is done. Raises RemoteError, which is noted first, when Chronos is away."""
    if not cluster.chronos_urls or not settings.OCEAN_CALLBACK_URL:
        return []
    with _alone(cluster.pk) as alone:
        if not alone:
            return []
        try:
            return _apply(cluster, get_chronos(cluster).jobs(), now=now)
        except RemoteError as exc:
            _note_away(cluster, str(exc), now=now)
            raise


def _apply(cluster: Cluster, found: list[ChronosJob], *, now: datetime) -> list[Step]:
    rows = list(_rung_for().filter(job__cluster=cluster).select_related("job"))
    ringing = {name_of(row.pk) for row in rows if not _starts(row, now=now)}
    tickers = [_ticker(row, now=now) for row in rows if name_of(row.pk) not in ringing]
    steps = diff(tickers, found, prefix=name_prefix(), leave=ringing | _of_neighbours(cluster))
    api = get_chronos(cluster)
    states = _seen(rows, found)
    for step in steps:
        match step:
            case Put():
                states[step.schedule_id] = _put(api, step)
            case Delete():
                _delete(api, step)
    _note(rows, states)
    drifts_note(cluster, rows, states)
    ChronosLook.objects.update_or_create(
        cluster=cluster, defaults={"at": now, "error": "", "error_since": None}
    )
    if steps:
        log.info("chronos_reconciled", extra={"cluster": cluster.name, "steps": len(steps)})
    return steps


def _rung_for() -> QuerySet[ScalingSchedule]:
    """The schedules that a Chronos is to ring for."""
    return ScalingSchedule.objects.filter(job__deleted_at__isnull=True, enabled=True, next_at__isnull=False)


def _of_neighbours(cluster: Cluster) -> set[str]:
    """Names of the jobs that other clusters keep in the same Chronos: two Marathons of one Mesos may share it."""
    addresses = set(cluster.chronos_urls)
    sharing = [
        other.pk
        for other in Cluster.objects.exclude(pk=cluster.pk)
        if not addresses.isdisjoint(other.chronos_urls)
    ]
    if not sharing:
        return set()
    return {name_of(pk) for pk in _rung_for().filter(job__cluster__in=sharing).values_list("pk", flat=True)}


@lru_cache(maxsize=64)
def _api(name: str, urls: tuple[str, ...], credentials: Credentials | None) -> ChronosApi:
    return ChronosApi(urls, name=f"chronos {name}", credentials=credentials)


def get_chronos(cluster: Cluster) -> ChronosApi:
    """The cluster's Chronos; its connections are pooled for each process and set of addresses."""
    credentials = Credentials(cluster.username, cluster.password) if cluster.username else None
    return _api(cluster.name, tuple(cluster.chronos_urls), credentials)


def name_prefix() -> str:
    """What our jobs' names begin with: two installations may share a Chronos."""
    return f"ocean-{hashlib.sha256(settings.OCEAN_CALLBACK_URL.encode()).hexdigest()[:8]}-schedule-"


def name_of(schedule_id: int) -> str:
    """The name of a schedule's Chronos job."""
    return f"{name_prefix()}{schedule_id}"


def _starts(row: ScalingSchedule, *, now: datetime) -> tuple[datetime, ...]:
    """Next runs that agree with the calendar, the one to post first. None while its only slot is being rung for."""
    assert row.next_at is not None  # the query asked for it
    if row.next_at - LEAD > now:
        return (row.next_at - LEAD,)
    following = row.rule.next_after(max(now, row.next_at))
    due = () if following is None else (following - LEAD,)
    if row.chronos == State.PENDING and row.next_at > now:
        return (
            row.next_at - LEAD,
            *due,
        )  # added just before its first slot: it is late by a moment, and runs at once
    return (*due, row.next_at - LEAD) if due else ()


def _ticker(row: ScalingSchedule, *, now: datetime) -> Ticker:
    return Ticker(
        schedule_id=row.pk,
        name=name_of(row.pk),
        starts=_starts(row, now=now),
        interval=row.interval,
        url=settings.OCEAN_CALLBACK_URL + reverse("schedule-rung", args=[row.pk]),
        token=token_of(schedule_id=row.pk, generation=row.token_generation),
        description=f"Ocean: {row.instances} instances of {row.job.tag}",
    )


def _put(api: ChronosApi, step: Put) -> tuple[str, str]:
    try:
        api.put_job(step.job)
    except Refused as exc:
        log.warning("chronos_refused", extra={"schedule": step.schedule_id, "error": str(exc)})
        return State.REFUSED, str(exc)
    log.info("chronos_put", extra={"schedule": step.schedule_id, "why": step.why})
    return State.THERE, ""


def _delete(api: ChronosApi, step: Delete) -> None:
    try:
        api.delete_job(step.name)
    except NotFound:
        return
    log.info("chronos_deleted", extra={"job": step.name})


def _seen(rows: list[ScalingSchedule], found: list[ChronosJob]) -> dict[int, tuple[str, str]]:
    """What Chronos says of each schedule's job."""
    jobs = {job["name"]: job for job in found}
    states: dict[int, tuple[str, str]] = {}
    for row in rows:
        job = jobs.get(name_of(row.pk))
        if job is not None and job.get("errorsSinceLastSuccess"):
            states[row.pk] = State.FAILING, job.get("lastError", "")
        elif job is not None:
            states[row.pk] = State.THERE, ""
    return states


def _note(rows: list[ScalingSchedule], states: dict[int, tuple[str, str]]) -> None:
    """Write what changed, rows of the same state together."""
    news: dict[tuple[str, str], list[ScalingSchedule]] = {}
    for row in rows:
        state, error = states.get(row.pk, (State.PENDING, ""))
        if (row.chronos, row.chronos_error) != (state, error[:500]):
            news.setdefault((state, error[:500]), []).append(row)
    for (state, error), changed in news.items():
        pks = [row.pk for row in changed]
        ScalingSchedule.objects.filter(pk__in=pks).update(chronos=state, chronos_error=error)
    topics = sorted({f"job:{row.job_id}" for changed in news.values() for row in changed})
    if topics:
        transaction.on_commit(lambda: announce("schedules", *topics), robust=True)


def _note_away(cluster: Cluster, error: str, *, now: datetime) -> None:
    look, _ = ChronosLook.objects.get_or_create(cluster=cluster)
    look.error, look.error_since = error, look.error_since or now
    look.save(update_fields=["error", "error_since"])
    rows = ScalingSchedule.objects.filter(job__cluster=cluster, enabled=True).exclude(chronos=State.AWAY)
    job_ids = list(rows.values_list("job_id", flat=True).distinct())
    if rows.update(chronos=State.AWAY, chronos_error=error[:500]):
        topics = [f"job:{job_id}" for job_id in job_ids]
        transaction.on_commit(lambda: announce("schedules", *topics), robust=True)


@contextmanager
def _alone(cluster_id: int) -> Iterator[bool]:
    """Whether this worker is the only one at it. The lock goes with the connection at the latest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [RECONCILE_LOCK, cluster_id])
        [held] = cursor.fetchone()
        try:
            yield held
        finally:
            if held:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [RECONCILE_LOCK, cluster_id])
