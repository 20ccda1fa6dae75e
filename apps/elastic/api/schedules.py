"""`jobs/{tag}/schedules/`: when a job has how many instances; what became of that, and what is coming."""

from __future__ import annotations

from http import HTTPStatus
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import IDEMPOTENCY_PARAMETER
from apps.core.serializers import checked
from apps.elastic.api.schedule_shapes import (
    CalendarQuery,
    CalendarSerializer,
    ScheduleRunSerializer,
    ScheduleSerializer,
)
from apps.elastic.models import ScalingSchedule, ScheduleRun
from apps.elastic.models.schedule import START_FORMAT
from apps.elastic.schedules.fields import ScheduleFields
from apps.elastic.schedules.selectors import calendar_of, runs_of, schedules_of
from apps.elastic.schedules.services import schedule_change, schedule_create, schedule_delete
from apps.jobs.api.base import OfJob, describe_tag
from apps.jobs.services.drafts import require_editable


@describe_tag
class ScheduleViewSet(
    OfJob, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ScalingSchedule]
):
    """A job's schedules, by start."""

    serializer_class = ScheduleSerializer
    lookup_value_regex = "[0-9]{1,18}"
    queryset = ScalingSchedule.objects.none()

    def get_queryset(self) -> QuerySet[ScalingSchedule]:
        return schedules_of(self.job)

    @extend_schema(
        request=ScheduleFields,
        responses={201: ScheduleSerializer},
        parameters=[IDEMPOTENCY_PARAMETER],
        summary="Add a schedule to the job.",
    )
    def create(self, request: Request, tag: str) -> Response:
        job = self.job
        require_editable(job, by=self.person)
        fields = {
            "time_zone": self.person.time_zone or settings.OCEAN_DEFAULT_TIME_ZONE,
            **self.body(ScheduleFields),
        }
        schedule = schedule_create(
            job=job, by=self.person, fields=fields, repeatable=bool(self.idempotency_key())
        )
        return Response(ScheduleSerializer(schedule).data, HTTPStatus.CREATED)

    @extend_schema(
        request=ScheduleFields, responses=ScheduleSerializer, summary="Change some fields of a schedule."
    )
    def partial_update(self, request: Request, tag: str, pk: str) -> Response:
        schedule = self.get_object()
        require_editable(schedule.job, by=self.person)
        fields = self.body(ScheduleFields, partial=True)
        schedule = schedule_change(schedule=schedule, by=self.person, fields=fields)
        return Response(ScheduleSerializer(schedule).data)

    @extend_schema(summary="Remove a schedule; what it holds now ends.")
    def destroy(self, request: Request, tag: str, pk: str) -> Response:
        schedule_delete(schedule=self.get_object(), by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)


@describe_tag
class ScheduleRunViewSet(OfJob, mixins.ListModelMixin, GenericViewSet[ScheduleRun]):
    """What became of the slots of a job's schedules, the newest first."""

    serializer_class = ScheduleRunSerializer
    queryset = ScheduleRun.objects.none()

    def get_queryset(self) -> QuerySet[ScheduleRun]:
        return runs_of(self.job)


class CalendarView(OfJob):
    """What is coming."""

    @extend_schema(
        parameters=[OpenApiParameter("days", OpenApiTypes.INT, description="From now: 1 to 31.")],
        responses=CalendarSerializer,
        operation_id="jobs_scaling_calendar",
        summary="What the schedules will do to the job in the next days.",
    )
    @describe_tag
    def get(self, request: Request, tag: str) -> Response:
        job = self.job
        query = checked(CalendarQuery(data=request.query_params.dict()))
        found = calendar_of(job, now=timezone.now(), days=query["days"])
        found["entries"] = [
            {
                "schedule": row.pk,
                "at": entry.at,
                "local": entry.at.astimezone(ZoneInfo(row.time_zone)).strftime(START_FORMAT),
                "time_zone": row.time_zone,
                "kind": entry.kind,
                "instances": entry.instances,
                "holds": entry.holds,
                "least": entry.least,
                "most": entry.most,
                "until": entry.until,
            }
            for row, entry in found["entries"]
        ]
        return Response(CalendarSerializer(found).data)
