"""Notification groups, their channels, and what they were told."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.rights import product_lines_visible
from apps.core.api.base import ApiView, Nothing
from apps.core.api.serializers import UtcDateTimeField
from apps.core.filters import NotificationFilter, NotificationGroupFilter
from apps.core.models import Notification, NotificationChannel, NotificationDelivery, NotificationGroup
from apps.core.notifications.access import groups_visible, may_change_group, notifications_visible
from apps.core.notifications.channel_settings import (
    ChannelFields,
    NewChannelFields,
    channel_create,
    channel_delete,
    channel_save,
    channel_test,
)
from apps.core.notifications.channels import kind_of
from apps.core.notifications.channels.base import config_of
from apps.core.notifications.groups import (
    GroupFields,
    NewGroupFields,
    group_create,
    group_delete,
    group_save,
)
from apps.core.notifications.rendering import render
from apps.core.views.notifications import with_deliveries

GROUP_PARAMETER = OpenApiParameter(
    "group", OpenApiTypes.STR, OpenApiParameter.PATH, description="The group's name."
)
"""Of a nested address."""


class NewGroupBody(NewGroupFields):
    """`product_line`: its tag; left out or null, the group is for everybody (SREs)."""

    product_line = serializers.CharField(required=False, allow_null=True, default=None)


class ChannelSerializer(serializers.ModelSerializer[NotificationChannel]):
    """`config` is what may be shown, to who may change the group; null for others. Secrets are written only."""

    config = serializers.SerializerMethodField()
    sent = UtcDateTimeField(source="sent_at", allow_null=True)
    failed = UtcDateTimeField(source="failed_at", allow_null=True)

    class Meta:
        model = NotificationChannel
        fields = ["id", "name", "kind", "from_severity", "enabled", "config", "sent", "failed", "error"]
        read_only_fields = fields

    @extend_schema_field({"type": "object", "nullable": True, "additionalProperties": True})
    def get_config(self, channel: NotificationChannel) -> dict[str, Any] | None:
        return kind_of(channel).shown(config_of(channel)) if self.context["may_change"] else None


class GroupSerializer(serializers.ModelSerializer[NotificationGroup]):
    product_line = serializers.CharField(source="product_line.tag", allow_null=True, default=None)
    members = serializers.SlugRelatedField[Any](slug_field="username", many=True, read_only=True)
    created = UtcDateTimeField(source="created_at")

    class Meta:
        model = NotificationGroup
        fields = ["name", "title", "product_line", "language", "merge_s", "enabled", "members", "created"]
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[NotificationDelivery]):
    """How one channel took a message. `reached`: how many it reached, of a channel that reaches each by themselves."""

    channel = serializers.CharField(source="channel.name")
    kind = serializers.CharField(source="channel.kind")
    reached = serializers.SerializerMethodField()
    next_attempt = UtcDateTimeField(source="wake_at")
    finished = UtcDateTimeField(source="finished_at", allow_null=True)

    class Meta:
        model = NotificationDelivery
        fields = [
            "id",
            "channel",
            "kind",
            "state",
            "attempts",
            "reached",
            "error",
            "next_attempt",
            "finished",
        ]
        read_only_fields = fields

    def get_reached(self, delivery: NotificationDelivery) -> int:
        return len(delivery.reached)


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """One message, in the reader's language. `released` is null while it still collects what happens."""

    group = serializers.CharField(source="group.name")
    matter = serializers.CharField(source="key")
    product_line = serializers.CharField(source="product_line.tag", allow_null=True, default=None)
    subject = serializers.CharField()
    text = serializers.SerializerMethodField()
    created = UtcDateTimeField(source="created_at")
    released = UtcDateTimeField(source="released_at", allow_null=True)
    deliveries = DeliverySerializer(many=True)

    class Meta:
        model = Notification
        fields = [
            "id", "group", "matter", "severity", "product_line", "subject", "text", "events", "created", "released",
            "deliveries",
        ]  # fmt: skip
        read_only_fields = fields

    def get_text(self, notification: Notification) -> str:
        return render(notification).body


