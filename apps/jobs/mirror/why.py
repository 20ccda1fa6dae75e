"""Asking the scheduler why a job is not as wanted, and keeping the answer for the pages."""

from __future__ import annotations

from apps.jobs.diagnosis import Problem, diagnose
from apps.jobs.masking import mask_of, masked_engine, masked_status
from apps.jobs.mirror.apply import problems_store
from apps.jobs.models import Job, JobVersion
from engines.base import Engine, WorkloadStatus


def job_diagnose(job: Job, status: WorkloadStatus, *, engine: Engine) -> list[Problem]:
    """Ask for the queue's and the checks' reasons; writes `Job.problems`. `status` is of the job's own workload or of
    the one beside it. Raises `clients.errors.RemoteError`."""
    mask = mask_of(job)
    engine, status = masked_engine(engine, mask), masked_status(status, mask)
    number = job.target_version or job.latest_version
    version = JobVersion.objects.filter(job=job, number=number).first()
    problems = diagnose(
        status,
        spec=version.spec if version else {},
        waiting=engine.waiting(status.id),
        health=engine.health(status.id) if status.has_health_checks else (),
    )
    problems_store(job.pk, problems)
    return problems
