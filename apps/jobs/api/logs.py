"""The logs of a job: all its instances merged by time with what happened to it, and whole, for keeping."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.serializers import UtcDateTimeField
from apps.core.serializers import Strict, checked
from apps.jobs.api.base import OfJob, describe_tag
from apps.jobs.log_sources import LogSource
from apps.jobs.logs.cursor import Cursor, decode, encode
from apps.jobs.logs.download import merged_download, whole_file
from apps.jobs.logs.entries import LogLine
from apps.jobs.logs.followed import Choice, read_from
from apps.jobs.logs.position import Position
from apps.jobs.logs.reading import LogQuery
from apps.jobs.logs.stream import LogPage, read_page

FILES = {"stdout": ("stdout",), "stderr": ("stderr",), "both": ("stdout", "stderr")}


class ChoiceFields(Strict):
    """Which instances and files; without any, both files of all instances."""

    file = serializers.ChoiceField(choices=list(FILES), default="both")
    task = serializers.ListField(child=serializers.CharField(max_length=500), max_length=32, default=list)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, default=None, allow_null=True)

    def choice(self) -> Choice:
        data = self.validated_data
        return Choice(files=FILES[data["file"]], tasks=tuple(data["task"]), version=data["version"])


class CursorField(serializers.CharField):
    """A cursor that an answer gave."""

    default_error_messages = {"invalid_cursor": _("This is no cursor of this list. Begin without one.")}

    def to_internal_value(self, data: Any) -> Any:
        try:
            return decode(super().to_internal_value(data))
        except ValueError:
            self.fail("invalid_cursor")


class PositionField(serializers.CharField):
    """The `position` of a line."""

    default_error_messages = {"invalid_position": _("This is no line's position.")}

    def to_internal_value(self, data: Any) -> Any:
        try:
            return Position.parse(super().to_internal_value(data))
        except ValueError:
            self.fail("invalid_position")


class MergedLogQuery(ChoiceFields):
    """`cursor` reads on where an answer ended; without it the end of the log is read. `limit` counts the lines that
    instances wrote. `at` begins at a line of one file of one `task` instead. `events`: with what happened to the job.
    `skip`: leave out what a person could not read so fast (more than 512 KiB behind), and say so."""

    cursor = CursorField(default=None, allow_null=True)
    at = PositionField(default=None, allow_null=True)
    limit = serializers.IntegerField(min_value=1, max_value=5000, default=500)
    since = serializers.DateTimeField(default=None, allow_null=True)
    events = serializers.BooleanField(default=True)
    skip = serializers.BooleanField(default=True)

    default_error_messages = {"one_file": _("A position is one of one file of one task.")}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["at"] is not None and (attrs["file"] == "both" or len(attrs["task"]) != 1):
            text = str(self.error_messages["one_file"])
            raise serializers.ValidationError({"at": serializers.ErrorDetail(text, code="one_file")})
        return attrs

    def query(self) -> LogQuery:
        data = self.validated_data
        return LogQuery(
            self.choice(), limit=data["limit"], since=data["since"], events=data["events"], skip=data["skip"]
        )

    def begin(self) -> Cursor | None:
        cursor, at = self.validated_data["cursor"], self.validated_data["at"]
        if cursor is None and at is not None:
            cursor = read_from(at, self.choice())
        return cursor if isinstance(cursor, Cursor) else None


# Not as a class: a field that is called `source` would hide what every serializer has by that name.
LOG_LINES = inline_serializer(
    "LogLine",
    {
        "time": UtcDateTimeField(),
        "source": serializers.ChoiceField(
            choices=["log", "operation", "event"],
            help_text="`log` for what an instance wrote; a step of an `operation` and an `event` have a `level`. What "
            "does not apply to a line is left out.",
        ),
        "text": serializers.CharField(),
        "task_id": serializers.CharField(required=False),
        "host": serializers.CharField(required=False),
        "version": serializers.IntegerField(required=False),
        "file": serializers.CharField(required=False),
        "level": serializers.ChoiceField(choices=["info", "warning", "error"], required=False),
        "operation": serializers.IntegerField(required=False),
        "position": serializers.CharField(required=False, help_text="Where the line begins, for `at`."),
        "estimated": serializers.BooleanField(
            required=False, help_text="The line carries no time of its own."
        ),
        "cut": serializers.BooleanField(
            required=False, help_text="It is so long that it goes on in the next one."
        ),
    },
    many=True,
)


class FollowedSerializer(serializers.Serializer[Any]):
    """An instance that is read; `state` in words."""

    task_id = serializers.CharField()
    host = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    state = serializers.CharField()
    started = UtcDateTimeField(allow_null=True)


class GoneSerializer(FollowedSerializer):
    """One that the scheduler lists no more; `readable`: its host still has its files."""

    ended = UtcDateTimeField(allow_null=True)
    readable = serializers.BooleanField()


class MergedLogSerializer(serializers.Serializer[Any]):
    """Lines by time; read on with `cursor`, at once where there is `more`. `sources` are the instances that are
    read, `gone` those of them that have ended, `left_out` how many are not read because there are too many."""

    lines = LOG_LINES
    cursor = serializers.CharField()
    more = serializers.BooleanField()
    sources = FollowedSerializer(many=True)
    gone = GoneSerializer(many=True)
    left_out = serializers.IntegerField()


class MergedLogView(OfJob):
    """What a job's instances wrote and what happened to it."""

    @extend_schema(
        parameters=[MergedLogQuery],
        responses=MergedLogSerializer,
        operation_id="jobs_logs_merged_retrieve",
        summary="Read all instances' stdout and stderr, operations' steps and events, merged by time.",
    )
    @describe_tag
    def get(self, request: Request, tag: str) -> Response:
        asked = MergedLogQuery(data=_parameters(request))
        job = self.job
        checked(asked)
        try:
            page = read_page(job, asked.query(), asked.begin(), now=timezone.now())
        except LookupError:
            raise Http404 from None
        return Response(page_json(page))