class NotificationGroupViewSet(
    ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[NotificationGroup]
):
    """Whom to tell: the groups of one's product lines, and those for everybody."""

    serializer_class = GroupSerializer
    lookup_field = "name"
    lookup_value_regex = "[a-z0-9_-]+"
    filterset_class = NotificationGroupFilter
    ordering_fields = {"name": "name", "created": "created_at"}
    queryset = NotificationGroup.objects.none()

    def get_queryset(self) -> QuerySet[NotificationGroup]:
        return groups_visible(self.person).prefetch_related("members")

    @extend_schema(request=NewGroupBody, responses={201: GroupSerializer}, summary="Add a group.")
    def create(self, request: Request) -> Response:
        fields = self.body(NewGroupBody)
        tag = fields.pop("product_line")
        line = get_object_or_404(product_lines_visible(self.person), tag=tag) if tag else None
        group = group_create(product_line=line, fields=fields, by=self.person)
        return Response(GroupSerializer(group).data, HTTPStatus.CREATED)

    @extend_schema(request=GroupFields, responses=GroupSerializer, summary="Change what is given of a group.")
    def partial_update(self, request: Request, name: str) -> Response:
        group_save(group=self.get_object(), fields=request.data, by=self.person)
        return Response(GroupSerializer(self.get_object()).data)

    @extend_schema(summary="Delete a group with its channels and its log.")
    def destroy(self, request: Request, name: str) -> Response:
        group_delete(group=self.get_object(), by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)


@extend_schema(parameters=[GROUP_PARAMETER])
class NotificationChannelViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[NotificationChannel]):
    """The ways by which a group is told."""

    serializer_class = ChannelSerializer
    lookup_value_regex = "[0-9]{1,18}"
    queryset = NotificationChannel.objects.none()
    kwargs: dict[str, Any]

    def get_queryset(self) -> QuerySet[NotificationChannel]:
        return self._group().channels.select_related("group__product_line")

    def get_serializer_context(self) -> dict[str, Any]:
        may_change = "group" in self.kwargs and may_change_group(self.person, self._group())
        return {**super().get_serializer_context(), "may_change": may_change}

    @extend_schema(
        request=NewChannelFields, responses={201: ChannelSerializer}, summary="Add a channel to the group."
    )
    def create(self, request: Request, group: str) -> Response:
        channel = channel_create(group=self._group(), fields=request.data, by=self.person)
        return Response(self.get_serializer(channel).data, HTTPStatus.CREATED)

    @extend_schema(
        request=ChannelFields,
        responses=ChannelSerializer,
        summary="Change what is given of a channel; secrets that are left out stay as they are.",
    )
    def partial_update(self, request: Request, group: str, pk: str) -> Response:
        channel = channel_save(channel=self.get_object(), fields=request.data, by=self.person)
        return Response(self.get_serializer(channel).data)

    @extend_schema(summary="Delete a channel.")
    def destroy(self, request: Request, group: str, pk: str) -> Response:
        channel_delete(channel=self.get_object(), by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(
        request=Nothing,
        responses={202: NotificationSerializer},
        summary="Send a test by this channel alone; `notifications/{id}/` shows what comes of it.",
    )
    @action(detail=True, methods=["post"])
    def test(self, request: Request, group: str, pk: str) -> Response:
        channel = self.get_object()
        self.body(Nothing)
        delivery = channel_test(channel=channel, by=self.person)
        return Response(NotificationSerializer(delivery.notification).data, HTTPStatus.ACCEPTED)

    def _group(self) -> NotificationGroup:
        if not hasattr(self, "_found"):
            found = groups_visible(self.person).filter(name=self.kwargs["group"]).first()
            if found is None:
                raise Http404
            self._found = found
        return self._found


class NotificationViewSet(
    ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Notification]
):
    """What groups were told, and how each channel took it; the newest first."""

    serializer_class = NotificationSerializer
    lookup_value_regex = "[0-9]{1,18}"
    filterset_class = NotificationFilter
    ordering_fields = {"created": "id"}
    queryset = Notification.objects.none()

    def get_queryset(self) -> QuerySet[Notification]:
        return with_deliveries(notifications_visible(self.person))
