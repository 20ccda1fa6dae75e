"""Celery's door to the jobs' housekeeping."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from apps.jobs.services.expiry_due import expiries_run
from apps.jobs.services.history import gone_instances_prune, history_prune
from apps.jobs.services.releases import releases_prune
from apps.jobs.services.usage import usage_count, usage_prune


@shared_task(name="jobs.prune_history", time_limit=280)
def prune_history() -> None:
    while history_prune(now=timezone.now()):
        pass
    while gone_instances_prune(now=timezone.now()):
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
