"""Hosts' resources in templates."""

from __future__ import annotations

from django import template

from apps.hosts.capacity import Amount
from apps.hosts.models import Host
from apps.hosts.resources import Resource, amount_text, fullness_colour, host_resources

register = template.Library()


@register.inclusion_tag("hosts/_bar.html")
def capacity_bar(name: str, label: str, amount: Amount) -> dict[str, object]:
    """How full something is: a bar, and the numbers in words."""
    return {
        "label": label,
        "percent": amount.percent,
        "text": amount_text(name, amount),
        "colour": fullness_colour(amount.percent),
    }


@register.filter
def resources(host: Host) -> list[Resource]:
    return host_resources(host)
