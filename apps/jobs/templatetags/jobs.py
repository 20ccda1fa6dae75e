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


@register.filter
def amount(number: float) -> str:
    """A quantity for people: `0`, `0.25`, `13.7`, `1,234`."""
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"
