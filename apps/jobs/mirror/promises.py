"""Ocean's own account of what Marathon cannot ask for: disk I/O and bandwidth promised on each host."""

from __future__ import annotations

from django.db import connection

from apps.core.models import Cluster

_SQL = """
SELECT instance.host,
       COALESCE(SUM((version.spec->>'disk_io_mib_s')::bigint), 0),
       COALESCE(SUM((version.spec->>'bandwidth_mbit_s')::bigint), 0)
FROM jobs_instance AS instance
JOIN jobs_job AS job ON job.id = instance.job_id
JOIN jobs_jobversion AS version ON version.job_id = job.id AND version.number = instance.version
WHERE job.cluster_id = %s
  AND (version.spec->>'disk_io_mib_s' IS NOT NULL OR version.spec->>'bandwidth_mbit_s' IS NOT NULL)
GROUP BY instance.host
"""


def promised_by_host(cluster: Cluster) -> dict[str, dict[str, float]]:
    """`{"node1": {"disk_io": 40.0, "bandwidth": 100.0}}`: MiB/s and Mbit/s, by host name."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [cluster.pk])
        rows = cursor.fetchall()
    return {
        host: {"disk_io": float(disk_io), "bandwidth": float(bandwidth)} for host, disk_io, bandwidth in rows
    }
