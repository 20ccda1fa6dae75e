"""Rounds over the clusters that have a Falcon: which jobs, which portal, what if it is away or slow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import lru_cache, partial
from time import monotonic

import redis
from django.conf import settings
from django.db.models import F, Q, QuerySet

from apps.core.models import Cluster
from apps.elastic.falcon import hints
from apps.elastic.falcon.reconcile import Report, follow, locked, sweep
from apps.elastic.models import ScalingPolicy
from apps.elastic.sources import metrics_address
from apps.jobs.models import Job
from clients.errors import RemoteError
from clients.falcon import FalconPortal
from clients.limits import calls_end_by
from engines.metrics.factory import MetricsAddress, make_falcon_portal

log = logging.getLogger(__name__)

CHANGED_AT_ONCE = 500
FOLLOWED_TOGETHER = 50
"""Jobs that are brought up to date together; of those that there was no time for, the next round begins."""
FOLLOW_FOR_S = 50.0
"""All clusters together; each has its share, so that a slow Falcon holds up no other."""
SWEEP_FOR_S = 270.0


def follow_changes(*, now: datetime) -> None:
    """Bring up to date what hints told of, and policies that were saved since they were last put there."""
    try:
        hinted = hints.take()
    except redis.RedisError as exc:
        log.warning("hints_away", extra={"error": str(exc)})
        hinted = set()
    follow_jobs(hinted | _saved(), now=now)


def follow_jobs(job_ids: Collection[int], *, now: datetime) -> None:
    """Those of them whose cluster has a Falcon. What could not be done in time is marked for the next round."""
    by_cluster: dict[int, set[int]] = {}
    jobs = Job.objects.filter(pk__in=job_ids, scaling__isnull=False)
    for job_id, cluster_id in jobs.values_list("pk", "cluster"):
        by_cluster.setdefault(cluster_id, set()).add(job_id)
    clusters = list(_clusters().filter(pk__in=by_cluster))
    for cluster in clusters:
        with calls_end_by(monotonic() + FOLLOW_FOR_S / len(clusters)):
            hints.mark(_not_followed(cluster, sorted(by_cluster[cluster.pk]), now=now))


def _not_followed(cluster: Cluster, job_ids: Sequence[int], *, now: datetime) -> Sequence[int]:
    """Bring these jobs of a cluster up to date; which of them there was no time or Falcon for."""
    for first in range(0, len(job_ids), FOLLOWED_TOGETHER):
        some = job_ids[first : first + FOLLOWED_TOGETHER]
        if not _reconciled(cluster, partial(follow, cluster, job_ids=some, now=now)):
            return job_ids[first:]
    return ()


def clusters_to_sweep() -> list[int]:
    return list(_clusters().values_list("pk", flat=True))


def sweep_cluster(cluster_id: int, *, now: datetime) -> None:
    """Look at everything there is in its Falcon."""
    cluster = _clusters().filter(pk=cluster_id).first()
    if cluster is not None:
        with calls_end_by(monotonic() + SWEEP_FOR_S):
            _reconciled(cluster, partial(sweep, cluster, now=now))


def _saved() -> set[int]:
    """Jobs whose policy was saved, or switched off, since it was last put there."""
    stale = Q(enabled=True, falcon__isnull=True) | Q(updated_at__gt=F("falcon__applied_at"))
    policies = ScalingPolicy.objects.filter(stale, job__cluster__in=_clusters(), job__deleted_at__isnull=True)
    return set(policies.values_list("job", flat=True)[:CHANGED_AT_ONCE])


def _clusters() -> QuerySet[Cluster]:
    """None where Falcon would not know where to call."""
    clusters = Cluster.objects.filter(enabled=True, metrics=Cluster.Monitoring.FALCON)
    return clusters if settings.OCEAN_CALLBACK_URL else clusters.none()


def _reconciled(cluster: Cluster, work: Callable[..., Report]) -> bool:
    """Whether it was this process' turn, and the Falcon took it all."""
    address = metrics_address(cluster)
    assert address is not None
    with locked(cluster) as mine:
        if not mine:
            return False
        try:
            report = work(portal=_portal(address))
        except (RemoteError, ValueError) as exc:
            log.warning("falcon_not_reconciled", extra={"cluster": cluster.name, "error": str(exc)})
            return False
    if report.steps or report.drifts:
        done = {"cluster": cluster.name, "drifts": report.drifts, **report.kinds}
        log.info("falcon_reconciled", extra=done)
    return True


@lru_cache(maxsize=64)
def _portal(address: MetricsAddress) -> FalconPortal:
    """Its connections are pooled for each process and address."""
    return make_falcon_portal(address)
