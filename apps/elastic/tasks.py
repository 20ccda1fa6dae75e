"""Celery's door to scaling's housekeeping, and to what it keeps in Falcon."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from apps.elastic.falcon import rounds
from apps.elastic.falcon.drifts import REAPPLY_TASK
from apps.elastic.services.retention import decisions_prune


@shared_task(name="elastic.prune_decisions", time_limit=50)
def prune_decisions() -> None:
    decisions_prune(now=timezone.now())


@shared_task(name="elastic.follow_falcon", time_limit=60)
def follow_falcon() -> None:
    rounds.follow_changes(now=timezone.now())


@shared_task(name="elastic.sweep_falcon", time_limit=20)
def sweep_falcon() -> None:
    """One task for each cluster, so that one whose Falcon is slow holds up no other."""
    for cluster_id in rounds.clusters_to_sweep():
        sweep_cluster.apply_async((cluster_id,), queue="background", expires=50, ignore_result=True)


@shared_task(name="elastic.sweep_falcon_of_cluster", time_limit=280)
def sweep_cluster(cluster_id: int) -> None:
    rounds.sweep_cluster(cluster_id, now=timezone.now())


@shared_task(name=REAPPLY_TASK, time_limit=60)
def reapply_falcon(job_id: int) -> None:
    rounds.follow_jobs([job_id], now=timezone.now())
