"""What belongs to a job: versions, instances, history, logs."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import starts_operation
from apps.core.serializers import checked
from apps.jobs.api.base import OfJob, describe_tag, versions_diff, versions_diff_schema
from apps.jobs.api.serializers import (
    InstanceSerializer,
    JobVersionSerializer,
    KillFields,
    LogChunkSerializer,
    LogQuery,
)
from apps.jobs.filters import InstanceFilter
from apps.jobs.log_sources import log_source
from apps.jobs.masking import job_engine
from apps.jobs.models import Instance, JobVersion
from apps.jobs.selectors import instances_of, versions_of, with_serving
from apps.jobs.services import instance_kill, instance_kill_repeated
from engines.base import InstanceId


@describe_tag
class VersionViewSet(OfJob, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[JobVersion]):
    """A job's versions, the latest first. They never change."""

    serializer_class = JobVersionSerializer
    lookup_field = "number"
    lookup_value_regex = "[0-9]{1,9}"
    ordering_fields = {"version": "number"}
    queryset = JobVersion.objects.none()

    def get_queryset(self) -> QuerySet[JobVersion]:
        return versions_of(self.job)

    @versions_diff_schema("VersionDiff", "What differs from one version to another, field by field.")
    @action(detail=True, url_path="diff/(?P<other>[0-9]{1,9})")
    def diff(self, request: Request, tag: str, number: str, other: str) -> Response:
        return versions_diff(self.get_queryset(), number, other, content=lambda version: version.spec)


@describe_tag
class InstanceViewSet(OfJob, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Instance]):
    """A job's instances, as the scheduler lists them; the newest first."""

    serializer_class = InstanceSerializer
    lookup_field = "task_id"
    lookup_value_regex = r"[^/\x00]+"
    filterset_class = InstanceFilter
    ordering_fields = {"started": "started_at", "host": "host", "state": "state", "version": "version"}
    queryset = Instance.objects.none()

    def get_queryset(self) -> QuerySet[Instance]:
        return with_serving(instances_of(self.job), self.job)

    @starts_operation(request=KillFields, summary="End one instance; the scheduler starts another.")
    @action(detail=True, methods=["post"])
    def kill(self, request: Request, tag: str, task_id: str) -> Response:
        job = self.job
        fields = self.body(KillFields)
        asked = {"by": self.person, "idempotency_key": self.idempotency_key(), **fields}
        operation = instance_kill_repeated(
            job=job,
            task_id=task_id,
            by=self.person,
            shrink=fields["shrink"],
            idempotency_key=asked["idempotency_key"],
        )
        if operation is None:
            instance = get_object_or_404(instances_of(job).select_related("job"), task_id=task_id)
            operation = instance_kill(instance=instance, **asked)
        return self.accepted(operation)


class LogView(OfJob):
    """What an instance wrote."""

    @extend_schema(
        parameters=[LogQuery],
        responses=LogChunkSerializer,
        operation_id="jobs_logs_retrieve",
        summary="Read an instance's stdout or stderr, from its host; without an offset, the tail.",
    )
    @describe_tag
    def get(self, request: Request, tag: str) -> Response:
        job = self.job
        query = checked(LogQuery(data=request.query_params.dict()))
        instance = log_source(job, query["task"])
        if instance is None:
            raise Http404
        chunk = job_engine(job).read_log(
            InstanceId(instance.task_id),
            host=instance.host,
            file=query["file"],
            offset=query["offset"],
            length=query["length"],
        )
        body = {
            "task": instance.task_id,
            "file": query["file"],
            "offset": chunk.offset,
            "length": chunk.length,
            "size": chunk.size,
            "text": chunk.text,
        }
        return Response(body)
