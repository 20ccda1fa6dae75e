"""What the views under `jobs/{tag}/` share."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from apps.accounts.models import User
from apps.core.api.base import ApiView
from apps.jobs.models import Job
from apps.jobs.personal import with_favourite
from apps.jobs.selectors import jobs_visible, with_active_operation, with_latest_spec

TAG = r"[^/\x00]+"
JOB = rf"jobs/(?P<tag>{TAG})"
"""A job's address, before what belongs to it."""

TAG_PARAMETER = OpenApiParameter(
    "tag",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The job's full name: `job.…_service.…_cluster.…_pdl.…`",
)
describe_tag = extend_schema(parameters=[TAG_PARAMETER])


class OfJob(ApiView):
    """A view under a job's address. Nothing under it exists for whoever may not know of the job: 404 comes before
    the body is looked at."""

    kwargs: dict[str, Any]

    @cached_property
    def job(self) -> Job:
        return get_object_or_404(jobs_visible(self.person), tag=self.kwargs["tag"])


def jobs_listed(person: User) -> QuerySet[Job]:
    """The person's jobs with what lists show of them."""
    return with_active_operation(with_favourite(jobs_visible(person), person))


OF_ONE = ("created_by", "cloned_from", "origin__version__template")


def jobs_described(person: User) -> QuerySet[Job]:
    """With all that one job shows."""
    return with_latest_spec(jobs_listed(person).select_related(*OF_ONE))
