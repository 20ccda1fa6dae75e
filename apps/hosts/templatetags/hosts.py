"""Hosts' resources in templates."""

from __future__ import annotations

from django import template

from apps.hosts.capacity import Amount
from apps.hosts.models import Host
from apps.hosts.resources import (
    Resource,
    amount_text,
    cpu_percent,
    fullness_colour,
    host_resources,
    warmth,
)

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


register.filter("cpu_percent", cpu_percent)  # {{ host|cpu_percent }}
register.filter("warmth", warmth)  # {{ host|warmth }}


@register.filter
def resources(host: Host) -> list[Resource]:
    return host_resources(host)
