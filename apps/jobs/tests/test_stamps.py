"""Which version a definition was: kept for as long as anything may ask for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.jobs.models import DefinitionStamp
from apps.jobs.services.history import stamps_prune
from apps.jobs.tests.factories import make_job

pytestmark = pytest.mark.django_db


def test_of_the_old_definitions_the_last_is_kept(settings: Any) -> None:
    settings.OCEAN_HISTORY_DAYS = 30
    now = timezone.now()
    job, other = make_job(), make_job()
    for days, version in ((90, 1), (60, 2), (40, 3), (5, 4)):
        DefinitionStamp.objects.create(job=job, changed_at=now - timedelta(days=days), version=version)
    DefinitionStamp.objects.create(job=other, changed_at=now - timedelta(days=90), version=1)
    assert stamps_prune(now=now) == 2
    assert stamps_prune(now=now) == 0
    left = DefinitionStamp.objects.order_by("job", "version").values_list("job", "version")
    assert list(left) == [(job.pk, 3), (job.pk, 4), (other.pk, 1)]
