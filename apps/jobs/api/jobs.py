"""Jobs, and what one can ask of them. Every action answers 202 with its operation."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from apps.accounts.rights import product_lines_visible
from apps.core.api.base import IDEMPOTENCY_PARAMETER, starts_operation
from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Cluster
from apps.core.serializers import Reasoned
from apps.jobs import services
from apps.jobs.api.base import TAG, OfJob, jobs_described, jobs_listed
from apps.jobs.api.serializers import (
    JobListSerializer,
    JobPatchFields,
    JobProblemSerializer,
    JobSerializer,
    NewJobFields,
    PublishFields,
    RollbackFields,
    ScaleFields,
)
from apps.jobs.filters import JobFilter
from apps.jobs.models import Job
from apps.jobs.selectors import active_operation, job_explain
from apps.jobs.services.drafts import NewJob, Origin
from apps.jobs.services.expiry import expiry_keep
from apps.jobs.spec import spec_merge
from apps.jobs.templating.selectors import job_templates_visible, latest_of
from apps.jobs.templating.use import spec_make


class JobViewSet(OfJob, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Job]):
    """The jobs of one's product lines."""

    lookup_field = "tag"
    lookup_value_regex = TAG
    filterset_class = JobFilter
    ordering_fields = {
        "tag": "tag",
        "name": "name",
        "state": "state",
        "since": "state_since",
        "created": "created_at",
        "wanted": "wanted",
    }
    queryset = Job.objects.none()

    def get_queryset(self) -> QuerySet[Job]:
        return jobs_listed(self.person) if self.action == "list" else jobs_described(self.person)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Job]]:
        return JobListSerializer if self.action == "list" else JobSerializer

    @extend_schema(
        request=NewJobFields,
        responses={201: JobSerializer},
        parameters=[IDEMPOTENCY_PARAMETER],
        summary="Create a job as a draft; nothing runs until it is published.",
    )
    def create(self, request: Request) -> Response:
        key = self.idempotency_key()
        job = services.job_create(
            new=new_job(self.body(NewJobFields), by=self.person), by=self.person, idempotency_key=key
        )
        url = reverse("job-detail", args=[job.tag], request=request)
        return Response(self._described(job), HTTPStatus.CREATED, headers={"Location": url})

    @extend_schema(
        request=JobPatchFields,
        responses=JobSerializer,
        summary="Save the next version; what runs is not touched until it is published.",
    )
    def partial_update(self, request: Request, tag: str) -> Response:
        job = self.job
        fields = self.body(JobPatchFields)
        spec, origin, errors = _made(fields, by=self.person)
        if errors:
            raise InvalidInput(*errors)
        services.job_version_add(
            job=job,
            patch=spec,
            origin=origin,
            by=self.person,
            edited_version=fields.get("version"),
            note=fields["note"],
        )
        return Response(self._described(job))

    @starts_operation(request=Reasoned, summary="Stop the job and forget it on the scheduler.")
    def destroy(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_delete, Reasoned)

    @starts_operation(request=PublishFields, summary="Replace what runs by a version.")
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_publish, PublishFields)

    @starts_operation(request=RollbackFields, summary="Publish an earlier version again.")
    @action(detail=True, methods=["post"])
    def rollback(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_rollback, RollbackFields)

    @starts_operation(
        request=Reasoned,
        summary="Undo the publish that is under way; without one, publish the version that ran before the last.",
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_undo, Reasoned)

    @starts_operation(request=ScaleFields, summary="Run this many instances.")
    @action(detail=True, methods=["post"])
    def scale(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_scale, ScaleFields)

    @extend_schema(
        request=None, responses=JobSerializer, summary="Keep the number of instances: it expires no more."
    )
    @action(detail=True, methods=["delete"])
    def expiry(self, request: Request, tag: str) -> Response:
        job = self.job
        expiry_keep(job=job, by=self.person)
        return Response(self._described(job))

    @starts_operation(request=Reasoned, summary="Replace every instance by a new one of the same version.")
    @action(detail=True, methods=["post"])
    def restart(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_restart, Reasoned)

    @starts_operation(request=Reasoned, summary="Start at once what is held back after failures.")
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_retry, Reasoned)

    @starts_operation(request=Reasoned, summary="End all instances; the job and its versions stay.")
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_stop, Reasoned)

    @starts_operation(request=Reasoned, summary="Run a stopped job again.")
    @action(detail=True, methods=["post"])
    def start(self, request: Request, tag: str) -> Response:
        return self._ask(services.job_start, Reasoned)

    @extend_schema(
        responses=JobProblemSerializer(many=True),
        filters=False,
        summary="Why the job is not as wanted, in words, the most telling first; empty when all is well.",
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def explain(self, request: Request, tag: str) -> Response:
        job = self.job
        found = job_explain(job, now=timezone.now(), operation=active_operation(job))
        return Response(JobProblemSerializer(found, many=True).data)

    def _ask(self, service: Any, shape: type[serializers.Serializer[Any]]) -> Response:
        """Call the service with the body's fields. The job comes first: to those who may not know of it, a bad body
        is as unknown as a good one."""
        job = self.job
        fields = self.body(shape)
        operation = service(job=job, by=self.person, idempotency_key=self.idempotency_key(), **fields)
        return self.accepted(operation)

    def _described(self, job: Job) -> dict[str, Any]:
        # 404: it was deleted meanwhile, or long ago where its creation is repeated by its key.
        return dict(JobSerializer(get_object_or_404(self.get_queryset(), pk=job.pk)).data)


def new_job(fields: dict[str, Any], *, by: Any) -> NewJob:
    """The body's names as rows. Raises InvalidInput for those that are unknown, or may not be known to the person."""
    line = product_lines_visible(by).filter(tag=fields["product_line"]).first()
    cluster = Cluster.objects.filter(name=fields["cluster"]).first()
    spec, origin, errors = _made(fields, by=by)
    if line is None:
        text = _("There is no product line %(name)s, or none that you may know of.")
        errors.append(FieldError("product_line", "unknown", text % {"name": fields["product_line"]}))
    if cluster is None:
        text = _("There is no cluster %(name)s.") % {"name": fields["cluster"]}
        errors.append(FieldError("cluster", "unknown", text))
    if line is None or cluster is None or errors:
        raise InvalidInput(*errors)
    return NewJob(
        product_line=line,
        service=fields["service"],
        cluster=cluster,
        name=fields["name"],
        spec=spec,
        note=fields["note"],
        origin=origin,
    )


def _made(fields: dict[str, Any], *, by: Any) -> tuple[Any, Origin | None, list[FieldError]]:
    """The spec, on top of its template's where one is named, and where it comes from."""
    name = fields.get("template")
    if not name:
        text = _("Parameters are for a template: name it.")
        errors = [FieldError("parameters", "invalid", text)] if "parameters" in fields else []
        return fields["spec"], None, errors
    template = job_templates_visible(by).filter(name=name).first()
    if template is None:
        text = _("There is no job template %(name)s.") % {"name": name}
        return fields["spec"], None, [FieldError("template", "unknown", text)]
    made = spec_make(latest_of(template), fields.get("parameters", {}))
    return spec_merge(made.spec, fields["spec"]), Origin(made.version, made.values), []
