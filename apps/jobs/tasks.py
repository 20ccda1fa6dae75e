"""Celery's door to the jobs' housekeeping."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from apps.core.engines import get_engine
from apps.core.models import Cluster
from apps.jobs.mirror.sync import sync_everything
from apps.jobs.services.expiry_due import expiries_run
from apps.jobs.services.history import gone_instances_prune, history_prune, stamps_prune
from apps.jobs.services.look import LOOK_TASK
from apps.jobs.services.releases import releases_prune
from apps.jobs.services.usage import usage_count, usage_prune
from clients.errors import RemoteError

log = logging.getLogger(__name__)


@shared_task(name="jobs.prune_history", time_limit=280)
def prune_history() -> None:
    while history_prune(now=timezone.now()):
        pass
    while gone_instances_prune(now=timezone.now()):
        pass
    while stamps_prune(now=timezone.now()):
        pass
    usage_prune(now=timezone.now())


@shared_task(name="jobs.count_usage", time_limit=60)
def count_usage() -> None:
    """Rung each minute: the first ring of a slot counts it, so that a lost one costs nothing."""
    usage_count(now=timezone.now())


@shared_task(name="jobs.prune_releases", time_limit=280)
def prune_releases() -> None:
    while releases_prune(now=timezone.now()):
        pass


@shared_task(name="jobs.run_expiries", time_limit=20)
def run_expiries() -> None:
    expiries_run(now=timezone.now())


@shared_task(name=LOOK_TASK, time_limit=280)
def look_at_cluster(cluster_id: int) -> None:
    """A full snapshot because somebody asked; a scheduler that is away is the watcher's to report."""
    cluster = Cluster.objects.get(pk=cluster_id)
    try:
        sync_everything(cluster, get_engine(cluster))
    except RemoteError as exc:
        log.warning("cluster_not_looked_at", extra={"cluster": cluster.name, "error": str(exc)})
