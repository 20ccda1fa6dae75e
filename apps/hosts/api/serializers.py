"""How hosts look in the API."""

from __future__ import annotations

from rest_framework import serializers

from apps.core.api.serializers import UtcDateTimeField
from apps.hosts.models import Host


class HostSerializer(serializers.ModelSerializer[Host]):
    """Scalars by name: `cpus`; `mem`, `disk` in MiB; others as Mesos reports them. `promised` is Ocean's own account
    of what Marathon cannot ask for."""

    cluster = serializers.CharField(source="cluster.name")
    idc = serializers.CharField(source="cluster.idc")
    attributes = serializers.DictField(child=serializers.CharField())
    resources = serializers.DictField(child=serializers.FloatField())
    used = serializers.DictField(child=serializers.FloatField())
    promised = serializers.DictField(child=serializers.FloatField())
    in_service = serializers.BooleanField()
    registered = UtcDateTimeField(source="registered_at", allow_null=True)
    gone_since = UtcDateTimeField(allow_null=True)

    class Meta:
        model = Host
        fields = [
            "cluster", "idc", "hostname", "agent_id", "address", "rack", "attributes", "resources", "used",
            "promised", "instances", "in_service", "active", "draining", "registered", "gone_since",
        ]  # fmt: skip
        read_only_fields = fields
