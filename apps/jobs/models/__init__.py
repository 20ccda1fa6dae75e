"""Jobs, their immutable versions, and the mirror of what runs."""

from apps.jobs.models.expiry import ScaleExpiry
from apps.jobs.models.history import JobEvent
from apps.jobs.models.job import Job, JobQuerySet, JobVersion, Slot, job_tag
from apps.jobs.models.mirror import DefinitionStamp, GoneInstance, Instance, SideWorkload
from apps.jobs.models.personal import Favourite, SavedView
from apps.jobs.models.release import Release, ReleaseItem
from apps.jobs.models.shelf import Secret
from apps.jobs.models.template import JobOrigin, JobTemplate, JobTemplateVersion
from apps.jobs.models.usage import LineUsage

__all__ = [
    "DefinitionStamp",
    "Favourite",
    "GoneInstance",
    "Instance",
    "Job",
    "JobEvent",
    "JobOrigin",
    "JobQuerySet",
    "JobTemplate",
    "JobTemplateVersion",
    "JobVersion",
    "LineUsage",
    "Release",
    "ReleaseItem",
    "SavedView",
    "ScaleExpiry",
    "Secret",
    "SideWorkload",
    "Slot",
    "job_tag",
]
