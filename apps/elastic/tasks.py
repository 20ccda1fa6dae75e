"""Celery's door to scaling's housekeeping."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from apps.elastic.services.retention import decisions_prune


@shared_task(name="elastic.prune_decisions", time_limit=50)
def prune_decisions() -> None:
    decisions_prune(now=timezone.now())
