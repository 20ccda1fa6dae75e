"""A host's resources as pages show them: what there is, what is used or promised, in words and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.hosts.capacity import Amount
from apps.hosts.models import Host

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MESOS = ("cpus", "mem", "disk", "gpus")
"""Those that Marathon asks for and Mesos accounts; the account of the others is Ocean's own (`Host.promised`)."""
_LABELS = {
    "cpus": gettext_lazy("CPU"),
    "mem": gettext_lazy("memory"),
    "disk": gettext_lazy("disk"),
    "gpus": gettext_lazy("GPU"),
    "disk_io": gettext_lazy("disk I/O"),
    "bandwidth": gettext_lazy("bandwidth"),
}
_GIB = 1024


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a host. `promised` says that the account is Ocean's own."""

    name: str
    label: StrOrPromise
    amount: Amount
    promised: bool

    @property
    def text(self) -> str:
        return amount_text(self.name, self.amount)

    @property
    def colour(self) -> str:
        return fullness_colour(self.amount.percent)


def host_resources(host: Host) -> list[Resource]:
    """All that the host has or was promised of it, the well-known ones first."""
    names = [name for name in _LABELS if name in host.resources or name in host.promised]
    names += sorted(name for name in host.resources if name not in _LABELS and name != "ports")
    return [_resource(host, name) for name in names]


def host_resource(host: Host, name: str) -> Resource | None:
    """One of those, if the host has it."""
    return _resource(host, name) if name in host.resources or name in host.promised else None


def _resource(host: Host, name: str) -> Resource:
    promised = name not in MESOS
    used = host.promised.get(name, 0.0) if promised else host.used.get(name, 0.0)
    total = host.resources.get(name, 0.0)
    return Resource(name, _LABELS.get(name, name), Amount(used=used, total=total), promised)


def cpu_percent(host: Host) -> int:
    """How much of its CPUs is promised to instances, 0–100."""
    return Amount(used=host.used.get("cpus", 0.0), total=host.resources.get("cpus", 0.0)).percent


def warmth(host: Host) -> str:
    """How a host's tile looks: `off`, or warmer the more of its CPUs is promised."""
    if not host.in_service:
        return "off"
    percent = cpu_percent(host)
    return "full" if percent >= 90 else "hot" if percent >= 75 else "warm" if percent >= 50 else "cool"


def amount_text(name: str, amount: Amount) -> str:
    """`1.5 / 4`, `2 / 8 GiB`: used of all there is, in a unit fit for people."""
    if name in ("mem", "disk"):
        values = {"used": _short(amount.used / _GIB), "total": _short(amount.total / _GIB)}
        return _("%(used)s / %(total)s GiB") % values
    values = {"used": _short(amount.used), "total": _short(amount.total)}
    if name == "disk_io":
        return _("%(used)s / %(total)s MiB/s") % values
    if name == "bandwidth":
        return _("%(used)s / %(total)s Mbit/s") % values
    return f"{values['used']} / {values['total']}"


def _short(number: float) -> str:
    """At most one decimal, and none where it says nothing: `0`, `13.7`, `128`, `2000`."""
    return f"{number:.0f}" if number >= 100 or number == int(number) else f"{number:.1f}"


def fullness_colour(percent: int) -> str:
    """Tabler's colour: warmer the fuller."""
    return "red" if percent >= 90 else "orange" if percent >= 75 else "primary"
