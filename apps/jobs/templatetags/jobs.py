"""What the job pages' templates need."""

from __future__ import annotations

from dataclasses import dataclass

from django import template

from apps.jobs.models import Instance

register = template.Library()


@dataclass(frozen=True, slots=True)
class ShownPort:
    """`url` is empty for a port that a browser cannot open."""

    port: int
    url: str


@register.filter
def ports(instance: Instance, protocols: list[str]) -> list[ShownPort]:
    """An instance's ports, those of TCP with their address. `protocols` are those of the spec, in its order."""
    return [
        ShownPort(port, f"http://{instance.ip}:{port}/" if instance.ip and "tcp" in protocol else "")
        for port, protocol in zip(
            instance.ports, [*protocols, *["tcp"] * (len(instance.ports) - len(protocols))], strict=False
        )
    ]
