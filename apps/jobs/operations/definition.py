"""A job's version as the workload that the scheduler is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.jobs.models import Job
from apps.jobs.services.drafts import used_secrets
from apps.jobs.spec.workload import make_workload
from engines.base import OPERATION_LABEL, Workload, WorkloadId


def define(
    job: Job,
    *,
    number: int,
    spec: Mapping[str, Any],
    instances: int,
    strategy: Mapping[str, Any] | None,
    mark: str,
    path: WorkloadId | None = None,
) -> Workload:
    """The workload of a version, at the job's own path or another, marked as asked for by an operation. `strategy`
    None: the version's own. Raises SecretMissing, FilesTooLarge."""
    dependencies = Job.objects.alive().filter(tag__in=spec["depends_on"], target_version__isnull=False)
    return make_workload(
        workload_id=path or job.workload_id,
        tag=job.tag,
        version=number,
        spec=spec,
        instances=instances,
        secrets=used_secrets(spec, product_line=job.product_line),
        depends_on=tuple(WorkloadId(path) for path in dependencies.values_list("workload_id", flat=True)),
        strategy=strategy,
        labels={OPERATION_LABEL: mark},
    )
