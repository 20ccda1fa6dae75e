"""Jobs, their immutable versions, and the mirror of what runs."""

from apps.jobs.models.history import JobEvent
from apps.jobs.models.job import Job, JobQuerySet, JobVersion, job_tag
from apps.jobs.models.mirror import DefinitionStamp, Instance
from apps.jobs.models.shelf import JobTemplate, Secret

__all__ = [
    "DefinitionStamp",
    "Instance",
    "Job",
    "JobEvent",
    "JobQuerySet",
    "JobTemplate",
    "JobVersion",
    "Secret",
    "job_tag",
]
