"""The product lines' secrets."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.models import ProductLine
from apps.accounts.rights import product_lines_visible
from apps.core.api.base import ApiView
from apps.jobs.api.serializers import SecretFields, SecretSerializer
from apps.jobs.models import Secret
from apps.jobs.services import secret_delete, secret_set


@extend_schema(
    parameters=[
        OpenApiParameter(
            "line", OpenApiTypes.STR, OpenApiParameter.PATH, description="The product line's tag."
        )
    ]
)
class SecretViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[Secret]):
    """A product line's secrets by name. Values are written only."""

    serializer_class = SecretSerializer
    lookup_field = "name"
    lookup_value_regex = r"[^/\x00]+"
    queryset = Secret.objects.none()
    kwargs: dict[str, Any]

    def get_queryset(self) -> QuerySet[Secret]:
        return Secret.objects.filter(product_line=self._line()).select_related("updated_by", "product_line")

    @extend_schema(
        request=SecretFields, responses=SecretSerializer, summary="Add a secret or replace its value."
    )
    def update(self, request: Request, line: str, name: str) -> Response:
        product_line = self._line()
        value = self.body(SecretFields)["value"]
        secret = secret_set(product_line=product_line, name=name, value=value, by=self.person)
        return Response(SecretSerializer(secret).data)

    @extend_schema(summary="Forget a secret.")
    def destroy(self, request: Request, line: str, name: str) -> Response:
        secret_delete(secret=self.get_object(), by=self.person)
        return Response(status=HTTPStatus.NO_CONTENT)

    def _line(self) -> ProductLine:
        return get_object_or_404(product_lines_visible(self.person), tag=self.kwargs["line"])
