"""The hosts as a list and as tiles. One host's page shows the jobs on it, so it is `apps.jobs.views.hosts`."""

from __future__ import annotations

from collections.abc import Mapping

import django_tables2 as tables
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from apps.core.addresses import address
from apps.core.selectors import clusters_shown
from apps.core.tables import NUMBER, OceanTable
from apps.core.views.tables import TablePage
from apps.hosts.filters import HostFilter
from apps.hosts.models import Host
from apps.hosts.selectors import hosts_visible
from apps.hosts.templatetags.hosts import resource_bar


class HostTable(OceanTable):
    region = "hosts"
    live = "hosts"
    caption = gettext_lazy("Hosts")
    empty_template = "hosts/_empty.html"

    hostname = tables.Column(verbose_name=gettext_lazy("host"))
    in_service = tables.TemplateColumn(
        template_name="hosts/_state.html",
        verbose_name=gettext_lazy("state"),
        accessor="pk",
        order_by=("-active", "draining", "gone_since"),
    )
    cluster = tables.Column(
        accessor="cluster__name",
        order_by=("cluster__name", "rack"),
        verbose_name=gettext_lazy("cluster, rack"),
    )
    instances = tables.Column(verbose_name=pgettext_lazy("number", "instances"), attrs=NUMBER)
    cpus = tables.Column(accessor="pk", orderable=False, verbose_name=gettext_lazy("CPU"))
    mem = tables.Column(accessor="pk", orderable=False, verbose_name=gettext_lazy("memory"))
    disk = tables.Column(accessor="pk", orderable=False, verbose_name=gettext_lazy("disk"))
    disk_io = tables.Column(accessor="pk", orderable=False, verbose_name=gettext_lazy("disk I/O"))
    bandwidth = tables.Column(accessor="pk", orderable=False, verbose_name=gettext_lazy("bandwidth"))

    def cell_hostname(self, host: Host) -> str:
        link = format_html(
            '<a class="text-nowrap" href="{}" id="host-link-{}">{}</a>',
            address("jobs:host", host.cluster.name, host.hostname),
            host.pk,
            host.hostname,
        )
        if not host.address or host.address == host.hostname:
            return link
        return format_html('{}<div class="text-secondary small">{}</div>', link, host.address)

    def cell_cluster(self, host: Host) -> str:
        return format_html(
            '<span class="text-nowrap">{}</span><div class="text-secondary small">{}</div>',
            host.cluster.name,
            host.rack or "–",
        )

    def cell_instances(self, host: Host) -> str:
        return str(host.instances)

    def cell_cpus(self, host: Host) -> str:
        return resource_bar(host, "cpus")

    def cell_mem(self, host: Host) -> str:
        return resource_bar(host, "mem")

    def cell_disk(self, host: Host) -> str:
        return resource_bar(host, "disk")

    def cell_disk_io(self, host: Host) -> str:
        return resource_bar(host, "disk_io")

    def cell_bandwidth(self, host: Host) -> str:
        return resource_bar(host, "bandwidth")


_OF_A_TILE = (
    "cluster__name",
    "cluster__idc",
    "hostname",
    "rack",
    "resources",
    "used",
    "active",
    "draining",
    "gone_since",
)


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
        return (
            super()
            .get_queryset()
            .only(*_OF_A_TILE)
            .order_by("cluster__idc", "cluster__name", "rack", "hostname", "pk")
        )
