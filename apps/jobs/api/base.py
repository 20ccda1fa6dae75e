"""What the views under `jobs/{tag}/` share."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema

from apps.core.api.base import ApiView
from apps.jobs.models import Job
from apps.jobs.selectors import jobs_visible

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
