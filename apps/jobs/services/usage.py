"""Counting what product lines cost: one statement every five minutes, whatever their number.

A slot counts, for each line, the instances that hold resources on a host at that moment (those that have not ended),
each with the CPUs and memory that its version's spec promises it, times five minutes. It is what was set aside, not
what was burnt. A slot in which no worker ran is not made up for.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from apps.jobs.models import LineUsage
from apps.jobs.selectors import ENDED

SLOT = timedelta(minutes=5)

_COUNT = """
INSERT INTO jobs_lineusage (product_line_id, hour, cpu_h, memory_gib_h, instance_h, counted_at)
SELECT job.product_line_id,
       date_trunc('hour', %(slot)s::timestamptz, 'UTC'),
       sum((version.spec ->> 'cpus')::float8) * %(hours)s,
       sum((version.spec ->> 'memory_mib')::float8) / 1024 * %(hours)s,
       count(*) * %(hours)s,
       %(slot)s
FROM jobs_instance instance
JOIN jobs_job job ON job.id = instance.job_id AND job.deleted_at IS NULL
JOIN jobs_jobversion version
  ON version.job_id = job.id AND version.number = coalesce(instance.version, job.target_version)
WHERE instance.state <> ALL (%(ended)s)
GROUP BY job.product_line_id
ON CONFLICT (product_line_id, hour) DO UPDATE
SET cpu_h = jobs_lineusage.cpu_h + EXCLUDED.cpu_h,
    memory_gib_h = jobs_lineusage.memory_gib_h + EXCLUDED.memory_gib_h,
    instance_h = jobs_lineusage.instance_h + EXCLUDED.instance_h,
    counted_at = EXCLUDED.counted_at
WHERE jobs_lineusage.counted_at < EXCLUDED.counted_at
"""


def usage_count(*, now: datetime) -> int:
    """Count the slot that `now` lies in, once however often it is called. Returns how many lines were counted."""
    slot = slot_of(now)
    if LineUsage.objects.filter(counted_at__gte=slot, hour__gte=slot - timedelta(hours=1)).exists():
        return 0
    values: dict[str, Any] = {
        "slot": slot,
        "hours": SLOT / timedelta(hours=1),
        "ended": [str(state) for state in ENDED],
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        return int(cursor.rowcount)


def slot_of(moment: datetime) -> datetime:
    """The beginning of the slot that a moment lies in."""
    return moment - timedelta(
        minutes=moment.minute % (SLOT.seconds // 60), seconds=moment.second, microseconds=moment.microsecond
    )


def usage_prune(*, now: datetime) -> int:
    """Delete hours older than OCEAN_HISTORY_DAYS. Returns how many."""
    old = LineUsage.objects.filter(hour__lt=now - timedelta(days=settings.OCEAN_HISTORY_DAYS))
    return old.delete()[0]
