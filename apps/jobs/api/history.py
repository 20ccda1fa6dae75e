"""A job's past: the time line, and how it was at two moments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from apps.core.api.pagination import Pagination
from apps.core.api.serializers import UtcDateTimeField
from apps.core.serializers import Strict, checked
from apps.jobs.api.base import OfJob, describe_tag
from apps.jobs.api.serializers import ChangeSerializer
from apps.jobs.models import Job, JobEvent
from apps.jobs.past import PAGE_SIZE, Wish, compare, timeline
from apps.jobs.timeline import YEARS, Entry, Place


class PastField(UtcDateTimeField):
    """A moment that every time zone can count with."""

    default_error_messages = {"year": _("The year must be from %(first)s to %(last)s.")}

    def to_internal_value(self, value: Any) -> datetime:
        moment: datetime = super().to_internal_value(value)
        if moment.year not in YEARS:
            text = self.error_messages["year"] % {"first": YEARS[0], "last": YEARS[-1]}
            raise serializers.ValidationError(text, code="out_of_range")
        return moment


class PlaceField(serializers.CharField):
    """A moment, or the place in a time line where a page ended."""

    default_error_messages = {
        "place": _("Give a time as ISO 8601 with its zone, or what an earlier answer's `next` has.")
    }

    def to_internal_value(self, data: Any) -> Any:
        try:
            return Place.parse(super().to_internal_value(data))
        except ValueError:
            self.fail("place")


class HistoryQuery(Strict):
    """`kind`: `people`, `operations`, `versions`, `instances`, `state`, or a line's own kind; several may be given."""

    before = PlaceField(required=False, max_length=80)
    after = PastField(required=False)
    kind = serializers.ListField(child=serializers.CharField(max_length=63), required=False, max_length=20)
    who = serializers.CharField(required=False, max_length=150, help_text="A user name.")
    level = serializers.MultipleChoiceField(choices=JobEvent.Level.choices, required=False)
    page_size = serializers.IntegerField(min_value=1, max_value=Pagination.max_page_size, default=PAGE_SIZE)

    def wish(self) -> Wish:
        """What was asked for. Raises InvalidInput."""
        given = checked(self)
        return Wish(
            before=given.get("before"),
            after=given.get("after"),
            kinds=given.get("kind", []),
            who=given.get("who", ""),
            levels=sorted(given.get("level", [])),
            size=given["page_size"],
        )


class HistoryEntrySerializer(serializers.Serializer[Any]):
    """What happened, in the reader's language. `count` is how many lines of the scheduler's say the same, one after the
    other: `time` is the newest's, `first` the oldest's. `state` is that of the operation where the line tells that
    it was asked for; how it ended is a line of its own, with the same `operation`."""

    time = UtcDateTimeField(source="line.at")
    first = UtcDateTimeField(source="first_at")
    count = serializers.IntegerField()
    level = serializers.ChoiceField(choices=JobEvent.Level.choices, source="line.level")
    kind = serializers.CharField(source="line.kind")
    text = serializers.CharField(source="line.text")
    actor = serializers.SerializerMethodField()
    reason = serializers.CharField(source="line.reason", allow_blank=True)
    operation = serializers.IntegerField(source="line.operation", allow_null=True)
    state = serializers.CharField(source="line.operation_state", allow_blank=True)
    version = serializers.IntegerField(source="line.version", allow_null=True)
    task_id = serializers.CharField(source="line.task_id", allow_blank=True)

    def get_actor(self, entry: Entry) -> str | None:
        return entry.line.who or None


@describe_tag
class HistoryView(OfJob):
    """What people asked of the job and what the scheduler reported, the newest first."""

    @extend_schema(
        parameters=[HistoryQuery],
        responses=inline_serializer(
            "History",
            {
                "next": serializers.CharField(allow_null=True),
                "previous": serializers.CharField(allow_null=True),
                "results": HistoryEntrySerializer(many=True),
            },
        ),
        operation_id="jobs_history_list",
        summary="The job's time line; `next` leads to what was before.",
    )
    def get(self, request: Request, tag: str) -> Response:
        job = self.job
        page = timeline(job, HistoryQuery(data=request.query_params).wish())
        older = None
        if page.older is not None:
            older = replace_query_param(request.build_absolute_uri(), "before", str(page.older))
        rows = HistoryEntrySerializer(page.entries, many=True).data
        return Response({"next": older, "previous": None, "results": rows})


class CompareQuery(Strict):
    """Two moments, in either order; without `to`, now."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": PastField(), "to": PastField(required=False)}


class MomentSerializer(serializers.Serializer[Any]):
    """How the job was: `version` is what the scheduler was asked to run, `wanted` the number of instances. `well` is
    how many of them were well when that was last noted, at `well_at`. Null: nothing was written down."""

    at = UtcDateTimeField()
    version = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(choices=Job.State.choices)
    wanted = serializers.IntegerField(allow_null=True)
    well = serializers.IntegerField(allow_null=True)
    well_at = UtcDateTimeField(allow_null=True)


@describe_tag
class CompareView(OfJob):
    """How the job was at two moments of its past, and what happened in between."""

    @extend_schema(
        parameters=[CompareQuery],
        responses=inline_serializer(
            "Comparison",
            {
                "from": MomentSerializer(),
                "to": MomentSerializer(),
                "changes": ChangeSerializer(many=True),
                "between": HistoryEntrySerializer(many=True),
                "more": serializers.CharField(allow_null=True),
            },
        ),
        operation_id="jobs_compare",
        summary="Compare two moments: version, state, instances, the specs field by field, and what was done and why.",
    )
    def get(self, request: Request, tag: str) -> Response:
        job = self.job
        query = checked(CompareQuery(data=request.query_params.dict()))
        start, end = sorted([query["from"], query.get("to") or timezone.now()])
        found = compare(job, start=start, end=end)
        body = {
            "from": MomentSerializer(found.before).data,
            "to": MomentSerializer(found.after).data,
            "changes": ChangeSerializer(found.changes, many=True).data,
            "between": HistoryEntrySerializer(found.entries, many=True).data,
            "more": str(found.older) if found.older else None,
        }
        return Response(body)
