"""Operations and clusters."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.accounts.rights import Right, require, require_sre
from apps.core.api.base import ApiView, CallT
from apps.core.api.serializers import ClusterSerializer, OperationListSerializer, OperationSerializer
from apps.core.clusters import ClusterFields, cluster_save
from apps.core.filters import ClusterFilter, OperationFilter
from apps.core.models import Cluster, Operation
from apps.core.operations.controls import operation_control
from apps.core.operations.kinds import Control
from apps.core.selectors import operations_visible
from apps.core.serializers import Reasoned


def tells(summary: str, *, url_path: str | None = None) -> Callable[[CallT], CallT]:
    """Describes a call that tells an operation what to do: asking for what was asked already, or too late for its end,
    changes nothing; what it cannot be told now is a problem `not-now` (409)."""

    def decorate(call: CallT) -> CallT:
        answers = {202: OpenApiResponse(OperationSerializer, "The wish was noted, or came true before.")}
        described = extend_schema(request=Reasoned, responses=answers, summary=summary)(call)
        return cast("CallT", action(detail=True, methods=["post"], url_path=url_path)(described))

    return decorate


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

    @tells("Ask for an operation's end; what it began is put back where that is possible.")
    def cancel(self, request: Request, pk: str) -> Response:
        return self._tell("cancel")

    @tells("Stop where it is; what runs, of both versions, runs on. No deadline counts meanwhile.")
    def pause(self, request: Request, pk: str) -> Response:
        return self._tell("pause")

    @tells("Go on after a pause.")
    def resume(self, request: Request, pk: str) -> Response:
        return self._tell("resume")

    @tells("End a hold: the new version is trusted.", url_path="go-on")
    def go_on(self, request: Request, pk: str) -> Response:
        return self._tell("go-on")

    @tells("Put back what ran before.")
    def undo(self, request: Request, pk: str) -> Response:
        return self._tell("undo")

    def _tell(self, control: Control) -> Response:
        operation = self.get_object()
        reason = self.body(Reasoned)["reason"]
        require(self.person, Right.CHANGE, operation.product_line)
        operation_control(operation, control, by=self.person, reason=reason)
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
