"""How core's things look in the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.models import Cluster, ClusterWatch, Operation, OperationLog
from apps.core.operations.kinds import controls_of
from apps.core.operations.line import successor_of


class UtcDateTimeField(serializers.DateTimeField):
    """ISO 8601 in UTC for everybody, whatever zone their pages show."""

    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)


class OperationLogSerializer(serializers.ModelSerializer[OperationLog]):
    """`text` is in the reader's language."""

    time = UtcDateTimeField(source="at")
    text = serializers.CharField(source="rendered")

    class Meta:
        model = OperationLog
        fields = ["time", "level", "text"]
        read_only_fields = fields


class OperationListSerializer(serializers.ModelSerializer[Operation]):
    """`message` and `error` are in the reader's language; `error` is empty unless it failed."""

    message = serializers.CharField(source="message_text")
    error = serializers.CharField(source="error_text")
    requested_by = serializers.CharField(source="requested_by.username", allow_null=True, default=None)
    product_line = serializers.CharField(source="product_line.tag", allow_null=True, default=None)
    cluster = serializers.CharField(source="cluster.name", allow_null=True, default=None)
    created = UtcDateTimeField(source="created_at")
    started = UtcDateTimeField(source="started_at", allow_null=True)
    finished = UtcDateTimeField(source="finished_at", allow_null=True)

    class Meta:
        model = Operation
        fields = [
            "id", "kind", "target", "product_line", "cluster", "state", "progress", "message", "error",
            "requested_by", "reason", "created", "started", "finished",
        ]  # fmt: skip
        read_only_fields = fields


class OperationSerializer(OperationListSerializer):
    """With its log, oldest line first. `controls`: what it can be told now, by whoever may change its target. `next`:
    the operation that waits to take over from it; `takes_over`: the one that it took over from, or will."""

    log = serializers.SerializerMethodField()
    controls = serializers.SerializerMethodField()
    next = serializers.SerializerMethodField()
    takes_over = serializers.SerializerMethodField()

    class Meta(OperationListSerializer.Meta):
        fields = [*OperationListSerializer.Meta.fields, "controls", "next", "takes_over", "log"]
        read_only_fields = fields

    @extend_schema_field(OperationLogSerializer(many=True))
    def get_log(self, operation: Operation) -> Any:
        return [] if operation.is_new else OperationLogSerializer(operation.log.all(), many=True).data

    def get_controls(self, operation: Operation) -> list[str]:
        return list(controls_of(operation))

    def get_next(self, operation: Operation) -> int | None:
        may_have_one = operation.is_active and not operation.is_new
        successor = successor_of(operation) if may_have_one else None
        return successor.pk if successor else None

    def get_takes_over(self, operation: Operation) -> int | None:
        earlier: int | None = operation.parameters.get("takes_over")
        return earlier


class ClusterWatchSerializer(serializers.ModelSerializer[ClusterWatch]):
    """How fresh what Ocean shows of a cluster is: `age_s` is the seconds since the mirror was last known true."""

    alive = serializers.BooleanField(source="is_alive")
    synced_at = UtcDateTimeField(allow_null=True)
    age_s = serializers.SerializerMethodField()
    error_since = UtcDateTimeField(allow_null=True)

    class Meta:
        model = ClusterWatch
        fields = ["alive", "connected", "synced_at", "age_s", "engine_version", "error", "error_since"]
        read_only_fields = fields

    def get_age_s(self, watch: ClusterWatch) -> int | None:
        return _age_s(watch.synced_at)


class ClusterSerializer(serializers.ModelSerializer[Cluster]):
    """Addresses as in OCEAN_CLUSTERS; credentials are written only. `watch` is null before its first watcher."""

    marathon = serializers.ListField(source="marathon_urls", child=serializers.CharField())
    mesos = serializers.ListField(source="mesos_urls", child=serializers.CharField())
    chronos = serializers.ListField(source="chronos_urls", child=serializers.CharField())
    metrics_queries = serializers.DictField(child=serializers.CharField())
    watch = ClusterWatchSerializer(allow_null=True, default=None)

    class Meta:
        model = Cluster
        fields = [
            "name",
            "idc",
            "environment",
            "enabled",
            "marathon",
            "mesos",
            "chronos",
            "metrics",
            "metrics_url",
            "metrics_label",
            "metrics_queries",
            "watch",
        ]
        read_only_fields = fields


def _age_s(moment: datetime | None) -> int | None:
    return None if moment is None else max(0, int((timezone.now() - moment).total_seconds()))
