"""The machines of the pool, for SREs."""

from __future__ import annotations

from django.contrib import admin

from apps.core.admin_site import ReadOnlyAdmin
from apps.hosts.models import Host


@admin.register(Host)
class HostAdmin(ReadOnlyAdmin):
    """A mirror of what Mesos reports."""

    list_display = [
        "hostname", "cluster", "rack", "address", "instances", "active", "draining", "registered_at", "gone_since",
    ]  # fmt: skip
    list_filter = ["cluster", "active", "draining", ("gone_since", admin.EmptyFieldListFilter)]
    list_select_related = ["cluster"]
    search_fields = ["hostname", "address", "agent_id", "rack"]
