"""What a product line costs."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.rights import product_lines_visible
from apps.core.api.base import ApiView
from apps.jobs.usage import usage_of


class AmountsSerializer(serializers.Serializer[Any]):
    """CPUs and GiB of memory that were promised to instances: held now, or times hours."""

    cpu = serializers.FloatField()
    memory_gib = serializers.FloatField()


class UsageView(ApiView):
    """What the specs promise the line's instances, counted every five minutes; not what they burn."""

    @extend_schema(
        parameters=[OpenApiParameter("line", OpenApiTypes.STR, OpenApiParameter.PATH)],
        responses=inline_serializer(
            "Usage",
            {
                "now": AmountsSerializer(),
                "day": AmountsSerializer(),
                "week": AmountsSerializer(),
                "month": AmountsSerializer(),
            },
        ),
        operation_id="product_lines_usage",
        summary="What is held for a product line now, and CPU·h and GiB·h of the last 24 hours, 7 and 30 days.",
    )
    def get(self, request: Request, line: str) -> Response:
        product_line = get_object_or_404(product_lines_visible(self.person), tag=line)
        usage = usage_of(product_line, now=timezone.now())
        spans = {"now": usage.now, "day": usage.day, "week": usage.week, "month": usage.month}
        return Response({name: AmountsSerializer(amounts).data for name, amounts in spans.items()})
