"""Releases: several jobs changed as one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import ApiView, starts_operation
from apps.core.api.serializers import UtcDateTimeField
from apps.core.operations.kinds import Control
from apps.core.serializers import Reasoned, Strict
from apps.jobs.api.serializers import StrategyField
from apps.jobs.filters import ReleaseFilter
from apps.jobs.models import Release, ReleaseItem
from apps.jobs.releases.plan import (
    MAX_ITEMS,
    MAX_PARALLEL,
    PARALLEL,
    ItemWish,
    Member,
    Plan,
    Wish,
    release_plan,
)
from apps.jobs.selectors import releases_visible, speaking_operation, with_items
from apps.jobs.services.releases import release_cancel, release_create, release_tell, release_undo


class ReleaseItemFields(Strict):
    """A job by its tag; for a publish its version (else the latest) and a strategy on top of the version's own."""

    job = serializers.CharField(max_length=400)
    version = serializers.IntegerField(min_value=1, allow_null=True, default=None)
    strategy = StrategyField(allow_null=True, default=None)


class ReleaseFields(Reasoned):
    """`on_failure`: whether all go back when one fails, or what is done stays. `parallel`: how many at once."""

    action = serializers.ChoiceField(choices=Release.Action.choices)
    items = serializers.ListField(child=ReleaseItemFields(), min_length=1, max_length=MAX_ITEMS)
    on_failure = serializers.ChoiceField(choices=Release.OnFailure.choices, default=Release.OnFailure.UNDO)
    parallel = serializers.IntegerField(min_value=1, max_value=MAX_PARALLEL, default=PARALLEL)


class PlannedItemSerializer(serializers.Serializer[Member]):
    """`from` and `to` are versions, null for nothing that runs; `instances` are those afterwards."""

    job = serializers.CharField(source="job.tag")
    to = serializers.IntegerField(source="number", allow_null=True)
    instances = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        before = serializers.IntegerField(source="number_before", allow_null=True)
        return {"from": before, **super().get_fields()}


class PlanSerializer(serializers.Serializer[Plan]):
    """The stages in their order; the jobs of one go together."""

    stages = serializers.ListField(child=PlannedItemSerializer(many=True))
    warnings = serializers.ListField(child=serializers.CharField())


class ReleaseItemSerializer(serializers.ModelSerializer[ReleaseItem]):
    """`from` is null until it has begun. `operation` is the one that did it, `undo_operation` the one that brought back
    what ran before; `message` says what happened, in the reader's language."""

    job = serializers.CharField(source="job.tag")
    to = serializers.IntegerField(source="version", allow_null=True)
    operation = serializers.IntegerField(source="operation_id", allow_null=True)
    undo_operation = serializers.IntegerField(source="undo_operation_id", allow_null=True)
    progress = serializers.IntegerField()
    message = serializers.CharField(source="rendered")

    class Meta:
        model = ReleaseItem
        fields = ["job", "stage", "to", "state", "progress", "message", "operation", "undo_operation"]
        read_only_fields = fields

    def get_fields(self) -> dict[str, Any]:
        return {
            **super().get_fields(),
            "from": serializers.IntegerField(source="previous_version", allow_null=True),
        }


class ReleaseListSerializer(serializers.ModelSerializer[Release]):
    """`operation` is the id of the operation that carries it out, or took it back last. What it says names the
    release's jobs: null for whoever may not know of them all."""

    requested_by = serializers.CharField(source="requested_by.username")
    operation = serializers.IntegerField(source="operation_id", allow_null=True)
    progress = serializers.IntegerField(source="operation.progress", allow_null=True, default=None)
    message = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    created = UtcDateTimeField(source="created_at")
    finished = UtcDateTimeField(source="finished_at", allow_null=True)

    class Meta:
        model = Release
        fields = [
            "id", "action", "state", "progress", "message", "error", "on_failure", "parallel", "reason",
            "requested_by", "operation", "created", "finished",
        ]  # fmt: skip
        read_only_fields = fields

    def get_message(self, release: Release) -> str | None:
        operation = speaking_operation(release)
        return operation.message_text if operation else None

    def get_error(self, release: Release) -> str | None:
        operation = speaking_operation(release)
        return operation.error_text if operation else None


class ReleaseSerializer(ReleaseListSerializer):
    """With its jobs, as far as one may know of them, by stage."""

    items = ReleaseItemSerializer(many=True)

    class Meta(ReleaseListSerializer.Meta):
        fields = [*ReleaseListSerializer.Meta.fields, "items"]
        read_only_fields = fields


class ReleaseViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Release]):
    """Several jobs changed as one: those of one's product lines."""

    lookup_value_regex = "[0-9]{1,18}"
    filterset_class = ReleaseFilter
    ordering_fields = {"created": "id", "finished": "finished_at", "state": "state", "action": "action"}
    queryset = Release.objects.none()

    def get_queryset(self) -> QuerySet[Release]:
        releases = releases_visible(self.person)
        return releases if self.action == "list" else with_items(releases, self.person)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Release]]:
        return ReleaseListSerializer if self.action == "list" else ReleaseSerializer

    @starts_operation(
        request=ReleaseFields, summary="Change several jobs as one, in the order of their dependencies."
    )
    def create(self, request: Request) -> Response:
        wish = _wish(self.body(ReleaseFields))
        release = release_create(wish=wish, by=self.person, idempotency_key=self.idempotency_key())
        assert release.operation is not None
        return self.accepted(release.operation)

    @extend_schema(
        request=ReleaseFields, responses=PlanSerializer, summary="What it would do; nothing is done."
    )
    @action(detail=False, methods=["post"])
    def plan(self, request: Request) -> Response:
        return Response(PlanSerializer(release_plan(_wish(self.body(ReleaseFields)), by=self.person)).data)

    @starts_operation(request=Reasoned, summary="Bring back what ran before, of every job of it.")
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str) -> Response:
        release = self.get_object()
        fields = self.body(Reasoned)
        key = self.idempotency_key()
        return self.accepted(release_undo(release=release, by=self.person, idempotency_key=key, **fields))

    @extend_schema(
        request=Reasoned,
        responses={202: ReleaseSerializer},
        summary="Begin nothing more until it is resumed; what is under way goes on.",
    )
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        return self._tell("pause")

    @extend_schema(request=Reasoned, responses={202: ReleaseSerializer}, summary="Go on after a pause.")
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        return self._tell("resume")

    @extend_schema(
        request=Reasoned,
        responses={202: ReleaseSerializer},
        summary="Call it off: what is under way puts itself back, the rest as `on_failure` says.",
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        release = self.get_object()
        self.body(Reasoned)
        release_cancel(release=release, by=self.person)
        return Response(ReleaseSerializer(self.get_object()).data, HTTPStatus.ACCEPTED)

    def _tell(self, control: Control) -> Response:
        release = self.get_object()
        release_tell(release=release, control=control, by=self.person, **self.body(Reasoned))
        return Response(ReleaseSerializer(self.get_object()).data, HTTPStatus.ACCEPTED)


def _wish(fields: dict[str, Any]) -> Wish:
    return Wish(
        action=Release.Action(fields["action"]),
        items=[ItemWish(**item) for item in fields["items"]],
        on_failure=Release.OnFailure(fields["on_failure"]),
        parallel=fields["parallel"],
        reason=fields["reason"],
    )
