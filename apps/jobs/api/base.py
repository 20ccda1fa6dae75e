"""What the views under `jobs/{tag}/` share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from apps.accounts.models import ProductLine, User
from apps.accounts.rights import product_lines_visible
from apps.core.api.base import ApiView, CallT
from apps.core.errors import FieldError, InvalidInput
from apps.jobs.api.serializers import ChangeSerializer
from apps.jobs.models import Job
from apps.jobs.personal import with_favourite
from apps.jobs.selectors import jobs_visible, with_active_operation, with_latest_spec
from apps.jobs.spec import spec_diff

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


def named_line(tag: str, *, by: User) -> ProductLine:
    """The product line that a body names. Raises InvalidInput where there is none that the person may know of."""
    line = product_lines_visible(by).filter(tag=tag).first()
    if line is None:
        text = _("There is no product line %(name)s, or none that you may know of.") % {"name": tag}
        raise InvalidInput(FieldError("product_line", "unknown", text))
    return line


def versions_diff_schema(name: str, summary: str) -> Callable[[CallT], CallT]:
    """Describes a call that answers `versions_diff`."""
    shape = {
        "from": serializers.IntegerField(),
        "to": serializers.IntegerField(),
        "changes": ChangeSerializer(many=True),
    }
    return extend_schema(
        parameters=[OpenApiParameter("other", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses=inline_serializer(name, shape),
        summary=summary,
    )


def versions_diff(
    rows: QuerySet[Any], number: str, other: str, *, content: Callable[[Any], dict[str, Any]]
) -> Response:
    """What differs in the content of two of these versions, field by field; 404 where one is not there."""
    found = {row.number: row for row in rows.filter(number__in=[number, other])}
    old, new = found.get(int(number)), found.get(int(other))
    if old is None or new is None:
        raise Http404
    changes = ChangeSerializer(spec_diff(content(old), content(new)), many=True).data
    return Response({"from": old.number, "to": new.number, "changes": changes})


def jobs_listed(person: User) -> QuerySet[Job]:
    """The person's jobs with what lists show of them."""
    return with_active_operation(with_favourite(jobs_visible(person), person))


OF_ONE = ("created_by", "cloned_from", "origin__version__template")


def jobs_described(person: User) -> QuerySet[Job]:
    """With all that one job shows."""
    return with_latest_spec(jobs_listed(person).select_related(*OF_ONE))
