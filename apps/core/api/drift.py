"""What outside disagrees with what was asked for, and what SREs do about it."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import ApiView
from apps.core.api.serializers import UtcDateTimeField
from apps.core.drift import actions_of, drift_fix
from apps.core.filters import DriftFilter
from apps.core.models import Drift
from apps.core.selectors import drift_visible
from apps.core.serializers import Strict

LINES = {"type": "array", "items": {"type": "string"}}


class FixFields(Strict):
    """What to do: one of the row's `actions`."""

    action = serializers.CharField(max_length=16, help_text="`adopt`, `reapply` or `ignore`.")


class DriftSerializer(serializers.ModelSerializer[Drift]):
    """`wanted` and `found` are lines, in the outside's own words. `ignored`: since when somebody lets it be."""

    cluster = serializers.CharField(source="cluster.name", allow_null=True, default=None)
    wanted = extend_schema_field(LINES)(serializers.JSONField)()
    found = extend_schema_field(LINES)(serializers.JSONField)()
    since = UtcDateTimeField()
    ignored = UtcDateTimeField(source="ignored_at", allow_null=True)
    actions = serializers.SerializerMethodField()

    class Meta:
        model = Drift
        fields = ["id", "kind", "cluster", "object", "wanted", "found", "since", "ignored", "actions"]
        read_only_fields = fields

    def get_actions(self, drift: Drift) -> list[str]:
        return list(actions_of(drift))


class DriftViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Drift]):
    """What disagrees with what was asked for (SREs; for others there is none)."""

    lookup_value_regex = "[0-9]{1,18}"
    serializer_class = DriftSerializer
    filterset_class = DriftFilter
    ordering_fields = {"since": "since", "kind": "kind", "object": "object"}
    queryset = Drift.objects.none()

    def get_queryset(self) -> QuerySet[Drift]:
        return drift_visible(self.person)

    @extend_schema(
        request=FixFields,
        responses=DriftSerializer,
        summary="Do something about it. A worker does it, and the row goes when both agree again.",
    )
    @action(detail=True, methods=["post"])
    def fix(self, request: Request, pk: str) -> Response:
        drift = drift_fix(drift=self.get_object(), action=self.body(FixFields)["action"], by=self.person)
        return Response(DriftSerializer(drift).data)