class LogDownloadView(OfJob):
    """Logs to keep, streamed however long they are."""

    @extend_schema(
        parameters=[ChoiceFields],
        responses={(200, "text/plain"): OpenApiTypes.STR},
        operation_id="jobs_logs_download_retrieve",
        summary="Download one whole file of one instance as it is, or all that is kept merged by time.",
    )
    @describe_tag
    def get(self, request: Request, tag: str) -> HttpResponseBase:
        asked = ChoiceFields(data=_parameters(request))
        job = self.job
        checked(asked)
        choice = asked.choice()
        try:
            if len(choice.tasks) == len(choice.files) == 1:
                return whole_file(job, choice)
            return merged_download(job, choice, now=timezone.now())
        except LookupError:
            raise Http404 from None


def page_json(page: LogPage) -> dict[str, Any]:
    """The answer's body; by hand, as a serializer takes longer than everything else for some thousand lines."""
    return {
        "lines": [_line_json(line) for line in page.lines],
        "cursor": encode(page.cursor),
        "more": page.more,
        "sources": [_source_json(source) for source in page.sources],
        "gone": [
            {
                **_source_json(source),
                "ended": _time_json(source.ended_at),
                "readable": source.task_id not in page.unreadable,
            }
            for source in page.sources
            if source.ended_at is not None
        ],
        "left_out": page.left_out,
    }


_WHERE_GIVEN = ("task_id", "host", "version", "file", "level", "operation", "position", "estimated", "cut")


def _line_json(line: LogLine) -> dict[str, Any]:
    body: dict[str, Any] = {"time": _time_json(line.time), "source": line.source, "text": line.text}
    for name in _WHERE_GIVEN:
        if value := getattr(line, name):
            body[name] = value
    return body


def _source_json(source: LogSource) -> dict[str, Any]:
    return {
        "task_id": source.task_id,
        "host": source.host,
        "version": source.version,
        "state": source.state,
        "started": _time_json(source.started_at),
    }


def _time_json(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _parameters(request: Request) -> dict[str, Any]:
    """The query's parameters; `task` may be given several times."""
    asked: dict[str, Any] = request.query_params.dict()
    if "task" in asked:
        asked["task"] = request.query_params.getlist("task")
    return asked
