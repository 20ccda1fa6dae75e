"""Hosts' resources in templates."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext

from apps.core.addresses import address
from apps.core.templatetags.ocean import progress
from apps.hosts.capacity import Amount
from apps.hosts.models import Host
from apps.hosts.resources import (
    Resource,
    cpu_percent,
    host_resource,
    host_resources,
    warmth,
)

register = template.Library()


@register.simple_tag
def capacity_bar(name: str, label: str, amount: Amount) -> SafeString:
    """How full something is: a bar, and the numbers in words."""
    return bar(Resource(name, label, amount, promised=False))


@register.simple_tag
def bar(resource: Resource) -> SafeString:
    """One resource as a bar. Made without a template: a page of hosts has more than a hundred of them."""
    return format_html(
        '<div class="ocean-bar"><div class="small">{}</div>{}</div>',
        resource.text,
        progress(resource.amount.percent, label=str(resource.label), colour=resource.colour),
    )


def resource_bar(host: Host, name: str) -> str:
    """The same of a host, or a dash for what it has not."""
    resource = host_resource(host, name)
    return bar(resource) if resource else "–"


@register.simple_tag
def host_tiles(hosts: Iterable[Host]) -> SafeString:
    """A tile for each, as `<li>`s. Made without a template and without much ado: a page has 500 of them."""
    return SafeString("\n".join(map(_tile, hosts)))


def _tile(host: Host) -> str:
    href, name = address("jobs:host", host.cluster.name, host.hostname), escape(host.hostname)
    return (
        f'<li><a class="host-tile host-{warmth(host)}" id="tile-{host.pk}" href="{escape(href)}" title="{name}">'
        f'<span class="host-tile-name">{name}</span><span>{escape(_tile_words(host))}</span></a></li>'
    )


def _tile_words(host: Host) -> str:
    if host.in_service:
        return f"{gettext('CPU')} {cpu_percent(host)} %"
    if host.gone_since:
        return pgettext("host", "gone")
    return pgettext("host", "draining") if host.draining else pgettext("host", "not in service")


@register.filter
def resources(host: Host) -> list[Resource]:
    return host_resources(host)
