"""Cloning and migrating a job, each with what would be different there."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from apps.accounts.models import User
from apps.accounts.rights import Right, require
from apps.core.api.base import ACCEPTED, IDEMPOTENCY_PARAMETER, starts_operation
from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Cluster
from apps.core.serializers import Reasoned
from apps.jobs.api.base import OfJob, describe_tag, jobs_described, named_line
from apps.jobs.api.serializers import JobSerializer
from apps.jobs.cloning.differences import Difference
from apps.jobs.models import Job
from apps.jobs.services.cloning import CloneWish, clone_plan, job_clone, job_migrate, migrate_plan
from apps.jobs.services.drafts import require_editable


class CloneFields(Reasoned):
    """`cluster`, and what is to differ: `name`, `service`, `product_line`; `version`: the latest without one.
    `autoscaling`: with the job's scaling policy and its schedules."""

    cluster = serializers.CharField(max_length=63)
    name = serializers.CharField(max_length=63, required=False)
    service = serializers.CharField(max_length=63, required=False)
    product_line = serializers.CharField(max_length=220, required=False)
    version = serializers.IntegerField(min_value=1, allow_null=True, default=None)
    publish = serializers.BooleanField(default=False)
    autoscaling = serializers.BooleanField(default=False)


class MigrateFields(Reasoned):
    """The cluster to go to."""

    cluster = serializers.CharField(max_length=63)


class DifferenceSerializer(serializers.Serializer[Any]):
    """One finding: an `error` could not run there, a `warning` deserves a look, `info` is good to know."""

    field = serializers.CharField()
    code = serializers.CharField()
    here = serializers.CharField(allow_blank=True)
    there = serializers.CharField(allow_blank=True)
    severity = serializers.ChoiceField(choices=["error", "warning", "info"])
    what = serializers.CharField()
    hint = serializers.CharField(allow_blank=True)


PLAN = inline_serializer("ClonePlan", {"differences": DifferenceSerializer(many=True)})


@describe_tag
class CloneView(OfJob):
    """A new job with this one's spec."""

    @extend_schema(
        request=CloneFields,
        responses={201: JobSerializer, 202: ACCEPTED[202]},
        parameters=[IDEMPOTENCY_PARAMETER],
        operation_id="jobs_clone",
        summary="Copy the job to another name, cluster or product line; with `publish` run it there too (202).",
    )
    def post(self, request: Request, tag: str) -> Response:
        job = self.job
        _require_own_line(self, job)
        fields = self.body(CloneFields)
        clone, operation = job_clone(
            job=job,
            wish=_wish(fields, by=self.person),
            by=self.person,
            publish=fields["publish"],
            idempotency_key=self.idempotency_key(),
            reason=fields["reason"],
        )
        if operation is not None:
            return self.accepted(operation)
        made = jobs_described(self.person).get(pk=clone.pk)
        url = reverse("job-detail", args=[clone.tag], request=request)
        return Response(JobSerializer(made).data, HTTPStatus.CREATED, headers={"Location": url})


@describe_tag
class ClonePlanView(OfJob):
    @extend_schema(
        request=CloneFields,
        responses={200: OpenApiResponse(PLAN)},
        operation_id="jobs_clone_plan",
        summary="What would be different there; nothing is done.",
    )
    def post(self, request: Request, tag: str) -> Response:
        job = self.job
        _require_own_line(self, job)
        wish = _wish(self.body(CloneFields), by=self.person)
        return _plan(clone_plan(job=job, wish=wish, by=self.person))


@describe_tag
class MigrateView(OfJob):
    @starts_operation(
        request=MigrateFields,
        summary="Bring it up on another cluster; once it is well there, delete it here.",
    )
    def post(self, request: Request, tag: str) -> Response:
        job = self.job
        require_editable(job, by=self.person)
        fields = self.body(MigrateFields)
        operation = job_migrate(
            job=job,
            cluster=_cluster(fields["cluster"]),
            by=self.person,
            idempotency_key=self.idempotency_key(),
            reason=fields["reason"],
        )
        return self.accepted(operation)


@describe_tag
class MigratePlanView(OfJob):
    @extend_schema(
        request=MigrateFields,
        responses={200: OpenApiResponse(PLAN)},
        operation_id="jobs_migrate_plan",
        summary="What would be different there, and who is left behind; nothing is done.",
    )
    def post(self, request: Request, tag: str) -> Response:
        job = self.job
        require_editable(job, by=self.person)
        cluster = _cluster(self.body(MigrateFields)["cluster"])
        return _plan(migrate_plan(job=job, cluster=cluster, by=self.person))


def _require_own_line(view: OfJob, job: Job) -> None:
    """Whoever only sees the job may clone it to a product line of theirs, which they have to name."""
    data = view.request.data
    if not (isinstance(data, dict) and data.get("product_line")):
        require(view.person, Right.CHANGE, job.product_line)


def _plan(found: list[Difference]) -> Response:
    return Response({"differences": DifferenceSerializer(found, many=True).data})


def _wish(fields: dict[str, Any], *, by: User) -> CloneWish:
    """The body's names as rows. Raises InvalidInput for those that are unknown, or may not be known to the person."""
    tag = fields.get("product_line")
    line = named_line(tag, by=by) if tag else None
    return CloneWish(
        cluster=_cluster(fields["cluster"]),
        name=fields.get("name"),
        service=fields.get("service"),
        product_line=line,
        version=fields["version"],
        autoscaling=fields["autoscaling"],
    )


def _cluster(name: str) -> Cluster:
    cluster = Cluster.objects.filter(name=name).first()
    if cluster is None:
        raise InvalidInput(
            FieldError("cluster", "unknown", _("There is no cluster %(name)s.") % {"name": name})
        )
    return cluster
