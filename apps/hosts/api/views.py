"""The machines of the pool."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.core.api.base import ApiView
from apps.hosts.api.serializers import HostSerializer
from apps.hosts.filters import HostFilter
from apps.hosts.models import Host
from apps.hosts.selectors import host_get, hosts_visible


class HostViewSet(ApiView, mixins.ListModelMixin, GenericViewSet[Host]):
    """Hosts as Mesos reports them. The pool is the whole platform's: every signed-in person sees all of it."""

    serializer_class = HostSerializer
    filterset_class = HostFilter
    ordering_fields = {
        "hostname": "hostname",
        "cluster": "cluster__name",
        "rack": "rack",
        "instances": "instances",
    }
    queryset = Host.objects.none()

    def get_queryset(self) -> QuerySet[Host]:
        return hosts_visible(self.person)


class HostView(ApiView):
    @extend_schema(responses=HostSerializer, summary="One host.")
    def get(self, request: Request, cluster: str, hostname: str) -> Response:
        try:
            host = host_get(self.person, cluster=cluster, hostname=hostname)
        except Host.DoesNotExist:
            raise Http404 from None
        return Response(HostSerializer(host).data)
