"""One host: its resources, and those of the instances on it that the person may see."""

from __future__ import annotations

import django_tables2 as tables
from django.http import Http404, HttpResponse
from django.utils.translation import gettext_lazy as _
from django_tables2 import RequestConfig

from apps.core.tables import NUMBER, OceanTable
from apps.core.views.pages import PageRequest, render_page
from apps.hosts.models import Host
from apps.hosts.selectors import host_get
from apps.jobs.selectors import instances_on

PARTS = {"host": "hosts/_detail.html", "host-instances": "jobs/_host_instances.html"}


class HostInstanceTable(OceanTable):
    region = "rows"
    caption = _("Instances on this host")

    job = tables.TemplateColumn(
        template_name="jobs/_instance_job.html", verbose_name=_("job"), order_by="job__tag"
    )
    state = tables.TemplateColumn(
        "{% load ocean %}{% state_badge record.state record.get_state_display %}", verbose_name=_("state")
    )
    version = tables.Column(verbose_name=_("version"), attrs=NUMBER)
    ports = tables.TemplateColumn(
        '{{ record.ports|join:", " }}', verbose_name=_("ports"), orderable=False, attrs=NUMBER
    )
    started_at = tables.TemplateColumn(
        "{% load ocean %}{% ago record.started_at %}", verbose_name=_("started")
    )


def host(request: PageRequest, cluster: str, hostname: str) -> HttpResponse:
    try:
        found = host_get(request.user, cluster=cluster, hostname=hostname)
    except Host.DoesNotExist:
        raise Http404 from None
    table = HostInstanceTable(instances_on(found, user=request.user))
    RequestConfig(request, paginate=True).configure(table)
    context = {
        "host": found,
        "table": table,
        "others": max(0, found.instances - table.paginator.count),
    }
    return render_page(request, "hosts/detail.html", context, parts=PARTS)
