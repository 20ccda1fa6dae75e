"""Operations and clusters."""

from __future__ import annotations

from http import HTTPStatus

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.rights import Right, require, require_sre
from apps.core.api.base import ApiView, Nothing
from apps.core.api.serializers import ClusterSerializer, OperationListSerializer, OperationSerializer
from apps.core.clusters import ClusterFields, cluster_save
from apps.core.filters import ClusterFilter, OperationFilter
from apps.core.models import Cluster, Operation
from apps.core.operations.services import operation_cancel
from apps.core.selectors import operations_visible


class OperationViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Operation]):
    """What was asked for and how far it is: one's own operations and those of one's product lines."""

    lookup_value_regex = "[0-9]{1,18}"
    filterset_class = OperationFilter
    ordering_fields = {"created": "id", "finished": "finished_at", "state": "state", "kind": "kind"}
    queryset = Operation.objects.none()

    def get_queryset(self) -> QuerySet[Operation]:
        operations = operations_visible(self.person)
        return operations if self.action == "list" else operations.prefetch_related("log")

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Operation]]:
        return OperationListSerializer if self.action == "list" else OperationSerializer

    @extend_schema(
        request=Nothing,
        responses={202: OpenApiResponse(OperationSerializer, "The wish was noted, or it had ended already.")},
        summary="Ask for an operation's end; what it began is put back where that is possible.",
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        operation = self.get_object()
        self.body(Nothing)
        require(self.person, Right.CHANGE, operation.product_line)
        operation_cancel(operation, by=self.person)
        return self.accepted(self.get_queryset().get(pk=operation.pk))


class ClusterViewSet(ApiView, mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Cluster]):
    """The clusters and how fresh what is shown of them is; SREs add and change them."""

    serializer_class = ClusterSerializer
    lookup_field = "name"
    lookup_value_regex = "[a-z0-9-]+"
    filterset_class = ClusterFilter
    ordering_fields = {"name": "name", "idc": "idc", "environment": "environment"}
    queryset = Cluster.objects.select_related("watch")

    @extend_schema(request=ClusterFields, responses={201: ClusterSerializer}, summary="Add a cluster (SREs).")
    def create(self, request: Request) -> Response:
        require_sre(self.person)
        cluster = cluster_save(cluster=Cluster(), fields=request.data, by=self.person)
        return Response(ClusterSerializer(cluster).data, HTTPStatus.CREATED)

    @extend_schema(request=ClusterFields, responses=ClusterSerializer, summary="Change a cluster (SREs).")
    def partial_update(self, request: Request, name: str) -> Response:
        require_sre(self.person)
        cluster = self.get_object()
        cluster_save(cluster=cluster, fields=request.data, by=self.person)
        return Response(ClusterSerializer(cluster).data)
