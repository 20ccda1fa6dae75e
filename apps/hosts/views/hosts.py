"""The hosts as a list and as tiles. One host's page shows the jobs on it, so it is `apps.jobs.views.hosts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from apps.core.selectors import clusters_shown
from apps.core.tables import NUMBER, OceanTable
from apps.core.views.tables import TablePage
from apps.hosts.filters import HostFilter
from apps.hosts.models import Host
from apps.hosts.resources import Resource, host_resources
from apps.hosts.selectors import hosts_visible


class ResourceColumn(tables.TemplateColumn):  # type: ignore[misc]  # untyped
    """One resource as a bar."""

    def __init__(self, name: str, **options: Any) -> None:
        self.resource = name
        super().__init__(template_name="hosts/_resource.html", accessor="pk", orderable=False, **options)

    def render(self, record: Host, **kwargs: Any) -> Any:
        self.extra_context = {"resource": self._of(record)}
        return super().render(record=record, **kwargs)

    def _of(self, host: Host) -> Resource | None:
        return next((found for found in host_resources(host) if found.name == self.resource), None)


class HostTable(OceanTable):
    region = "hosts"
    live = "hosts"
    caption = gettext_lazy("Hosts")
    empty_template = "hosts/_empty.html"

    hostname = tables.TemplateColumn(template_name="hosts/_link.html", verbose_name=gettext_lazy("host"))
    in_service = tables.TemplateColumn(
        template_name="hosts/_state.html",
        verbose_name=gettext_lazy("state"),
        accessor="pk",
        order_by=("-active", "draining", "gone_since"),
    )
    cluster = tables.TemplateColumn(
        template_name="hosts/_place.html",
        accessor="cluster__name",
        order_by=("cluster__name", "rack"),
        verbose_name=gettext_lazy("cluster, rack"),
    )
    instances = tables.Column(verbose_name=pgettext_lazy("number", "instances"), attrs=NUMBER)
    cpus = ResourceColumn("cpus", verbose_name=gettext_lazy("CPU"))
    mem = ResourceColumn("mem", verbose_name=gettext_lazy("memory"))
    disk = ResourceColumn("disk", verbose_name=gettext_lazy("disk"))
    disk_io = ResourceColumn("disk_io", verbose_name=gettext_lazy("disk I/O"))
    bandwidth = ResourceColumn("bandwidth", verbose_name=gettext_lazy("bandwidth"))


class HostTileTable(HostTable):
    """The same hosts, one tile each; `hosts/_tiles.html` groups them by cluster and rack."""

    region_template = "hosts/_tiles.html"
    page_sizes = (100, 500, 1000)
    page_size = 500


class HostList(TablePage):
    table_class = HostTable
    filterset_class = HostFilter
    template_name = "hosts/list.html"
    toolbar = ("search", "cluster", "rack", "in_service")

    def get_queryset(self) -> QuerySet[Host]:
        return hosts_visible(self.request.user)

    def choices(self) -> Mapping[str, list[tuple[str, str]]]:
        racks = Host.objects.exclude(rack="").values_list("rack", flat=True).distinct().order_by("rack")
        return {
            "cluster": [(cluster.name, cluster.name) for cluster in clusters_shown()],
            "rack": [(rack, rack) for rack in racks],
            "in_service": [
                ("true", pgettext("host", "in service")),
                ("false", pgettext("host", "not in service")),
            ],
        }


class HostTiles(HostList):
    """The pool at a glance, by data centre, cluster and rack."""

    table_class = HostTileTable

    def get_queryset(self) -> QuerySet[Host]:
        return super().get_queryset().order_by("cluster__idc", "cluster__name", "rack", "hostname", "pk")
